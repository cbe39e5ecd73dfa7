import { expect, it } from 'vitest';
import { CitationReader } from '../../../providers/gemini/response/citations.ts';

const chunks = [{ web: { uri: 'https://example.com/a' } }];
const grounded = (segments: readonly object[]) => ({
  groundingMetadata: {
    groundingChunks: chunks,
    groundingSupports: segments.map((segment) => ({ segment, groundingChunkIndices: [0] })),
  },
});

it('places in bytes become places in characters, wherever the text was split', () => {
  const letters = ['a', 'é', '日', '👋', ' '];
  const text = Array.from({ length: 4000 }, (_, at) => letters[(at * at + at) % 5]!);
  const places = Array.from({ length: 100 }, (_, at) => ({ start: at * 37, end: at * 37 + 1 + (at % 300) }));
  for (const size of [1, 7, 511, 512, 513, 4000]) {
    const reader = new CitationReader();
    for (let at = 0; at < text.length; at += size) reader.follow(text.slice(at, at + size).join(''));
    const bytes = (end: number) => Buffer.byteLength(text.slice(0, end).join(''));
    const found = reader.read(
      grounded(
        places.map(({ start, end }) => ({
          startIndex: bytes(start),
          endIndex: bytes(end),
          text: text.slice(start, end).join(''),
        })),
      ),
    );
    expect(found.map(({ start, end }) => ({ start, end }))).toEqual(places);
  }
});

it('a text that is elsewhere is looked for, its place counted in characters', () => {
  const reader = new CitationReader();
  reader.follow(`👋 ${'é'.repeat(2000)} named`);
  const [part] = reader.read(grounded([{ startIndex: 0, endIndex: 5, text: 'named' }]));
  expect(part).toMatchObject({ start: 2003, end: 2008 });
});

it('sources without end in a long answer do not hold the event loop', () => {
  const reader = new CitationReader();
  reader.follow('a'.repeat(1_000_000));
  const far = grounded(Array.from({ length: 256 }, (_, at) => ({ startIndex: 990_000, endIndex: 990_001 + at })));
  const nowhere = grounded(Array.from({ length: 256 }, (_, at) => ({ text: `${'a'.repeat(500)}b${at}` })));
  const begun = performance.now();
  for (let times = 0; times < 4; times++) for (const candidate of [far, nowhere]) reader.read(candidate);
  expect(performance.now() - begun).toBeLessThan(500);
});

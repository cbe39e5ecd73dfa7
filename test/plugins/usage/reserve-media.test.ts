import { describe, expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { Base64Source } from '../../../plugins/usage/reserve-base64.ts';
import { imageSize } from '../../../plugins/usage/reserve-image.ts';
import { mediumOf } from '../../../plugins/usage/reserve-media.ts';
import { providerTypes } from '../../../providers/index.ts';

const empty = { bytes: Buffer.alloc(0), json: {}, members: [] };

function png(width: number, height: number): Buffer {
  const head = Buffer.from('89504e470d0a1a0a0000000d494844520000000000000000', 'hex');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head;
}

function gif(width: number, height: number): Buffer {
  const head = Buffer.from('GIF89a\0\0\0\0\xf7\0\0', 'latin1');
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  return head;
}

/** With segments of these lengths ahead of the frame. */
function jpeg(width: number, height: number, segments: readonly number[] = [16]): Buffer {
  const ahead = segments.map((length) => {
    const segment = Buffer.alloc(2 + length);
    segment.writeUInt16BE(0xffe1);
    segment.writeUInt16BE(length, 2);
    return segment;
  });
  const frame = Buffer.from('ffc0001108000000000301110002110003110100', 'hex');
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from('ffd8', 'hex'), ...ahead, frame]);
}

function webp(kind: 'VP8 ' | 'VP8L' | 'VP8X', width: number, height: number): Buffer {
  const head = Buffer.alloc(32);
  head.write('RIFF', 0, 'latin1');
  head.write(`WEBP${kind}`, 8, 'latin1');
  if (kind === 'VP8 ') {
    head.writeUInt16LE(width, 26);
    head.writeUInt16LE(height, 28);
  } else if (kind === 'VP8L') head.writeUInt32LE(((height - 1) << 14) | (width - 1), 21);
  else {
    head.writeUIntLE(width - 1, 24, 3);
    head.writeUIntLE(height - 1, 27, 3);
  }
  return head;
}

const source = (bytes: Buffer): Base64Source => {
  const text = bytes.toString('base64');
  return new Base64Source(text, Buffer.alloc(0), 0, text.length);
};

describe('the size of an image', () => {
  it.each([
    ['PNG', png(400, 301)],
    ['GIF', gif(400, 301)],
    ['JPEG', jpeg(400, 301)],
    ['JPEG behind long segments', jpeg(400, 301, [65_000, 40_001, 3])],
    ['WebP, lossy', webp('VP8 ', 400, 301)],
    ['WebP, lossless', webp('VP8L', 400, 301)],
    ['WebP, extended', webp('VP8X', 400, 301)],
  ])('is read from the head of a %s', (_name, bytes) => {
    expect(imageSize(source(Buffer.concat([bytes, Buffer.alloc(5000, 1)])))).toEqual({ width: 400, height: 301 });
  });

  it('is not known where the head is cut at any byte, says nothing, or never ends', () => {
    for (const bytes of [png(9, 9), gif(9, 9), jpeg(9, 9), webp('VP8X', 9, 9)]) {
      for (let cut = 0; cut < bytes.length; cut++) expect(() => imageSize(source(bytes.subarray(0, cut)))).not.toThrow();
    }
    expect(imageSize(source(png(0, 0)))).toBeNull();
    expect(
      imageSize(
        source(
          jpeg(
            9,
            9,
            Array.from({ length: 100 }, () => 2),
          ),
        ),
      ),
    ).toBeNull();
    expect(imageSize(source(Buffer.concat([Buffer.from('ffd8', 'hex'), Buffer.alloc(100_000, 0xff)])))).toBeNull();
    expect(imageSize(source(Buffer.alloc(40)))).toBeNull();
  });
});

describe('a medium', () => {
  const url = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString('base64')}`;

  it('is what its first bytes say, whatever type it is said to have', () => {
    expect(mediumOf('', url('application/pdf', png(5, 6)), empty, null)).toMatchObject({
      kind: 'image',
      size: { width: 5, height: 6 },
    });
    expect(mediumOf('', url('text/plain', Buffer.alloc(3000, 65)), empty, null)).toMatchObject({ kind: 'text', bytes: 3000 });
  });

  it('is only known to the provider where it is an address or a file id', () => {
    for (const held of ['https://a.test/x.png', 'gs://bucket/x', 'file-abc', 'files/abc', ''])
      expect(mediumOf('image', held, empty, 'low')).toMatchObject({ kind: 'image', size: null, bytes: 0, detail: 'low' });
  });

  it('of sound lasts as its head says: WAV by bytes per second, MPEG by its bit rate', () => {
    const wav = Buffer.alloc(32_044);
    wav.write('RIFF', 0, 'latin1');
    wav.write('WAVEfmt ', 8, 'latin1');
    wav.writeUInt32LE(16_000, 28);
    expect(mediumOf('audio', wav.toString('base64'), empty, null).seconds).toBeCloseTo(2, 1);
    const mp3 = Buffer.alloc(12_000);
    mp3.set([0xff, 0xfb, 0x74]);
    expect(mediumOf('audio', mp3.toString('base64'), empty, null).seconds).toBeCloseTo(1, 1);
    expect(mediumOf('audio', Buffer.alloc(30_000).toString('base64'), empty, null).seconds).toBeCloseTo(10);
  });

  it('that is a document has the pages its tree says, at its head or its tail, else some by its size', () => {
    const pdf = (text: string, size: number) => Buffer.from(text.padEnd(size, '\0'), 'latin1');
    const pages = (bytes: Buffer) => mediumOf('', url('application/pdf', bytes), empty, null).pages;
    expect(pages(pdf('%PDF-1.4 /Type/Pages /Count 7', 9000))).toBe(7);
    expect(pages(Buffer.concat([pdf('%PDF-1.4', 900_000), Buffer.from('/Count 12 >>')]))).toBe(12);
    expect(pages(pdf('%PDF-1.7 all in streams', 120_000))).toBe(10);
    expect(pages(pdf('%PDF-1.7 /Count 1', 8_000_000))).toBeGreaterThanOrEqual(20);
  });

  it('that was cut out of a body is read there', () => {
    const image = url('image/png', Buffer.concat([png(640, 480), Buffer.alloc(100_000)]));
    const body = readBody(Buffer.from(JSON.stringify({ input: [{ image }] })));
    expect(body.cut?.size).toBe(1);
    const medium = mediumOf('image', (body.json.input as [{ image: string }])[0].image, body, null);
    expect(medium).toMatchObject({ kind: 'image', size: { width: 640, height: 480 } });
    expect(medium.bytes).toBeGreaterThan(100_000);
  });

  it('base64 is decoded where it is asked for only', () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => at % 251));
    for (const [from, to] of [
      [0, 4],
      [1, 5],
      [2, 9],
      [997, 1004],
      [1000, 1010],
      [500, 500],
    ] as const)
      expect(source(bytes).read(from, to)).toEqual(bytes.subarray(from, to));
  });
});

describe('the rules of every family', () => {
  const rules = providerTypes.flatMap(({ tokens }) => tokens ?? []);

  it('hold a finite number of tokens for images of any size, and for one that is not seen at least that of a large one', () => {
    for (const { models, image } of rules) {
      for (const side of [1, 17, 512, 4000, 65_535, 2 ** 31]) {
        for (const detail of [null, 'low', 'high', 'original', 'x']) {
          const tokens = image({ width: side, height: Math.ceil(side / 2) }, detail);
          expect([models, Number.isFinite(tokens) && tokens > 0 && tokens <= 60_000]).toEqual([models, true]);
        }
      }
      expect(image(null, null)).toBeGreaterThanOrEqual(image({ width: 1024, height: 1024 }, null));
    }
  });

  it('match any model by the last of them, and no earlier one takes what a later one is for', () => {
    const firstFor = (model: string) => rules.find(({ models }) => models.test(model));
    expect(firstFor('something-new')).toBe(rules.at(-1));
    for (const [model, other] of [
      ['gpt-4o-mini', 'gpt-4o'],
      ['gpt-5-nano', 'gpt-5'],
      ['gpt-4.1-nano', 'gpt-4.1'],
      ['gemini-2.0-flash', 'gemini-2.5-flash'],
      ['claude-3-5-haiku', 'claude-opus-4-8'],
      ['claude-opus-4-1-20250805', 'claude-opus-4-5-20251101'],
      ['llama-4-scout', 'llama-3.1-8b'],
    ] as const)
      expect([model, firstFor(model) === firstFor(other)]).toEqual([model, false]);
    for (const model of ['gpt-5', 'gpt-5.1', 'gpt-5.6-sol', 'o3', 'o4-mini', 'gpt-4o', 'claude-opus-5', 'gemini-3-pro']) {
      expect([model, firstFor(model) === rules.at(-1)]).toEqual([model, false]);
    }
  });
});

import type { CallBody, CutString } from '../provider.ts';

// Long strings of a body (base64 of images and sounds) are cut out before it is parsed; a stand-in with a unique mark is in
// their place. For another dialect the stand-ins travel through the translation like any string, and the bytes come in again
// at the end: nothing of them is decoded, escaped or measured on the way.

/** Ends a stand-in: never part of what `CutString.shown` counts. */
const MARK = '…#';

function markOf(standIn: string): string {
  return standIn.slice(standIn.lastIndexOf(MARK));
}

/**
 * A translated JSON document with the original bytes in the place of each mark. A translation may shorten the shown beginning
 * of a stand-in (`data:image/png;base64,`) but not what follows. Null when a mark is not there exactly once: then the original
 * strings have to be translated.
 */
export function withOriginals(document: Buffer, body: CallBody): Buffer | null {
  const places: { readonly at: number; readonly length: number; readonly cut: CutString }[] = [];
  for (const [standIn, cut] of body.cut ?? []) {
    const mark = Buffer.from(markOf(standIn));
    const at = placeOf(document, mark, 0);
    if (at === -1 || placeOf(document, mark, at + mark.length) !== -1) return null;
    places.push({ at, length: mark.length, cut });
  }
  places.sort((a, b) => a.at - b.at);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const { at, length, cut } of places) {
    pieces.push(document.subarray(from, at), body.bytes.subarray(cut.start + cut.shown, cut.end));
    from = at + length;
  }
  pieces.push(document.subarray(from));
  return Buffer.concat(pieces);
}

/** The mark as a whole: `…#12` is not a place of `…#1`. */
function placeOf(document: Buffer, mark: Buffer, from: number): number {
  for (let at = document.indexOf(mark, from); at !== -1; at = document.indexOf(mark, at + 1)) {
    const next = document[at + mark.length];
    if (next === undefined || next < 0x30 || next > 0x39) return at;
  }
  return -1;
}

/** The body with its long strings as they were sent; the same object when none was cut. Costs what decoding them costs. */
export function completeJson(body: CallBody): Readonly<Record<string, unknown>> {
  if (body.cut === undefined) return body.json;
  return completed(body.json, body, body.cut) as Record<string, unknown>;
}

function completed(value: unknown, body: CallBody, cut: ReadonlyMap<string, CutString>): unknown {
  if (typeof value === 'string') {
    const original = cut.get(value);
    return original === undefined
      ? value
      : (JSON.parse(`"${body.bytes.toString('utf8', original.start, original.end)}"`) as string);
  }
  if (Array.isArray(value)) return value.map((each) => completed(each, body, cut));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, completed(each, body, cut)]));
}

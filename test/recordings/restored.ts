import type { Json } from './expected.ts';

// Long base64 was cut in the recordings: its beginning is there and its length. What was behind that is known of a few public
// files, by which it is made again as far as its head tells anything.

const cutText = /^([\s\S]*)\.\.\.\[TRUNCATED (\d+) chars\]$/;

/** Beginnings of pictures whose frame was cut off, and the frame: the first by the name of the public file (`360_F`) and its tokens. */
const pictures: readonly (readonly [start: string, width: number, height: number])[] = [
  ['/9j/4AAQSkZJRgABAQEBLAEsAAD/4QBW', 540, 360],
  ['/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD', 597, 566],
];

/** A copy of a request with its cut texts made as long as they were. */
export function restored<T>(value: T): T {
  if (typeof value === 'string') {
    const [, start, length] = cutText.exec(value) ?? [];
    return (start === undefined ? value : whole(start, Number(length))) as T;
  }
  if (Array.isArray(value)) return value.map(restored) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value as Json).map(([key, each]) => [key, restored(each)])) as T;
}

function whole(start: string, length: number): string {
  const [, url = '', data = ''] = /^(data:[^,]*,)?([\s\S]*)$/.exec(start) ?? [];
  const size = length - url.length;
  const standard = data.replaceAll('-', '+').replaceAll('_', '/');
  const picture = pictures.find(([head]) => standard.startsWith(head));
  if (picture !== undefined) return url + padded(frame(picture[1], picture[2]), size, '');
  const even = standard.slice(0, standard.length - (standard.length % 4));
  // All recorded documents have one page.
  return (
    url +
    padded(even, size, even.startsWith('JVBERi') ? Buffer.from('/Type/Pages/Kids[1 0 R]/Count 1 >>  ').toString('base64') : '')
  );
}

function padded(start: string, size: number, end: string): string {
  return start + 'A'.repeat(Math.max(0, Math.floor((size - start.length - end.length) / 4) * 4)) + end;
}

/** Start of a JPEG with a frame of this size. */
function frame(width: number, height: number): string {
  const bytes = Buffer.from('ffd8ffc0001108000000000301110002110003110100', 'hex');
  bytes.writeUInt16BE(height, 7);
  bytes.writeUInt16BE(width, 9);
  return bytes.subarray(0, 21).toString('base64');
}

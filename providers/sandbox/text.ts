import { createHash } from 'node:crypto';

/** Longest piece of text without white space that is sent, and counted, as one. */
const pieceLength = 16;
const piece = new RegExp(`\\s*\\S{1,${pieceLength}}|\\s+`, 'gu');

/** A text cut at word boundaries, white space before the word; joined again it is the text. One piece is one token here. */
export function pieces(text: string): readonly string[] {
  return text.match(piece) ?? [];
}

/** Lower-case hex digest: where ids and vectors come from, so that the same request gets the same bytes. */
export function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Text of a message content, of a string or of parts; anything else has none. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (isObject(part) && typeof part.text === 'string' ? part.text : '')).join('');
}

import { type Edit, scanMembers, spliceMembers } from '../../wire/members.ts';

// Asking the upstream for usage puts `"usage":null` on every chunk, and a client who did not ask must not see it. Measured (Node
// 26, one core), a 270-byte chunk: 2.6 us by scanning its members, 0.5 us by the short way below.

const KEY = Buffer.from('"usage"');
const UNICODE_ESCAPE = Buffer.from('\\u');
const NULL = Buffer.from('null');
const CUT: readonly Edit[] = [{ key: 'usage', remove: true }];

const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;

/** The JSON text of an object without its top-level member `usage`, which has the parsed value `usage`; all else byte for byte. */
export function cutUsage(data: Buffer, usage: unknown): Buffer {
  const at = usage === null ? onlyKey(data) : -1;
  return (at === -1 ? null : cutNull(data, at)) ?? spliceMembers(data, scanMembers(data, 'allow'), CUT);
}

/**
 * Offset of `"usage"` if the text has it once and without doubt: with no `\u` anywhere the member's key is written plainly, so the
 * only occurrence is the key. Else -1.
 */
function onlyKey(data: Buffer): number {
  const at = data.indexOf(KEY);
  if (at === -1 || data.indexOf(KEY, at + KEY.length) !== -1) return -1;
  return data.indexOf(UNICODE_ESCAPE) === -1 ? at : -1;
}

/** Cuts `"usage": null` and the comma before it; null when it does not stand in that form. */
function cutNull(data: Buffer, key: number): Buffer | null {
  let value = skipSpace(data, key + KEY.length, 1);
  if (data[value] !== COLON) return null;
  value = skipSpace(data, value + 1, 1);
  if (data.compare(NULL, 0, 4, value, Math.min(value + 4, data.length)) !== 0) return null;
  let start = skipSpace(data, key - 1, -1);
  let end = value + 4;
  if (data[start] === COMMA) start = skipSpace(data, start - 1, -1) + 1;
  else if (data[start] === OPEN_BRACE) {
    start = key;
    const next = skipSpace(data, end, 1);
    if (data[next] === COMMA) end = skipSpace(data, next + 1, 1);
  } else return null;
  const rest = Buffer.allocUnsafe(data.length - (end - start));
  data.copy(rest, 0, 0, start);
  data.copy(rest, start, end);
  return rest;
}

function skipSpace(data: Buffer, from: number, step: 1 | -1): number {
  let at = from;
  while (data[at] === 0x20 || data[at] === 0x0a || data[at] === 0x0d || data[at] === 0x09) at += step;
  return at;
}

import type { Dice } from './dice.ts';

// Damage done to bytes without knowing what they mean.

const hostile: readonly (string | Buffer)[] = [
  '\0',
  '\r\n',
  '\n\n',
  '\r',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\ufeff',
  '\u2028',
  '\\ud800',
  'data: ',
  'data: [DONE]\n\n',
  'event: error\n',
  ': comment\n',
  '1e400',
  '"__proto__":{"polluted":1},',
  Buffer.from([0xff]),
  Buffer.from([0xc0, 0xaf]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf0, 0x9f]),
];

function splice(bytes: Buffer, at: number, remove: number, insert: Buffer | string): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(insert as string), bytes.subarray(at + remove)]);
}

/** A span of `bytes`, mostly a short one. */
function span(dice: Dice, bytes: Buffer): [start: number, length: number] {
  const start = dice.below(bytes.length + 1);
  const longest = dice.chance(0.8) ? 16 : bytes.length;
  return [start, dice.below(Math.min(longest, bytes.length - start) + 1)];
}

const ways: readonly ((dice: Dice, bytes: Buffer) => Buffer)[] = [
  function flipBit(dice, bytes) {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    const at = dice.below(copy.length);
    copy[at] = copy[at]! ^ (1 << dice.below(8));
    return copy;
  },
  function overwrite(dice, bytes) {
    const [start, length] = span(dice, bytes);
    return splice(bytes, start, length, dice.bytes(length));
  },
  function insert(dice, bytes) {
    return splice(bytes, dice.below(bytes.length + 1), 0, dice.chance(0.3) ? dice.bytes(dice.between(1, 9)) : dice.pick(hostile));
  },
  function remove(dice, bytes) {
    return splice(bytes, ...span(dice, bytes), '');
  },
  function repeat(dice, bytes) {
    const [start, length] = span(dice, bytes);
    return splice(bytes, start + length, 0, bytes.subarray(start, start + length));
  },
  function cut(dice, bytes) {
    return bytes.subarray(0, dice.below(bytes.length + 1));
  },
];

/** `bytes` with one to three faults; the original stays as it is. */
export function damaged(dice: Dice, bytes: Buffer): Buffer {
  let result = bytes;
  for (let count = dice.pick([1, 1, 1, 2, 3]); count > 0; count--) result = dice.pick(ways)(dice, result);
  return result;
}

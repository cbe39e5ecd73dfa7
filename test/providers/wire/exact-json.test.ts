import { describe, expect, it } from 'vitest';
import { parseExact, parseIntegers } from '../../../providers/wire/exact-json.ts';

describe('numbers that a double would change', () => {
  it.each(['{"id":9007199254740993}', '[12345678901234567890,-9007199254740993]', '{"a":{"b":[100000000000000001]},"c":"x"}'])(
    'keep their digits on the way through: %s',
    (text) => {
      expect(JSON.stringify(parseExact(text))).toBe(text);
      expect(JSON.stringify(parseIntegers(text))).toBe(text);
    },
  );

  it('of arguments keep the form they were written in', () => {
    const text = '{"price":1.10,"long":0.12345678901234567890}';
    expect(JSON.stringify(parseExact(text))).toBe(text);
  });

  it('of an answer stay numbers where they are no whole ones', () => {
    expect(parseIntegers('[0.12345678901234567890,1e400,9007199254740991]')).toEqual([
      0.12345678901234568,
      Infinity,
      9007199254740991,
    ]);
  });

  it('what is no JSON is undefined, or an error', () => {
    expect(parseExact('{nope')).toBeUndefined();
    expect(parseExact('null')).toBeNull();
    expect(() => parseIntegers('{nope 1234567890123456')).toThrow(SyntaxError);
  });
});

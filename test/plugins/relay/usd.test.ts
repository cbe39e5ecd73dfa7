import fc from 'fast-check';
import { expect, it } from 'vitest';
import { formatUsd } from '../../../plugins/usage/usd.ts';

it.each([
  [0, '0'],
  [1, '0.000000001'],
  [10, '0.00000001'],
  [123_456_789, '0.123456789'],
  [1_000_000_000, '1'],
  [1_710_000_000, '1.71'],
  [1_000_000_001, '1.000000001'],
  [Number.MAX_SAFE_INTEGER, '9007199.254740991'],
])('%i nano-USD are %s', (nano, text) => {
  expect(formatUsd(nano)).toBe(text);
});

it('is exact for every amount and never has an exponent or trailing zeros', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (nano) => {
      const text = formatUsd(nano);
      expect(text).toMatch(/^\d+(\.\d{0,8}[1-9])?$/);
      const [whole = '', fraction = ''] = text.split('.');
      expect(BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))).toBe(BigInt(nano));
    }),
  );
});

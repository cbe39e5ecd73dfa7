import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuantityReader, quantityOf } from '../../../providers/wire/quantities.ts';

describe('quantityOf', () => {
  it.each([
    [5, 5],
    [0, 0],
    [-0, 0],
    [1.2, 2],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    [2 ** 60, Number.MAX_SAFE_INTEGER],
    [-1, null],
    [Number.NEGATIVE_INFINITY, null],
    [Number.NaN, null],
    ['7', null],
    [null, null],
    [undefined, null],
    [true, null],
    [[3], null],
    [{}, null],
  ])('A12: %s is %s', (value, expected) => {
    expect(quantityOf(value)).toBe(expected);
  });

  it('A12: is an integer from 0 to 2^53-1 or nothing, for any value', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const quantity = new QuantityReader().take('kind', value).done().kind;
        expect(quantity === undefined || (Number.isSafeInteger(quantity) && quantity >= 0)).toBe(true);
      }),
    );
  });
});

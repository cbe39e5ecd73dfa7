import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExchangeIds } from '../../../plugins/exchange/ids.ts';

const seed = Buffer.from([1, 2, 3, 4]);

it('an id is ex_ and 20 characters of an alphabet without i, l, o and u', () => {
  expect(new ExchangeIds(() => 1_790_000_000_000, seed).next()).toMatch(/^ex_[0-9a-hjkmnp-tv-z]{20}$/);
});

it('ids differ and sort in the order they were made, whatever the clock does', () => {
  const clock = fc.array(fc.integer({ min: -3_600_000, max: 3_600_000 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(clock, (steps) => {
      let now = 1_790_000_000_000;
      const ids = new ExchangeIds(() => now, seed);
      const made = steps.map((step) => {
        now += step;
        return ids.next();
      });
      expect(new Set(made).size).toBe(made.length);
      expect([...made].sort()).toEqual(made);
    }),
  );
});

it('ids of later milliseconds sort behind, also where a digit carries', () => {
  let now = 0;
  const ids = new ExchangeIds(() => now, seed);
  const made: string[] = [];
  for (now of [1, 31, 32, 1_023, 1_024, 32 ** 5 - 1, 32 ** 5, 1_790_000_000_000, 32 ** 9 - 1]) made.push(ids.next());
  expect([...made].sort()).toEqual(made);
});

it('more ids than a millisecond holds go on with the next one', () => {
  const ids = new ExchangeIds(() => 1_790_000_000_000, seed);
  let last = ids.next();
  for (let count = 1; count < 32 ** 4 + 3; count++) {
    const next = ids.next();
    if (next <= last) throw new Error(`${next} is not behind ${last}.`);
    last = next;
  }
  expect(last.slice(3, 12) > new ExchangeIds(() => 1_790_000_000_000, seed).next().slice(3, 12)).toBe(true);
});

it('processes that make ids in the same millisecond make other ones', () => {
  const one = new ExchangeIds(() => 5, Buffer.from([0, 0, 0, 1]));
  const other = new ExchangeIds(() => 5, Buffer.from([255, 255, 255, 255]));
  expect(one.next()).not.toBe(other.next());
});

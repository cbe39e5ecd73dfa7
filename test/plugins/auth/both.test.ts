import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allows, bothModels, bothNames, modelBeyond } from '../../../plugins/auth/permission.ts';
import { anonymous } from '../../../plugins/exchange/exchange.ts';

const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 });
const entry = fc.oneof(
  letters,
  letters.map((text) => `${text}*`),
);
const list = fc.option(fc.array(entry, { maxLength: 4 }));
const may = (models: readonly string[] | null, model: string) => allows({ ...anonymous, models }, model);

test('a model is allowed by both lists together exactly when each of them allows it', () => {
  fc.assert(
    fc.property(list, list, letters, (one, other, model) => {
      expect(may(bothModels(one, other), model)).toBe(may(one, model) && may(other, model));
    }),
    { numRuns: 2000 },
  );
});

test('a list that goes beyond no other allows nothing the other does not', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), list, letters, (asked, limit, model) => {
      if (modelBeyond(asked, limit) === null && may(asked, model)) expect(may(limit, model)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test('names are those in both lists, and no list is all', () => {
  expect(bothNames(null, null)).toBeNull();
  expect(bothNames(['a'], null)).toEqual(['a']);
  expect(bothNames(['a', 'b'], ['b', 'c'])).toEqual(['b']);
  expect(bothNames(['a'], [])).toEqual([]);
});

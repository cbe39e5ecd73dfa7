import { expect, test } from 'vitest';
import { distance, nearest, suggestion } from '../../config/nearest.ts';

test.each([
  ['kitten', 'sitting', 3],
  ['weigth', 'weight', 1],
  ['', 'ab', 2],
  ['same', 'same', 0],
])('from %s to %s it takes %i edits, a swap of neighbours being one', (left, right, edits) => {
  expect(distance(left, right, 5)).toBe(edits);
});

test('a distance beyond the limit is the limit and one', () => {
  expect(distance('abcdef', 'uvwxyz', 2)).toBe(3);
  expect(distance('a', 'abcdefgh', 2)).toBe(3);
});

test('the nearest name comes first, and case and dashes do not count', () => {
  expect(nearest('Body-Limit', ['body_limits', 'body_limit', 'listen'])).toEqual(['body_limit', 'body_limits']);
});

test('the beginning of a name is near to it', () => {
  expect(nearest('vllm', ['openai', 'vllm-a', 'vllm-b'])).toEqual(['vllm-a', 'vllm-b']);
});

test('a name that is long beyond reason is near to nothing', () => {
  expect(nearest('x'.repeat(100_000), ['x'])).toEqual([]);
});

test('without anything near, a short list is shown whole and a long one is not', () => {
  expect(suggestion('qqqq', ['a', 'b'], 'other')).toBe('known: a, b');
  expect(
    suggestion(
      'qqqq',
      Array.from({ length: 17 }, (_, index) => `name${index}`),
      'other',
    ),
  ).toBe('other');
});

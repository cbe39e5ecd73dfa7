import { expect, test } from 'vitest';
import { allows } from '../../../plugins/auth/permission.ts';
import { anonymous } from '../../../plugins/exchange/exchange.ts';

const key = (models: string[] | null) => ({ ...anonymous, keyId: 'key_a', name: 'a', models, options: null });

test('a key without a list may use every model', () => {
  expect(allows(key(null), 'anything')).toBe(true);
});

test('an empty list allows nothing', () => {
  expect(allows(key([]), 'smart')).toBe(false);
});

test.each([
  [['smart'], 'smart', true],
  [['smart'], 'smarter', false],
  [['smart'], 'Smart', false],
  [['gpt-*'], 'gpt-5', true],
  [['gpt-*'], 'gpt-', true],
  [['gpt-*'], 'chatgpt-5', false],
  [['*'], 'x', true],
  [['g*t'], 'gpt', false],
  [['a', 'b/*'], 'b/c', true],
])('%j and %s: %s', (models, model, expected) => {
  expect(allows(key(models), model)).toBe(expected);
});

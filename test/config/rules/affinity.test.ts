import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const model = (text: string) =>
  `providers: { v: { type: vendor, api_key: abc } }\nmodels: { m: { targets: [{ provider: v, model: x }], ${text} } }\n`;

test.each(['[]', '[prefix]', '[prompt_cache_key, user, prefix]', '[user]'])('affinity %s is fine', (affinity) => {
  expect(load({ file: model(`affinity: ${affinity}`) }).config.models.m!.affinity).toBeDefined();
});

test('what stands after prefix could never decide', () => {
  expect(onlyProblem({ file: model('affinity: [prefix, user]') })).toMatchObject({
    path: 'models.m.affinity[1]',
    hint: 'put prefix last',
  });
});

test('an entry that is there twice is refused', () => {
  expect(onlyProblem({ file: model('affinity: [user, user]') }).path).toBe('models.m.affinity[1]');
});

test('an unknown entry is refused with the nearest one', () => {
  expect(onlyProblem({ file: model('affinity: [prompt_cache]') }).hint).toContain('prompt_cache_key');
});

test('a highest price that limits nothing is refused', () => {
  expect(onlyProblem({ file: model('max_price: {}') }).path).toBe('models.m.max_price');
  expect(load({ file: model('max_price: { output: 0 }') }).config.models.m!.max_price).toEqual({ output: 0 });
});

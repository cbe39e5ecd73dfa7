import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const file = (models: string, provider = '') =>
  `providers: { v: { type: vendor, api_key: abc${provider} } }\nmodels: ${models}\n`;

test.each(['{}', '{ adaptive: false }'])('a concurrency of %s is no limit', (written) => {
  const problem = onlyProblem({ file: file(`{ m: { targets: [{ provider: v, model: x, concurrency: ${written} }] } }`) });
  expect(problem).toMatchObject({ path: 'models.m.targets[0].concurrency', hint: 'write max, or adaptive: true' });
  expect(onlyProblem({ file: file('{}', `, concurrency: ${written}`) }).path).toBe('providers.v.concurrency');
});

test('two limits of one target are a warning that says which one holds', () => {
  const both = (second: string) =>
    file(
      `{ a: { targets: [{ provider: v, model: x, concurrency: { max: 4 } }] }, b: { targets: [{ provider: v, model: x, concurrency: ${second} }] } }`,
    );
  expect(load({ file: both('{ adaptive: true, max: 4 }') }).warnings).toEqual([
    'models b: the target v/x is limited to adaptive up to 4 here and to 4 in models a; a target has one limit, and the first entry of the file gives it',
  ]);
  expect(load({ file: both('{ max: 4 }') }).warnings).toEqual([]);
});

test('a limit above the connections of its provider is a warning', () => {
  const { warnings } = load({ file: file('{}', ', connections: 4, concurrency: { max: 5 }') });
  expect(warnings).toEqual([expect.stringContaining('concurrency.max 5 is never reached, because there are 4 connections')]);
  expect(load({ file: file('{}', ', connections: 5, concurrency: { max: 5 }') }).warnings).toEqual([]);
});

test('a queue of a model without any limit is a warning', () => {
  const model = '{ m: { queue: { max: 5 }, targets: [{ provider: v, model: x }] } }';
  expect(load({ file: file(model) }).warnings).toEqual([expect.stringContaining('queue has no effect')]);
  expect(load({ file: file(model, ', connections: 5') }).warnings).toEqual([]);
  expect(load({ file: file(model, ', concurrency: { adaptive: true }') }).warnings).toEqual([]);
});

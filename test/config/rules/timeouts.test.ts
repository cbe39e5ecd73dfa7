import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const file = (provider: string, model: string, timeouts = '{}') =>
  `timeouts: ${timeouts}\nproviders: { v: { type: vendor, api_key: abc, timeouts: ${provider} } }\n` +
  `models: { m: { targets: [{ provider: v, model: x }], timeouts: ${model} } }\n`;

test('a minimum rate over no time is refused where it comes about', () => {
  const none = '{}';
  expect(onlyProblem({ file: file(none, none, '{ min_rate: 5, min_rate_window: 0s }') }).path).toBe('timeouts.min_rate_window');
  expect(onlyProblem({ file: file('{ min_rate: 5, min_rate_window: 0s }', none) }).path).toBe(
    'providers.v.timeouts.min_rate_window',
  );
  expect(onlyProblem({ file: file(none, '{ min_rate: 5 }', '{ min_rate_window: 0s }') }).path).toBe('models.m.timeouts.min_rate');
});

test('a window without a rate is fine, and so is a rate over the default window', () => {
  const { config } = load({ file: file('{ min_rate: 20 }', '{ min_rate_window: 0s }') });
  expect(config.providers.v!.timeouts).toEqual({ min_rate: 20 });
});

test('a rate below 0 is refused', () => {
  expect(onlyProblem({ file: file('{ min_rate: -1 }', '{}') }).path).toBe('providers.v.timeouts.min_rate');
});

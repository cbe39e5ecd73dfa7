import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const providers = 'providers: { v: { type: vendor, api_key: abc }, w: { type: vendor, api_key: def } }';
const one = 'targets: [{ provider: v, model: x }, { provider: v, model: y }]';
const two = 'targets: [{ provider: v, model: x }, { provider: w, model: x }]';
const file = (model: string, rest = '') => `${providers}\nmodels: { m: { ${model} } }\n${rest}`;

test('a hedge between targets of two providers is fine, its settings over those of retries.hedge', () => {
  const { config, warnings } = load({ file: file(`${two}, hedge: { enabled: true, percentile: 90 }`) });
  expect(config.models.m?.hedge).toEqual({ enabled: true, percentile: 90 });
  expect(warnings).toEqual([]);
});

test('a hedge without a second provider is refused', () => {
  expect(onlyProblem({ file: file(`${one}, hedge: { enabled: true }`) })).toMatchObject({
    path: 'models.m.hedge.enabled',
    message: expect.stringContaining('every target here is at one provider'),
  });
  const off = file(`${two}, hedge: { enabled: true }`).replace('def }', 'def, enabled: false }');
  expect(onlyProblem({ file: off }).path).toBe('models.m.hedge.enabled');
});

test('hedges for all models are fine where some have one provider', () => {
  expect(load({ file: file(one, 'retries: { hedge: { enabled: true } }') }).warnings).toEqual([]);
});

test.each([
  ['models.m.hedge.enabled', file(`${two}, hedge: { enabled: true }`, 'retries: { max_attempts: 1 }')],
  ['retries.hedge.enabled', file(two, 'retries: { max_attempts: 1, hedge: { enabled: true } }')],
])('%s is refused where an exchange may have one send', (path, text) => {
  expect(onlyProblem({ file: text })).toMatchObject({ path, hint: expect.stringContaining('retries.max_attempts') });
});

test('settings of a hedge that is off, or that may have no request, are warnings', () => {
  expect(load({ file: file(`${two}, hedge: { percentile: 90 }`) }).warnings).toEqual([
    expect.stringContaining('models m: nothing is hedged'),
  ]);
  expect(load({ file: file(`${two}, hedge: { enabled: true, max_ratio: 0 }`) }).warnings).toEqual([
    expect.stringContaining('models m: hedge.max_ratio is 0'),
  ]);
  expect(load({ file: file(`${two}, hedge: { enabled: false }`, 'retries: { hedge: { enabled: true } }') }).warnings).toEqual([]);
});

test('a shadow at another provider or model is fine', () => {
  expect(load({ file: file(`${one}, shadow: { provider: w, model: x, share: 0.1, max_in_flight: 2 }`) }).warnings).toEqual([]);
  expect(load({ file: file(`${one}, shadow: { provider: v, model: z }`) }).config.models.m?.shadow).toBeDefined();
});

test('a shadow at an unknown provider is refused with the nearest names', () => {
  const text = file(`${one}, shadow: { provider: vv, model: x }`);
  expect(onlyProblem({ file: text })).toMatchObject({ path: 'models.m.shadow.provider', hint: 'did you mean v?' });
});

test('a shadow that is one of the targets is refused', () => {
  expect(onlyProblem({ file: file(`${one}, shadow: { provider: v, model: y }`) })).toMatchObject({
    path: 'models.m.shadow.model',
    message: expect.stringContaining('one of the targets'),
  });
});

test('a shadow at a provider that is not enabled is a warning', () => {
  const text = file(`${one}, shadow: { provider: w, model: x }`).replace('def }', 'def, enabled: false }');
  expect(load({ file: text }).warnings).toEqual([expect.stringContaining('so nothing is copied')]);
});

test('the star of a shadow takes what the pattern matched, and needs one', () => {
  const shadow = '{ provider: w, model: "*" }';
  expect(onlyProblem({ file: file(`${one}, shadow: ${shadow}`) }).path).toBe('models.m.shadow.model');
  const pattern = `${providers}\nmodels: { "a/*": { targets: [{ provider: v, model: "*" }], shadow: ${shadow} } }\n`;
  expect(load({ file: pattern }).config.models['a/*']).toBeDefined();
});

import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const models = (text: string) => `providers: { v: { type: vendor, api_key: abc } }\nmodels: ${text}\n`;

test('a target of an unknown provider is refused with the nearest names', () => {
  const problem = onlyProblem({
    file: `providers: { vllm-a: { type: generic, base_url: "http://h" } }\nmodels:\n  m: { targets: [{ provider: vlm-a, model: x }] }\n`,
  });
  expect(problem).toMatchObject({ path: 'models.m.targets[0].provider', where: 'my.yaml:3', hint: 'did you mean vllm-a?' });
});

test('a target of a provider that a variable would switch on names the variable', () => {
  const problem = onlyProblem({ file: 'models: { m: { targets: [{ provider: vendor, model: x }] } }\n' });
  expect(problem.hint).toContain('set VENDOR_API_KEY or VENDOR_KEY_2');
});

test('a target of the derived in-process provider is fine', () => {
  expect(load({ file: 'models: { m: { targets: [{ provider: echo, model: x }] } }\n' }).config.models.m).toBeDefined();
});

test('a target of a provider that is not enabled is a warning', () => {
  const file = 'providers: { v: { type: vendor, enabled: false } }\nmodels: { m: { targets: [{ provider: v, model: x }] } }\n';
  expect(load({ file }).warnings).toEqual([expect.stringContaining('the target provider v is not enabled')]);
});

test.each(['"*/x"', '"a*b"', '"a**"'])('the pattern %s has a star elsewhere than at its end', (name) => {
  expect(onlyProblem({ file: models(`{ ${name}: { targets: [{ provider: v, model: x }] } }`) }).message).toContain('at the end');
});

test('a pattern with a star target is fine', () => {
  expect(load({ file: models('{ "a/*": { targets: [{ provider: v, model: "*" }] } }') }).config.models['a/*']).toBeDefined();
});

test('a star target without a pattern is refused', () => {
  expect(onlyProblem({ file: models('{ m: { targets: [{ provider: v, model: "*" }] } }') }).path).toBe(
    'models.m.targets[0].model',
  );
});

test('a star inside a target model is refused', () => {
  expect(onlyProblem({ file: models('{ "a/*": { targets: [{ provider: v, model: "x-*" }] } }') }).message).toContain('"*" alone');
});

test('a fallback to an unknown model is refused with the nearest names', () => {
  const target = 'targets: [{ provider: v, model: x }]';
  const problem = onlyProblem({ file: models(`{ m: { ${target}, fallbacks: [cheep] }, cheap: { ${target} } }`) });
  expect(problem).toMatchObject({ path: 'models.m.fallbacks[0]', hint: 'did you mean cheap?' });
});

test('fallbacks that go round in a circle are refused with the way round', () => {
  const model = (next: string) => `{ targets: [{ provider: v, model: x }], fallbacks: [${next}] }`;
  const problem = onlyProblem({ file: models(`{ a: ${model('b')}, b: ${model('c')}, c: ${model('b')} }`) });
  expect(problem.message).toContain('b -> c -> b');
});

test('two ways to the same fallback are no circle', () => {
  const model = (next: string) => `{ targets: [{ provider: v, model: x }], fallbacks: [${next}] }`;
  expect(load({ file: models(`{ a: ${model('b, c')}, b: ${model('c')}, c: ${model('')} }`) }).config.models.a).toBeDefined();
});

test('targets whose weights are all 0 are refused, one of several is not', () => {
  const zero = '{ provider: v, model: x, weight: 0 }';
  expect(onlyProblem({ file: models(`{ m: { targets: [${zero}] } }`) }).message).toContain('every weight is 0');
  expect(load({ file: models(`{ m: { targets: [${zero}, { provider: v, model: y }] } }`) }).config.models.m).toBeDefined();
});

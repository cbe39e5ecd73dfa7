import { describe, expect, test } from 'vitest';
import { describeConfig, redactConfig } from '../../../config/describe.ts';
import { load, onlyProblem, refusal } from '../sources.ts';

const entry = (text: string, type = 'vendor') => `providers: { v: { type: ${type}, ${text} } }\n`;
const [one, two] = ['kq8vQ2mN5tX9wB3cF7hJ', 'zR4sT6uV8wX2yA1bC3dE'];

test('a list of keys is enough for a provider that needs one', () => {
  const { config, warnings } = load({ file: entry(`api_keys: [{ key: ${one}, name: team-a, weight: 3 }, { key: ${two} }]`) });
  expect(config.providers.v!.api_keys).toEqual([{ key: one, name: 'team-a', weight: 3 }, { key: two }]);
  expect(warnings).toEqual([]);
});

test('an empty list is for keys that come through the admin API, which has to be on', () => {
  const { config, warnings } = load({ file: entry('api_keys: []'), env: { ADMIN_API_KEY: one } });
  expect(config.providers.v!.api_keys).toEqual([]);
  expect(warnings).toEqual([]);
  expect(onlyProblem({ file: entry('api_keys: []') }).hint).toContain('/admin/v1/providers/v/keys, set ADMIN_API_KEY');
});

describe('a list of keys is refused', () => {
  test.each([
    ['beside api_key', `api_key: ${one}, api_keys: [{ key: ${two} }]`, 'api_keys', 'both api_key and api_keys'],
    ['that is empty', 'api_keys: []', 'api_keys', 'the list of keys is empty'],
    ['of which none has a weight', `api_keys: [{ key: ${one}, weight: 0 }, { key: ${two}, weight: 0 }]`, 'api_keys', 'weight 0'],
    [
      'that has a key twice',
      `api_keys: [{ key: ${one} }, { key: ${two} }, { key: ${one} }]`,
      'api_keys[2].key',
      'the 1st key again',
    ],
    [
      'that has a name twice',
      `api_keys: [{ key: ${one}, name: a }, { key: ${two}, name: a }]`,
      'api_keys[1].name',
      'same name as the 1st',
    ],
    [
      'that has the place of a key as the name of another',
      `api_keys: [{ key: ${one}, name: "2" }, { key: ${two} }]`,
      'api_keys[1].name',
      'same name as the 1st',
    ],
    ['whose name is the key', `api_keys: [{ key: ${one}, name: ${one} }]`, 'api_keys[0].name', 'the name is the key itself'],
    ['whose name cannot be shown', `api_keys: [{ key: ${one}, name: "a b" }]`, 'api_keys[0].name', 'no name for a key'],
    ['with a placeholder', 'api_keys: [{ key: your-api-key-here }]', 'api_keys[0].key', 'placeholder'],
    ['with a key that no header can carry', 'api_keys: [{ key: "sk-\\n1" }]', 'api_keys[0].key', 'line break'],
    ['with an empty key', 'api_keys: [{ key: "" }]', 'api_keys[0].key', 'empty'],
    [
      'below a header that stands above it',
      `api_keys: [{ key: ${one} }], headers: { Authorization: Bearer x }`,
      'api_keys',
      'the header Authorization under headers',
    ],
  ])('%s', (_name, text, path, message) => {
    const problem = onlyProblem({ file: entry(text) });
    expect(problem.path).toBe(`providers.v.${path}`);
    expect(problem.message).toContain(message);
    expect(JSON.stringify(problem)).not.toMatch(new RegExp(`${one}|${two}`));
  });

  test('below the header of its preset', () => {
    const text = `preset: cloud, base_url: "https://c.test", api_keys: [{ key: ${one} }], headers: { api-KEY: x }`;
    expect(onlyProblem({ file: entry(text, 'generic') }).message).toContain('api-KEY');
  });

  test('of a type that answers in this process', () => {
    expect(onlyProblem({ file: entry(`api_keys: [{ key: ${one} }]`, 'echo') }).path).toBe('providers.v.api_keys');
  });

  test('with everything that is wrong at once', () => {
    const { problems } = refusal({
      file: entry(`api_keys: [{ key: ${one}, weight: 0, name: a }, { key: ${one}, weight: 0, name: a }]`),
    });
    expect(problems.map(({ path }) => path).sort()).toEqual([
      'providers.v.api_keys',
      'providers.v.api_keys[1].key',
      'providers.v.api_keys[1].name',
    ]);
  });
});

test('what is missing of a disabled provider is not asked for', () => {
  const file = `providers: { v: { type: vendor, enabled: false, api_keys: [{ key: "\${NOT_SET_1}" }] }, w: { type: generic, base_url: "http://h" } }\n`;
  expect(load({ file }).config.providers.v!.enabled).toBe(false);
});

test('a variable that is not set is named with the place of the key', () => {
  const problem = onlyProblem({ file: entry(`api_keys: [{ key: ${one} }, { key: "\${NOT_SET_1}" }]`) });
  expect(problem).toMatchObject({ path: 'providers.v.api_keys[1].key', hint: expect.stringContaining('NOT_SET_1') });
});

describe('a key of the environment', () => {
  const file = `providers: { vendor: { type: vendor, api_keys: [{ key: ${one} }, { key: ${two} }] } }\n`;

  test('wins over the list of the file, with a warning', () => {
    const { config, warnings } = load({ file, env: { VENDOR_API_KEY: 'aB1cD2eF3gH4iJ5kL6mN' } });
    expect(config.providers.vendor).toMatchObject({ api_key: 'aB1cD2eF3gH4iJ5kL6mN' });
    expect(config.providers.vendor!.api_keys).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('wins over providers.vendor.api_keys (my.yaml:1)')]);
    expect(warnings.join()).not.toContain('aB1cD2');
  });

  test('that is in the list already changes nothing', () => {
    const [first, second] = ['VENDOR_API_KEY', 'SECOND'].map((name) => `"$\{${name}}"`);
    const listed = `providers: { vendor: { type: vendor, api_keys: [{ key: ${first} }, { key: ${second} }] } }\n`;
    const { config, warnings } = load({ file: listed, env: { VENDOR_API_KEY: one, SECOND: two } });
    expect(config.providers.vendor!.api_keys).toEqual([{ key: one }, { key: two }]);
    expect(config.providers.vendor!.api_key).toBeUndefined();
    expect(warnings).toEqual([]);
  });
});

test('security 9: the keys of a list are shown by their length only', () => {
  const loaded = load({ file: entry(`api_keys: [{ key: ${one}, name: team-a }, { key: ${two} }]`) });
  expect(JSON.stringify(redactConfig(loaded.config))).not.toMatch(new RegExp(`${one}|${two}`));
  const lines = describeConfig(loaded).join('\n');
  expect(lines).toContain('- { key: "<set, 20 characters>", name: team-a }'.replaceAll('"', ''));
  expect(lines).not.toMatch(new RegExp(`${one}|${two}`));
});

describe('a probe is refused', () => {
  test.each([
    ['of a type that answers in process', 'probe: { interval: 5s }', 'echo', 'probe', 'answers in this process'],
    [
      'of a list that the type does not have',
      `api_key: ${one}, probe: { interval: 5s }`,
      'vendor',
      'probe.ask',
      'no list of models',
    ],
    ['too often', `api_key: ${one}, probe: { interval: 10ms, ask: completion }`, 'vendor', 'probe.interval', 'too short'],
    [
      'without time',
      `api_key: ${one}, probe: { interval: 5s, timeout: 0s, ask: completion }`,
      'vendor',
      'probe.timeout',
      'no time',
    ],
    ['of something else', `api_key: ${one}, probe: { interval: 5s, ask: ping }`, 'vendor', 'probe.ask', 'not allowed'],
  ])('%s', (_name, text, type, path, message) => {
    const problem = onlyProblem({ file: entry(text, type) });
    expect(problem.path).toBe(`providers.v.${path}`);
    expect(problem.message).toContain(message);
  });

  test('without its interval', () => {
    expect(onlyProblem({ file: entry(`api_key: ${one}, probe: { ask: completion }`) }).path).toBe('providers.v.probe.interval');
  });
});

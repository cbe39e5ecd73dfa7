import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { findRoot } from '../../config/root.ts';
import { ConfigSchema } from '../../schemas/config.ts';
import { load, makeRoot, onlyProblem, refusal, strong, types } from './sources.ts';

test('the defaults alone are a valid configuration', () => {
  const { config, origins, warnings } = load();
  expect(config.server).toMatchObject({ listen: '127.0.0.1:4000', body_limit: 33_554_432, header_timeout: 10_000 });
  expect(origins.get('server.listen')).toBe('config/default.yaml:7');
  expect(warnings).toEqual([]);
});

test('each layer stands above the one before, and origins say which one won', () => {
  const { config, origins } = load({
    files: {
      'config/stage.yaml': 'health: { min_requests: 1, consecutive_failures: 1, window: 1s }\nlogging: { level: warn }\n',
    },
    file: 'health: { min_requests: 2, consecutive_failures: 2 }\nlogging: { level: error }\n',
    overlay: { health: { consecutive_failures: 3 } },
    env: { NODE_ENV: 'stage', LOG_LEVEL: 'fatal' },
  });
  expect(config.health).toMatchObject({ failure_ratio: 0.5, window: 1_000, min_requests: 2, consecutive_failures: 3 });
  expect(config.logging.level).toBe('fatal');
  const health = ['failure_ratio', 'window', 'min_requests', 'consecutive_failures'].map((key) => origins.get(`health.${key}`));
  expect(health).toEqual(['config/default.yaml:67', 'config/stage.yaml:1', 'my.yaml:1', 'overlay']);
  expect(origins.get('logging.level')).toBe('environment LOG_LEVEL');
});

test('production is the layer when NODE_ENV is unset or empty, and no file for it is needed', () => {
  const files = { 'config/production.yaml': 'data_dir: /prod\n' };
  expect(load({ files }).config.data_dir).toBe('/prod');
  expect(load({ files, env: { NODE_ENV: '' } }).config.data_dir).toBe('/prod');
  expect(load({ env: { NODE_ENV: 'nowhere' } }).config.data_dir).toBe('./data');
});

test('NODE_ENV cannot reach outside of config/', () => {
  expect(onlyProblem({ env: { NODE_ENV: '../../etc/x' } })).toMatchObject({ where: 'environment NODE_ENV' });
});

test('a CONFIG_FILE that does not exist is a problem that names the path', () => {
  const problem = onlyProblem({ env: { CONFIG_FILE: 'there/is.yaml' } });
  expect(problem).toMatchObject({ where: 'environment CONFIG_FILE', message: 'the file there/is.yaml does not exist' });
});

test('without the defaults the only problem is that their file is missing', () => {
  const root = makeRoot();
  rmSync(join(root, 'config/default.yaml'));
  expect(() => loadConfig({ root, cwd: root, env: {}, types })).toThrow(/has 1 problem:\n\n {2}config\/default\.yaml\n/);
});

test('lists replace instead of growing, and null removes what a lower layer set', () => {
  const files = { 'config/production.yaml': `server: { trust_proxy: [10.0.0.1] }\nkeys: { a: { secret: ${strong} } }\n` };
  const { config } = load({ files, file: 'server: { trust_proxy: [10.0.0.2] }\nkeys: { a: null }\n' });
  expect(config.server.trust_proxy).toEqual(['10.0.0.2']);
  expect(config.keys).toEqual({});
});

test('a map of free names that null removed is empty', () => {
  expect(load({ file: 'prices:\nmodels:\n' }).config).toMatchObject({ prices: {}, models: {} });
});

test('a block that null removed is missing, with the line of the null', () => {
  expect(onlyProblem({ file: '\nserver:\n' })).toMatchObject({ path: 'server', where: 'my.yaml:2' });
});

test('the snapshot is frozen to its leaves', () => {
  const { config } = load({ file: 'models: { m: { targets: [{ provider: echo, model: x }] } }\n' });
  expect(() => Object.assign(config.server, { listen: 'x' })).toThrow(TypeError);
  expect(() => Object.assign(config.models.m!.targets[0]!, { model: 'y' })).toThrow(TypeError);
  expect(() => (config.server.trust_proxy as string[]).push('x')).toThrow(TypeError);
});

test('the files read are listed by absolute path, lowest layer first', () => {
  const root = makeRoot({ 'my.yaml': '', secret: `${strong}\n` });
  const env = { CONFIG_FILE: 'my.yaml', ADMIN_API_KEY_FILE: 'secret' };
  const { files } = loadConfig({ root, cwd: root, env, types });
  expect(files).toEqual(expect.arrayContaining([join(root, 'config/default.yaml'), join(root, 'my.yaml'), join(root, 'secret')]));
  expect(files.indexOf(join(root, 'config/default.yaml'))).toBeLessThan(files.indexOf(join(root, 'my.yaml')));
});

test('an unknown key is refused with the nearest known one', () => {
  expect(onlyProblem({ file: 'server:\n  body_limits: 1MB\n' })).toEqual({
    path: 'server.body_limits',
    where: 'my.yaml:2',
    message: 'this key is unknown',
    hint: 'did you mean body_limit?',
  });
});

test('an unknown key is refused even when its value is empty', () => {
  expect(onlyProblem({ file: 'severs:\n' })).toMatchObject({ path: 'severs', hint: 'did you mean server?' });
});

test.each([
  ['server: { max_connections: "10" }', 'this is a text, not a whole number'],
  ['server: { max_connections: 1.5 }', 'this is the number 1.5, not a whole number'],
  ['server: { max_connections: [1] }', 'this is a list, not a whole number'],
  ['server: { trust_proxy: 10.0.0.1 }', 'this is a text, not a list'],
  ['logging: { pretty: 1 }', 'this is the number 1, not true or false'],
  ['logging: info', 'this is a text, not a map'],
  ['health: { failure_ratio: .nan }', 'this is the number NaN, not a number'],
  ['data_dir: 5', 'this is the number 5, not a text'],
  ['server: { trust_proxy: [null] }', 'this is null (an empty value), not a text'],
])('wrong type, %s: says what it is and what is wanted', (file, message) => {
  expect(onlyProblem({ file }).message).toBe(message);
});

test.each([
  ['health: { failure_ratio: 1.5 }', 'the largest value is 1'],
  ['retries: { max_attempts: 0 }', 'the smallest value is 1'],
  ['data_dir: ""', 'write a value, or remove the line'],
  ['models: { m: { targets: [] } }', 'write at least 1 item'],
  ['models: { m: {} }', 'write a list'],
  ['logging: { level: verbose }', 'known: trace, debug, info, warn, error, fatal, silent'],
  ['logging: { level: wran }', 'did you mean warn?'],
])('out of range or missing, %s: says what is possible', (file, hint) => {
  expect(onlyProblem({ file }).hint).toBe(hint);
});

test('a duration without a unit is refused with its spelling', () => {
  const problem = onlyProblem({ file: 'timeouts: { idle: 30 }\n' });
  expect(problem).toMatchObject({
    path: 'timeouts.idle',
    message: 'the duration has no unit',
    hint: 'write 30s, not a bare number',
  });
});

test('a duration that no timer can hold is refused', () => {
  expect(onlyProblem({ file: 'timeouts: { total: 60d }\n' }).hint).toBe('the largest is 24d');
});

test('zero needs no unit', () => {
  expect(load({ file: 'server: { keep_alive_comments: 0 }\n' }).config.server.keep_alive_comments).toBe(0);
});

test.each(['cache', 'telemetry'])('content in the reserved block %s is refused', (block) => {
  expect(onlyProblem({ file: `${block}: { x: 1 }\n` }).message).toMatch(/is not available in this version$/);
});

test('plugins are refused while reserved', () => {
  expect(onlyProblem({ file: 'plugins: [{ path: ./x.js }]\n' }).message).toMatch(/is not available in this version$/);
});

test('a provider name that cannot be in a header or a metric is refused', () => {
  expect(onlyProblem({ file: 'providers: { "a b": { type: generic } }\n' })).toMatchObject({ path: 'providers["a b"]' });
});

test('I6: dangerous names in an overlay are refused like those in a file', () => {
  const overlay = JSON.parse('{ "prices": { "__proto__": { "input": 1 } } }');
  expect(refusal({ overlay }).message).toContain('__proto__ is not allowed');
  expect(({} as Record<string, unknown>).input).toBeUndefined();
});

test('all problems of all layers are in one error, each with its place', () => {
  const { problems, message } = refusal({
    files: { 'config/production.yaml': 'logging: { level: loud }\n' },
    file: 'server: { body_limit: 5 }\nproviders: { x: { type: nope } }\n',
    env: { WORKERS: 'many' },
  });
  const places = problems.map(({ path, where }) => `${path} ${where}`);
  expect(places).toEqual([
    'server.workers environment WORKERS',
    'server.body_limit my.yaml:1',
    'logging.level config/production.yaml:1',
    'providers.x.type my.yaml:2',
  ]);
  for (const place of problems) expect(message).toContain(`${place.path}  (${place.where})`);
});

test('a broken file is reported beside the problems of the others, and what it may have held is not called missing', () => {
  const { problems } = refusal({
    files: {
      'config/production.yaml': 'models: { m: { targets: [{ provider: later, model: x }] } }\nlogging: { level: loud }\n',
    },
    file: 'providers: { later: { type: generic\n',
  });
  expect(problems.map(({ where }) => where)).toEqual([expect.stringMatching(/^my\.yaml:/), 'config/production.yaml:2']);
});

test('the error is legible text without a stack', () => {
  expect(refusal({ file: 'retries: { max_attempts: 11 }\n' }).message).toBe(
    'The configuration has 1 problem:\n\n  retries.max_attempts  (my.yaml:1)\n' +
      '    the number 11 is above the maximum\n    -> the largest value is 10\n',
  );
});

test('what is accepted agrees with the schema', () => {
  const file = `
keys: { a: { secret: ${strong}, models: ["gpt-*"] } }
providers: { v: { type: vendor, api_key: abc, timeouts: { idle: 1s }, headers: { x: y }, connections: 3 } }
models: { m: { strategy: priority, targets: [{ provider: v, model: x, weight: 1.5, dimensions: 3 }], timeouts: { total: 1m } } }
prices: { v/x: { input: 1.25, tiers: [{ above: 200000, input: 2.5 }] } }
`;
  const { config } = load({ file });
  expect([...Value.Errors(withNumbers(ConfigSchema), config)]).toEqual([]);
});

/** The schema of the snapshot: durations and sizes are numbers there, and formats are not TypeBox's business. */
function withNumbers<T extends TSchema>(schema: T): T {
  if (schema.format === 'duration' || schema.format === 'size') return { ...schema, ...Type.Integer() };
  const copy: Record<string, unknown> & TSchema = { ...schema };
  delete copy.format;
  for (const group of ['properties', 'patternProperties']) {
    const members = Object.entries((schema[group] ?? {}) as Record<string, TSchema>).map(([key, member]) => [
      key,
      withNumbers(member),
    ]);
    if (schema[group] !== undefined) copy[group] = Object.fromEntries(members);
  }
  if (schema.items !== undefined) copy.items = withNumbers(schema.items as TSchema);
  return copy as unknown as T;
}

test('a reload takes less than 100 ms of CPU time', () => {
  const root = makeRoot();
  const run = () => loadConfig({ root, cwd: root, env: {}, types });
  run();
  const times = [1, 2, 3].map(() => {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  });
  expect(Math.min(...times)).toBeLessThan(100);
});

test('the project root is the nearest directory with a package.json', () => {
  const root = makeRoot({ 'package.json': '{}', 'dist/config/check.js': '' });
  writeFileSync(join(root, 'dist/x'), '');
  expect(findRoot(join(root, 'dist/config'))).toBe(root);
});

import { hash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { load, makeRoot, onlyProblem, refusal, strong, types, vendor } from './sources.ts';

const key32 = hash('sha256', 'a key of tests', 'base64');

test('every variable sets its path and is named as the origin', () => {
  const env = {
    LISTEN: '127.0.0.1:1',
    MANAGEMENT_LISTEN: '127.0.0.1:2',
    LOG_LEVEL: 'debug',
    DATA_DIR: '/d',
    REDIS_URL: 'redis://r',
    WORKERS: '1',
    AUTH_MODE: 'none',
    ADMIN_API_KEY: strong,
    ENCRYPTION_KEY: key32,
  };
  const { config, origins } = load({ env });
  expect(config).toMatchObject({
    server: { listen: '127.0.0.1:1', workers: 1 },
    management: { listen: '127.0.0.1:2', admin_api_key: strong },
    logging: { level: 'debug' },
    data_dir: '/d',
    redis_url: 'redis://r',
    auth: { mode: 'none' },
    encryption_key: key32,
  });
  const paths = ['server.listen', 'management.listen', 'logging.level', 'data_dir', 'redis_url', 'server.workers', 'auth.mode'];
  expect([...paths, 'management.admin_api_key', 'encryption_key'].map((path) => origins.get(path))).toEqual(
    Object.keys(env).map((name) => `environment ${name}`),
  );
});

test('an empty variable counts as unset', () => {
  expect(load({ env: { LISTEN: '', VENDOR_API_KEY: '', GATEWAY_API_KEYS: '' } }).config.server.listen).toBe('127.0.0.1:4000');
});

test('variables that are not ours are ignored', () => {
  expect(load({ env: { HOME: '/x', PATH: '/y', SOME_FILE: '/nowhere' } }).warnings).toEqual([]);
});

test('PORT overrides the port of LISTEN and of the file, and keeps the host', () => {
  expect(load({ env: { PORT: '8080' } }).config.server.listen).toBe('127.0.0.1:8080');
  expect(load({ env: { PORT: '8080', LISTEN: '[::1]:1' } }).config.server.listen).toBe('[::1]:8080');
  expect(load({ file: 'server: { listen: "localhost:9" }\n', env: { PORT: '0' } }).config.server.listen).toBe('localhost:0');
});

test('PORT beside a unix socket is a contradiction', () => {
  expect(onlyProblem({ env: { PORT: '80', LISTEN: 'unix:/tmp/s' } }).message).toContain('unix socket');
});

test.each(['http', '-1', '65536', '4000 '])('PORT=%s is refused', (PORT) => {
  expect(onlyProblem({ env: { PORT } })).toMatchObject({ path: 'server.listen', where: 'environment PORT' });
});

test('NAME_FILE reads a variable from a file and trims the line break at its end', () => {
  const root = makeRoot({ 'run/key': 'key-of-the-vendor\r\n' });
  const env = { VENDOR_API_KEY_FILE: 'run/key' };
  const { config, origins } = loadConfig({ root, cwd: root, env, types });
  expect(config.providers.vendor?.api_key).toBe('key-of-the-vendor');
  expect(origins.get('providers.vendor.api_key')).toBe('environment VENDOR_API_KEY_FILE');
});

test('NAME_FILE also serves expressions in files', () => {
  const root = makeRoot({
    'run/key': 'key-of-the-vendor',
    'my.yaml': `providers: { v: { type: vendor, api_key: \${VENDOR_API_KEY} } }\n`,
  });
  const env = { VENDOR_API_KEY_FILE: join(root, 'run/key'), CONFIG_FILE: 'my.yaml' };
  expect(loadConfig({ root, cwd: root, env, types }).config.providers.v?.api_key).toBe('key-of-the-vendor');
});

test('a variable and its _FILE together are refused', () => {
  const { problems } = refusal({ files: { k: 'x' }, env: { VENDOR_API_KEY: 'abc', VENDOR_API_KEY_FILE: 'k' } });
  expect(problems[0]).toMatchObject({
    path: 'providers.vendor.api_key',
    message: 'both VENDOR_API_KEY and VENDOR_API_KEY_FILE are set',
  });
});

test('a _FILE that cannot be read is a problem that names the path', () => {
  const { problems } = refusal({ env: { ADMIN_API_KEY_FILE: '/nowhere/key' } });
  expect(problems[0]).toMatchObject({ where: 'environment ADMIN_API_KEY_FILE', message: 'the file /nowhere/key does not exist' });
});

test('gateway keys are named, bare ones get a number', () => {
  const bare = ['fR3wK9zB1yQ6tH8mE5nJ', 'pC2vX7dL4sG0uN6aY1kZ'];
  const { config, origins } = load({ env: { GATEWAY_API_KEYS: ` ci=${strong}, ${bare[0]},,${bare[1]}\n` } });
  expect(config.keys).toEqual({ ci: { secret: strong }, 'key-1': { secret: bare[0] }, 'key-2': { secret: bare[1] } });
  expect(origins.get('keys.ci.secret')).toBe('environment GATEWAY_API_KEYS');
});

test('a gateway key may itself hold an equals sign', () => {
  const tricky = 'YWJjZGVmZ2hpamtsbW5v==';
  const { config } = load({ env: { GATEWAY_API_KEYS: `${tricky},n=${strong}=x,short-name=${'q1w2e3r4t5'},a.b=${strong}` } });
  expect(
    Object.values(config.keys)
      .map((key) => key.secret)
      .sort(),
  ).toEqual([`a.b=${strong}`, `${strong}=x`, 'short-name=q1w2e3r4t5', tricky].sort());
  expect(config.keys.n).toEqual({ secret: `${strong}=x` });
});

test('gateway keys of the environment add to those of the file, and replace the secret of the same name', () => {
  const file = `keys: { a: { secret: ${strong}a, models: [m] }, key-1: { secret: ${strong}b } }\n`;
  const { config } = load({ file, env: { GATEWAY_API_KEYS: `a=${strong}c,${strong}d` } });
  expect(config.keys).toEqual({
    a: { secret: `${strong}c`, models: ['m'] },
    'key-1': { secret: `${strong}b` },
    'key-2': { secret: `${strong}d` },
  });
});

test('a name given twice, a short secret and a dangerous name are refused', () => {
  expect(onlyProblem({ env: { GATEWAY_API_KEYS: `a=${strong}1,a=${strong}2` } })).toMatchObject({ path: 'keys.a' });
  expect(onlyProblem({ env: { GATEWAY_API_KEYS: 'tooshort' } })).toMatchObject({ path: 'keys.key-1.secret' });
  expect(refusal({ env: { GATEWAY_API_KEYS: `__proto__=${strong}` } }).message).toContain('__proto__ is not allowed');
});

test('a key in the environment switches its provider on', () => {
  const { config, origins } = load({ env: { VENDOR_API_KEY: 'key-of-the-vendor' } });
  expect(config.providers).toEqual({ vendor: { type: 'vendor', api_key: 'key-of-the-vendor' } });
  expect(origins.get('providers.vendor.type')).toBe('environment VENDOR_API_KEY');
});

test('of several variables for one key the first that is set counts', () => {
  expect(load({ env: { VENDOR_KEY_2: 'second' } }).config.providers.vendor?.api_key).toBe('second');
  expect(load({ env: { VENDOR_KEY_2: 'second', VENDOR_API_KEY: 'first' } }).config.providers.vendor?.api_key).toBe('first');
});

test('a key and a URL of the environment win over those of the file, the rest of the entry stays', () => {
  const file = 'providers: { vendor: { type: vendor, api_key: of-file, base_url: "https://file.test", models: [m] } }\n';
  const { config } = load({ file, env: { VENDOR_API_KEY: 'of-env', VENDOR_BASE_URL: 'https://env.test/v1' } });
  expect(config.providers.vendor).toEqual({ type: 'vendor', api_key: 'of-env', base_url: 'https://env.test/v1', models: ['m'] });
});

test('a URL alone does not switch on a provider that needs a key, and a warning says so', () => {
  const { config, warnings } = load({ env: { VENDOR_BASE_URL: 'https://env.test' } });
  expect(config.providers.vendor).toBeUndefined();
  expect(warnings).toEqual([expect.stringContaining('VENDOR_BASE_URL has no effect')]);
});

test.each([
  ['http://10.0.0.7:9/v1', 'http://10.0.0.7:9/v1'],
  ['10.0.0.7:9', 'http://10.0.0.7:9'],
  ['10.0.0.7', 'http://10.0.0.7:11434'],
  ['0.0.0.0', 'http://127.0.0.1:11434'],
  ['0.0.0.0:5', 'http://127.0.0.1:5'],
  ['http://0.0.0.0:5', 'http://127.0.0.1:5'],
  [':5', 'http://127.0.0.1:5'],
  ['[::]:5', 'http://[::1]:5'],
  ['host:80', 'http://host'],
  ['https://gpu.test/', 'https://gpu.test'],
])('the host of a server without keys may be written as %s', (LOCAL_HOST, url) => {
  expect(load({ env: { LOCAL_HOST } }).config.providers.local).toEqual({ type: 'generic', preset: 'local', base_url: url });
});

test('a URL without scheme is never completed where a key would be sent over it', () => {
  const env = { VENDOR_API_KEY: 'abc', VENDOR_BASE_URL: 'api.vendor.test' };
  expect(onlyProblem({ env }).message).toBe('the URL does not start with http:// or https://');
});

test('the in-process provider is added, and only then, when no other one is enabled', () => {
  const { config, origins } = load();
  expect(config.providers).toEqual({ echo: { type: 'echo' } });
  expect(origins.get('providers.echo.type')).toBe('derived: no other provider');
  expect(load({ env: { VENDOR_API_KEY: 'abc' } }).config.providers.echo).toBeUndefined();
  expect(load({ file: 'providers: { v: { type: vendor, enabled: false } }\n' }).config.providers.echo).toEqual({ type: 'echo' });
});

test('an in-process provider that is written and switched off stays off, with a warning', () => {
  const { config, warnings } = load({ file: 'providers: { echo: { type: echo, enabled: false } }\n' });
  expect(config.providers).toEqual({ echo: { type: 'echo', enabled: false } });
  expect(warnings).toEqual([expect.stringContaining('no provider is enabled')]);
});

test.each([
  ['GATEWAY_API_KEY', 'GATEWAY_API_KEYS'],
  ['VENDOR_API_BASE', 'VENDOR_BASE_URL'],
  ['VENDOR_KEY', 'VENDOR_API_KEY'],
  ['POSTERN_LISTEN', 'LISTEN'],
  ['POSTERN_GATEWAY_API_KEYS', 'GATEWAY_API_KEYS'],
  ['ADMIN_KEY', 'ADMIN_API_KEY'],
  ['ENCRYPTON_KEY', 'ENCRYPTION_KEY'],
])('the likely typo %s is answered with %s', (name, meant) => {
  expect(load({ env: { [name]: 'x' } }).warnings).toEqual([
    `environment ${name} is not a variable of this program; did you mean ${meant}?`,
  ]);
});

test('a variable that a file uses is no typo', () => {
  const file = `providers: { v: { type: vendor, api_key: \${VENDOR_API_KEY1} } }\n`;
  expect(load({ file, env: { VENDOR_API_KEY1: 'abc' } }).warnings).toEqual([]);
});

test('a typo is also named when it makes the configuration fail', () => {
  const error = refusal({ env: { GATEWAY_API_KEY: strong, LISTEN: '0.0.0.0:4000' }, types: [vendor] });
  expect(error.message).toContain('did you mean GATEWAY_API_KEYS?');
});

test('PREVIOUS_ENCRYPTION_KEYS is a list, and texts that look like numbers stay texts', () => {
  const other = hash('sha256', 'another', 'base64url');
  const { config, origins } = load({
    env: { ENCRYPTION_KEY: key32, PREVIOUS_ENCRYPTION_KEYS: ` ${other},\n${other.replace(/^./, 'A')}, ` },
  });
  expect(config.previous_encryption_keys).toEqual([other, other.replace(/^./, 'A')]);
  expect(origins.get('previous_encryption_keys[0]')).toBe('environment PREVIOUS_ENCRYPTION_KEYS');
  expect(onlyProblem({ env: { ENCRYPTION_KEY: key32, PREVIOUS_ENCRYPTION_KEYS: `${other},1` } })).toMatchObject({
    path: 'previous_encryption_keys[1]',
    message: expect.stringContaining('bytes instead of 32'),
  });
});

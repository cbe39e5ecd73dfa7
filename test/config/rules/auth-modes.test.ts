import { expect, test } from 'vitest';
import { load, onlyProblem, refusal, strong } from '../sources.ts';

const keys = `keys: { a: { secret: ${JSON.stringify(strong)} } }\n`;
const entry = (more = '') => `providers: { up: { type: vendor, api_key: v-1, accept_client_keys: true${more} } }\n`;
const keyless = (more = '') => `providers: { up: { type: vendor, accept_client_keys: true${more} } }\n`;

test('mode client needs no key of the operator’s where callers may send theirs, and may listen anywhere', () => {
  const { config, keyless: open, warnings } = load({ file: keyless(), env: { AUTH_MODE: 'client', LISTEN: '0.0.0.0:4000' } });
  expect([config.auth.mode, open, warnings]).toEqual(['client', null, []]);
});

test('mode hybrid needs both: a gateway key, and the operator’s key for calls that bring none', () => {
  expect(load({ file: keys + entry(), env: { AUTH_MODE: 'hybrid' } }).warnings).toEqual([]);
  expect(onlyProblem({ file: keys + keyless(), env: { AUTH_MODE: 'hybrid' } })).toMatchObject({ path: 'providers.up.api_key' });
  expect(onlyProblem({ file: entry(), env: { AUTH_MODE: 'hybrid' } })).toMatchObject({
    path: 'auth.mode',
    message: expect.stringContaining('need a gateway key'),
  });
});

test.each(['client', 'hybrid'])('mode %s without a provider that takes keys of callers is refused', (AUTH_MODE) => {
  const problem = onlyProblem({ file: `${keys}providers: { up: { type: vendor, api_key: v-1 } }\n`, env: { AUTH_MODE } });
  expect(problem).toMatchObject({ path: 'auth.mode', where: 'environment AUTH_MODE' });
  expect(problem.hint).toContain('accept_client_keys: true');
});

test('a provider that is off does not count', () => {
  const file = `providers: { up: { type: vendor, enabled: false, accept_client_keys: true }, b: { type: vendor, api_key: v-1 } }\n`;
  expect(onlyProblem({ file, env: { AUTH_MODE: 'client' } })).toMatchObject({ path: 'auth.mode' });
});

test.each(['gateway', 'none'])('to take keys of callers in mode %s is a warning: none will come', (AUTH_MODE) => {
  const { warnings } = load({ file: keys + entry(), env: { AUTH_MODE } });
  expect(warnings).toContainEqual(
    expect.stringMatching(
      /^providers\.up\.accept_client_keys has no effect \(.*:2\): auth\.mode is (gateway|none); set it to client or hybrid/,
    ),
  );
});

test('mode client warns of what nobody will use: gateway keys, and providers that take no keys of callers', () => {
  const file = `${keys}providers: { up: { type: vendor, accept_client_keys: true }, mine: { type: vendor, api_key: v-1 } }\n`;
  expect(load({ file, env: { AUTH_MODE: 'client' } }).warnings).toEqual([
    expect.stringContaining('1 configured gateway keys are not asked for'),
    expect.stringContaining('nobody can use providers.mine'),
  ]);
});

test.each([
  ['the header of the keys', ', headers: { Authorization: Bearer mine-1 }', 'providers.up.headers.Authorization'],
  [
    'the header of the keys, renamed',
    ', auth: { header: X-Vendor }, headers: { x-vendor: mine-1 }',
    'providers.up.headers.x-vendor',
  ],
  ['another header that proves who asks', ', headers: { X-Proxy-Token: mine-1 }', 'providers.up.headers.X-Proxy-Token'],
  ['a cookie', ', headers: { cookie: a=b }', 'providers.up.headers.cookie'],
  ['a parameter that proves who asks', ', query: { api_key: mine-1 }', 'providers.up.query.api_key'],
  ['a parameter named key', ', query: { key: mine-1 }', 'providers.up.query.key'],
])('what is the operator’s does not go out with a key of a caller: %s', (_what, more, path) => {
  const found = refusal({ file: keys + entry(more), env: { AUTH_MODE: 'hybrid' } }).problems;
  expect(found).toEqual([expect.objectContaining({ path, message: expect.stringContaining("callers' keys") })]);
  expect(JSON.stringify(found)).not.toContain('mine-1');
});

test('headers and parameters that prove nothing stay', () => {
  const more = ', headers: { x-organization: acme, x-monkey: a }, query: { api-version: "2026-01-01" }';
  expect(load({ file: keys + entry(more), env: { AUTH_MODE: 'hybrid' } }).warnings).toEqual([]);
});

test('a probe needs a key of the operator’s', () => {
  const file = keyless(', probe: { interval: 30s, ask: completion }');
  expect(onlyProblem({ file, env: { AUTH_MODE: 'client' } })).toMatchObject({ path: 'providers.up.probe' });
  expect(load({ file: entry(', probe: { interval: 30s, ask: completion }'), env: { AUTH_MODE: 'client' } }).warnings).toEqual([]);
});

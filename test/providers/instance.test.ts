import { expect, test } from 'vitest';
import { createInstance, type ProviderEntry, providerDefaults, resolveBaseUrl } from '../../providers/instance.ts';
import type { ProviderType } from '../../providers/provider.ts';

const type: ProviderType = {
  type: 'any',
  dialect: 'x',
  defaults: {
    base_url: 'https://api.any.test',
    vendorHost: true,
    keyVariable: 'ANY_KEY',
    priceProvider: 'any',
    headers: { 'X-Default': '1', 'x-both': 'default' },
    timeouts: { idle: 1, total: 2 },
  },
  presets: {
    key: { auth: { header: 'Api-Key', scheme: '' }, headers: { 'x-both': 'preset' }, version: 'v2' },
    own: { keyless: true },
  },
  environment: [],
  translate: () => null,
};

test.each([
  ['https://h', undefined, 'https://h/v1'],
  ['https://h/', undefined, 'https://h/v1'],
  ['https://h/v1', undefined, 'https://h/v1'],
  ['https://h/v1//', undefined, 'https://h/v1'],
  ['https://h/v2', undefined, 'https://h/v2'],
  ['https://h/v1beta', undefined, 'https://h/v1beta'],
  ['https://h/v1beta2', 'v1', 'https://h/v1beta2'],
  ['https://h/v1beta/openai/', 'v1', 'https://h/v1beta/openai'],
  ['https://h/openai/v1', 'v1', 'https://h/openai/v1'],
  ['https://h/api', undefined, 'https://h/api/v1'],
  ['https://h/api', 'api/v1', 'https://h/api/v1'],
  ['https://h/openai', 'openai/v1', 'https://h/openai/v1'],
  ['https://h', 'openai/v1', 'https://h/openai/v1'],
  ['https://h:8443/a', '', 'https://h:8443/a'],
  ['https://h', '', 'https://h'],
  ['https://h/vision', undefined, 'https://h/vision/v1'],
  ['http://h/v1/proxy', undefined, 'http://h/v1/proxy/v1'],
  ['http://[::1]:80/', 'v1', 'http://[::1]/v1'],
])('the base URL %s with version %j is %s', (base, version, expected) => {
  expect(resolveBaseUrl(base, version)).toBe(expected);
});

test('origin and path are those of the base URL', () => {
  expect(createInstance('a', { type: 'any', base_url: 'https://h:1/x' }, type)).toMatchObject({
    origin: 'https://h:1',
    path: '/x/v1',
  });
  expect(createInstance('a', { type: 'any', base_url: 'https://h', version: '' }, type)).toMatchObject({
    baseUrl: 'https://h',
    path: '',
  });
});

/** What the first key of an entry adds to a request. */
const sent = (entry: ProviderEntry) => createInstance('a', entry, type).credentials[0]!.headers;

test('the key is a bearer token in authorization by default', () => {
  expect(sent({ type: 'any', api_key: 'k' }).authorization).toBe('Bearer k');
});

test('header and scheme of the key can be set, an empty scheme sends the bare key', () => {
  const headers = sent({ type: 'any', api_key: 'k', preset: 'key' });
  expect([headers['api-key'], headers.authorization]).toEqual(['k', undefined]);
  expect(sent({ type: 'any', api_key: 'k', auth: { scheme: 'Token' } }).authorization).toBe('Token k');
});

test.each([undefined, ''])('without a key (%j) no credential is sent', (api_key) => {
  const entry = api_key === undefined ? { type: 'any' } : { type: 'any', api_key };
  expect(Object.keys(createInstance('a', entry, type).headers)).toEqual(['x-default', 'x-both']);
});

test('configured headers win over type, preset and credential, whatever their case', () => {
  const entry = { type: 'any', preset: 'key', api_key: 'k', headers: { 'X-BOTH': 'entry', 'API-KEY': 'own' } };
  expect(createInstance('a', entry, type).headers).toEqual({ 'x-default': '1', 'x-both': 'entry', 'api-key': 'own' });
  expect(createInstance('a', { type: 'any', preset: 'key' }, type).headers['x-both']).toBe('preset');
});

test('the query is encoded', () => {
  const entry = { type: 'any', query: { 'api-version': '2025-01-01', 'a b': 'c&d=é' } };
  expect(createInstance('a', entry, type).query).toBe('?api-version=2025-01-01&a%20b=c%26d%3D%C3%A9');
  expect(createInstance('a', { type: 'any' }, type).query).toBe('');
});

test('settings merge type < preset < entry, key by key in maps', () => {
  const { config } = createInstance('a', { type: 'any', preset: 'key', timeouts: { total: 9 }, auth: { scheme: 'S' } }, type);
  expect(config).toMatchObject({
    type: 'any',
    version: 'v2',
    timeouts: { idle: 1, total: 9 },
    auth: { header: 'Api-Key', scheme: 'S' },
  });
});

test('what is only said by a type stays out of the settings', () => {
  const { config } = createInstance('a', { type: 'any', preset: 'own' }, type);
  for (const key of ['vendorHost', 'priceProvider', 'keyVariable', 'keyless']) expect(config).not.toHaveProperty(key);
});

test("the host is the vendor's only when the entry writes no base URL", () => {
  expect(createInstance('a', { type: 'any' }, type).vendorHost).toBe(true);
  expect(createInstance('a', { type: 'any', base_url: 'https://api.any.test' }, type).vendorHost).toBe(false);
});

test('operations are all of them unless some are named', () => {
  expect([...createInstance('a', { type: 'any' }, type).operations]).toEqual(['chat', 'embeddings', 'responses']);
  expect([...createInstance('a', { type: 'any', operations: ['chat'] }, type).operations]).toEqual(['chat']);
});

test('a provider that answers in process has no URL', () => {
  const local: ProviderType = { ...type, defaults: {}, serve: () => ({ status: 200, headers: {}, steps: [] }) };
  expect(createInstance('a', { type: 'any' }, local)).toMatchObject({ baseUrl: '', origin: '', path: '', vendorHost: false });
});

test('neither the entry nor the type is changed, and a frozen entry is fine', () => {
  const before = JSON.stringify(type);
  const entry = Object.freeze({ type: 'any', headers: Object.freeze({ a: 'b' }) });
  createInstance('a', entry, type);
  expect(JSON.stringify(type)).toBe(before);
});

test('an unknown preset adds nothing, not even what every object has', () => {
  expect(providerDefaults(type, 'toString')).toEqual(type.defaults);
});

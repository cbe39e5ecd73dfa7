import { expect, test } from 'vitest';
import type { ProviderType } from '../../../providers/provider.ts';
import { load, onlyProblem, refusal, vendor } from '../sources.ts';

const provider = (entry: string) => `providers: { v: { type: vendor, api_key: abc, ${entry} } }\n`;

test('an unknown type is refused with the list of types', () => {
  const problem = onlyProblem({ file: 'providers: { v: { type: vendro } }\n' });
  expect(problem).toMatchObject({
    path: 'providers.v.type',
    where: 'my.yaml:1',
    hint: 'use one of: vendor, generic, echo; or the name of a preset',
  });
});

test('a preset that is written as a type means the type that has it', () => {
  const { config, origins } = load({
    file: 'providers: { v: { type: cloud, api_key: abc, base_url: https://cloud.example } }\n',
  });
  expect(config.providers.v).toMatchObject({ type: 'generic', preset: 'cloud' });
  expect(origins.get('providers.v.preset')).toBe('my.yaml:1');
});

test('a preset whose host is a form to fill in needs a base URL', () => {
  const entry = 'type: generic, preset: tenant, api_key: abc';
  const problem = onlyProblem({ file: `providers: { v: { ${entry} } }\n` });
  expect(problem).toMatchObject({
    path: 'providers.v.base_url',
    hint: 'write base_url in the form of https://TENANT.cloud.test/v1',
  });
  expect(load({ file: `providers: { v: { ${entry}, base_url: "https://Me.cloud.test" } }\n` }).config.providers.v).toBeDefined();
});

test('an unknown preset is refused with the list of presets', () => {
  const problem = onlyProblem({ file: 'providers: { v: { type: generic, preset: lokal, base_url: "http://h" } }\n' });
  expect(problem).toMatchObject({ path: 'providers.v.preset', hint: 'use one of: local, cloud, tenant' });
});

test('an unknown operation is refused', () => {
  const problem = onlyProblem({ file: provider('operations: [chat, embedding]') });
  expect(problem).toMatchObject({ path: 'providers.v.operations[1]', hint: 'did you mean embeddings?' });
});

test('a provider that needs a key and has none names the variable and the field', () => {
  expect(onlyProblem({ file: 'providers: { vendor: { type: vendor } }\n' })).toEqual({
    path: 'providers.vendor.api_key',
    where: 'my.yaml:1',
    message: 'this provider needs an API key and has none',
    hint: 'set VENDOR_API_KEY or VENDOR_KEY_2, or write api_key into providers.vendor, or api_keys: [] for keys that are added through the admin API',
  });
});

test('a second entry of a type is told to take its key from a variable of its own', () => {
  const { hint } = onlyProblem({ file: 'providers: { second: { type: vendor } }\n' });
  expect(hint).toMatch(/^write api_key: \S+ into providers\.second and put the key into that variable, or api_keys: \[\]/);
});

test.each([
  'type: generic, base_url: "http://h"',
  'type: vendor, auth: { header: x-key }',
  'type: vendor, headers: { x-key: abc }',
  'type: echo',
  'type: vendor, enabled: false',
])('no key is needed by { %s }', (entry) => {
  expect(load({ file: `providers: { v: { ${entry} } }\n` }).config.providers.v).toBeDefined();
});

test('a preset decides over its type whether a key is needed', () => {
  const problem = onlyProblem({ file: 'providers: { v: { type: generic, preset: cloud, base_url: "http://h" } }\n' });
  expect(problem.path).toBe('providers.v.api_key');
});

test('an empty key is refused', () => {
  expect(onlyProblem({ file: 'providers: { v: { type: vendor, api_key: "" } }\n' }).message).toBe('the API key is empty');
});

test('a provider without any base URL is refused', () => {
  expect(onlyProblem({ file: 'providers: { v: { type: generic } }\n' })).toMatchObject({ path: 'providers.v.base_url' });
});

test.each([
  ['ftp://h/v1', 'does not start with'],
  ['api.example.com/v1', 'does not start with'],
  ['http://', 'not a URL'],
  ['https://user:pass@h', 'user name or password'],
  ['https://user@h', 'user name or password'],
  ['https://h/v1?key=x', 'query'],
  ['https://h/v1#x', 'fragment'],
  ['https://h/ v1', 'white space'],
  ['http://169.254.169.254/v1', 'metadata'],
  ['http://[fd00:ec2::254]/v1', 'metadata'],
  ['https://h/v1/chat/completions', 'path of an operation'],
])('the base URL %s is refused', (url, words) => {
  const problem = onlyProblem({ file: provider(`base_url: ${JSON.stringify(url)}`) });
  expect(problem.path).toBe('providers.v.base_url');
  expect(problem.message).toContain(words);
});

test.each(['https://h/v2/other', 'https://h/v2/other/', 'https://h/other'])(
  'the base URL %s is refused by a type that says what is spoken there',
  (url) => {
    const speaks: ProviderType = { ...vendor, foreignPaths: [{ end: '/other', hint: 'cut /other off' }] };
    expect(onlyProblem({ file: provider(`base_url: "${url}"`), types: [speaks] })).toMatchObject({
      path: 'providers.v.base_url',
      message: 'the type vendor does not speak what is at a URL that ends in /other',
      hint: 'cut /other off',
    });
  },
);

test.each(['https://h/other/v2', 'https://other', 'https://h/another'])('the base URL %s is not', (url) => {
  const speaks: ProviderType = { ...vendor, foreignPaths: [{ end: '/other', hint: 'cut /other off' }] };
  expect(load({ file: provider(`base_url: "${url}"`), types: [speaks] }).config.providers.v).toBeDefined();
});

test('an asterisk that does not end a pattern of models is refused, wherever one is taken', () => {
  const paths = (entry: string) => refusal({ file: provider(entry) }).problems.map(({ path }) => path);
  expect(paths('model_info: { "a-*-b": { tools: true }, "a*": {} }')).toEqual(['providers.v.model_info["a-*-b"]']);
  expect(paths('context_cache: { models: ["a*", "*b"], min_tokens: { "x*y": 5 } }')).toEqual([
    'providers.v.context_cache.min_tokens["x*y"]',
    'providers.v.context_cache.models[1]',
  ]);
});

test.each(['Host', 'content-length', 'Transfer-Encoding', 'connection', 'upgrade', 'te'])(
  'the header %s is refused',
  (header) => {
    expect(onlyProblem({ file: provider(`headers: { ${header}: x }`) }).message).toContain('belongs to the connection');
  },
);

test('a credential cannot be put into a connection header either', () => {
  expect(onlyProblem({ file: provider('auth: { header: Host }') })).toMatchObject({ path: 'providers.v.auth.header' });
});

test.each(['"a\\r\\nx: y"', '"a\\nb"', '"a\\0b"', '"a\\u2028b"'])('the header value %s is refused and not shown', (value) => {
  const { path, message } = onlyProblem({ file: provider(`headers: { x-a: ${value} }`) });
  expect(path).toBe('providers.v.headers.x-a');
  expect(message).toMatch(/^the value holds a (?:line break or NUL|character that no header can carry)$/);
});

test('a line break in a key of the environment is refused, with its variable', () => {
  const problem = onlyProblem({ env: { VENDOR_API_KEY: 'abc\nx-admin: 1' } });
  expect(problem).toMatchObject({ where: 'environment VENDOR_API_KEY', message: 'the value holds a line break or NUL' });
});

test('what is no header name, or the same one twice, is refused', () => {
  expect(onlyProblem({ file: provider('headers: { "x y": a }') }).message).toBe('this is not a header name');
  expect(onlyProblem({ file: provider('headers: { X-A: a, x-a: b }') }).message).toContain('twice');
});

test('a line break in a query parameter is refused', () => {
  expect(onlyProblem({ file: provider('query: { a: "x\\ny" }') }).path).toBe('providers.v.query.a');
});

test('a CA file that is missing or no certificate is refused', () => {
  expect(onlyProblem({ file: provider('ca_file: nowhere.pem') }).message).toBe('the file nowhere.pem does not exist');
  expect(onlyProblem({ file: provider('ca_file: my.yaml') }).message).toBe('the file my.yaml holds no PEM certificate');
});

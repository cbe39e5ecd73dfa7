import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { placeholder } from '../../config/rules/secrets.ts';
import { load, onlyProblem, refusal, strong } from './sources.ts';

const provider = (entry: string) => `providers: { v: { type: vendor, api_key: abc, ${entry} } }\n`;
const models = (text: string) => `providers: { v: { type: vendor, api_key: abc } }\nmodels: ${text}\n`;
const key = (secret: string) => `keys: { a: { secret: ${JSON.stringify(secret)} } }\n`;

describe('providers', () => {
  test('an unknown type is refused with the list of types', () => {
    const problem = onlyProblem({ file: 'providers: { v: { type: vendro } }\n' });
    expect(problem).toMatchObject({ path: 'providers.v.type', where: 'my.yaml:1', hint: 'use one of: vendor, generic, echo' });
  });

  test('a preset that is written as a type is answered with how to write it', () => {
    const { hint } = onlyProblem({ file: 'providers: { v: { type: cloud } }\n' });
    expect(hint).toContain('write type: generic and preset: cloud');
  });

  test('a preset whose host is a form to fill in needs a base URL', () => {
    const entry = 'type: generic, preset: tenant, api_key: abc';
    const problem = onlyProblem({ file: `providers: { v: { ${entry} } }\n` });
    expect(problem).toMatchObject({
      path: 'providers.v.base_url',
      hint: 'write base_url in the form of https://TENANT.cloud.test/v1',
    });
    expect(
      load({ file: `providers: { v: { ${entry}, base_url: "https://Me.cloud.test" } }\n` }).config.providers.v,
    ).toBeDefined();
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
      hint: 'set VENDOR_API_KEY or VENDOR_KEY_2, or write api_key into providers.vendor',
    });
  });

  test('a second entry of a type is told to take its key from a variable of its own', () => {
    const { hint } = onlyProblem({ file: 'providers: { second: { type: vendor } }\n' });
    expect(hint).toMatch(/^write api_key: \S+ into providers\.second, and put the key into that variable$/);
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
});

describe('models', () => {
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
    expect(onlyProblem({ file: models(`{ ${name}: { targets: [{ provider: v, model: x }] } }`) }).message).toContain(
      'at the end',
    );
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
    expect(onlyProblem({ file: models('{ "a/*": { targets: [{ provider: v, model: "x-*" }] } }') }).message).toContain(
      '"*" alone',
    );
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
});

describe('secrets', () => {
  test('two keys with the same secret are refused without showing it', () => {
    const { problems, message } = refusal({ file: `keys: { a: { secret: ${strong} }, b: { secret: ${strong} } }\n` });
    expect(problems).toMatchObject([{ path: 'keys.b.secret', message: 'the secret is the same as that of keys.a' }]);
    expect(message).not.toContain(strong);
  });

  test('the admin key cannot be a gateway key', () => {
    expect(onlyProblem({ file: key(strong), env: { ADMIN_API_KEY: strong } }).path).toBe('management.admin_api_key');
  });

  test.each([
    'changeme-changeme-changeme',
    'sk-your-gateway-key-here',
    'REPLACE_ME_REPLACE_ME',
    'sk-................',
    '<paste the secret here>',
    'xxxxxxxxxxxxxxxxxxxxxxxx',
    'my-super-secret-password',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'abababababababababababab',
  ])('security 35: the example secret %s is refused', (secret) => {
    expect(onlyProblem({ file: key(secret) }).path).toBe('keys.a.secret');
  });

  test.each(['your-key-here', 'sk-...', '<key>', 'changeme', '$OPENAI_API_KEY'])(
    'security 35: the placeholder %s is refused as a provider key',
    (secret) => {
      expect(onlyProblem({ env: { VENDOR_API_KEY: secret } }).message).toBe('the API key is a placeholder');
    },
  );

  test.each(['EMPTY', 'none', 'sk-no-key-required', strong])('%s is fine as a key of a server that asks for none', (secret) => {
    expect(placeholder(secret)).toBe(false);
  });

  test('a placeholder check takes no time on long input', () => {
    const start = performance.now();
    placeholder('apikey'.repeat(20_000));
    placeholder(`your${'key'.repeat(30_000)}`);
    expect(performance.now() - start).toBeLessThan(50);
  });

  test('a secret that no header can carry is refused', () => {
    expect(onlyProblem({ file: key(`${strong} ü`) }).message).toContain('outside ASCII');
  });

  test.each([
    '',
    'too-short',
    Buffer.alloc(31, 'abcdefghijk').toString('base64'),
    Buffer.alloc(32).toString('base64'),
    '!'.repeat(44),
  ])('the encryption key %j is refused', (ENCRYPTION_KEY) => {
    const sources = ENCRYPTION_KEY === '' ? { file: 'encryption_key: ""\n' } : { env: { ENCRYPTION_KEY } };
    expect(onlyProblem(sources).path).toBe('encryption_key');
  });
});

describe('listeners', () => {
  test('an invalid address is refused', () => {
    expect(onlyProblem({ env: { LISTEN: '4000' } })).toMatchObject({ path: 'server.listen', where: 'environment LISTEN' });
  });

  test('both listeners on one address are refused', () => {
    expect(onlyProblem({ env: { PORT: '4001' } })).toMatchObject({ path: 'management.listen', where: 'config/default.yaml:25' });
  });

  test('both on port 0 are fine', () => {
    expect(load({ env: { PORT: '0', MANAGEMENT_LISTEN: '127.0.0.1:0' } }).config.server.listen).toBe('127.0.0.1:0');
  });

  test('more than one worker is refused, never silently wrong', () => {
    const problem = onlyProblem({ env: { WORKERS: '2' } });
    expect(problem).toMatchObject({ path: 'server.workers', where: 'environment WORKERS' });
    expect(problem.message).toContain('wrong across them');
  });

  test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'loopback', '10.0.0.0/8/8', '10.0.0.0/'])(
    'security 24: %s is no address to trust',
    (entry) => {
      expect(onlyProblem({ overlay: { server: { trust_proxy: [entry] } } }).message).toContain(
        'neither an IP address nor a CIDR',
      );
    },
  );

  test('security 24: a CIDR of everybody is refused', () => {
    expect(onlyProblem({ file: 'server: { trust_proxy: [0.0.0.0/0] }\n' }).message).toContain('anybody');
  });

  test('addresses and CIDRs of both families are fine', () => {
    const trust = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '::1'];
    expect(load({ overlay: { server: { trust_proxy: trust } } }).config.server.trust_proxy).toEqual(trust);
  });

  test.each([
    '*',
    'null',
    'example.com',
    'https://example.com/',
    'https://example.com/a',
    'ftp://example.com',
    'https://EXAMPLE.com',
  ])('security 25: %s is no CORS origin', (origin) => {
    expect(onlyProblem({ overlay: { server: { cors: { origins: [origin] } } } }).path).toBe('server.cors.origins[0]');
  });

  test('an origin with a port is fine', () => {
    const origins = ['https://example.com', 'http://localhost:5173'];
    expect(load({ overlay: { server: { cors: { origins } } } }).config.server.cors.origins).toEqual(origins);
  });

  test.each([
    'http://127.0.0.1:4000/v1',
    'http://localhost:4000',
    'http://[::1]:4000/v1',
    'http://0.0.0.0:4000/v1',
    'http://127.0.0.1:4001/v1',
  ])('the provider URL %s is one of our own listeners and refused with the reason', (VENDOR_BASE_URL) => {
    const problem = onlyProblem({ env: { VENDOR_API_KEY: 'abc', VENDOR_BASE_URL } });
    expect(problem).toMatchObject({ path: 'providers.vendor.base_url', where: 'environment VENDOR_BASE_URL' });
    expect(problem.hint).toContain('in the application that uses this gateway it means the gateway');
  });

  test('on a listener for every address, the name of this machine is our own too', () => {
    const env = {
      VENDOR_API_KEY: 'abc',
      VENDOR_BASE_URL: `http://${hostname()}:4000/v1`,
      LISTEN: '0.0.0.0:4000',
      AUTH_MODE: 'none',
    };
    expect(onlyProblem({ env }).path).toBe('providers.vendor.base_url');
  });

  test('a default port counts', () => {
    const env = { LISTEN: '127.0.0.1:80', VENDOR_API_KEY: 'abc', VENDOR_BASE_URL: 'http://localhost/v1' };
    expect(onlyProblem({ env }).path).toBe('providers.vendor.base_url');
  });

  test.each(['http://127.0.0.1:8000/v1', 'http://10.0.0.7:4000/v1'])(
    'the provider URL %s is somebody else',
    (VENDOR_BASE_URL) => {
      expect(load({ env: { VENDOR_API_KEY: 'abc', VENDOR_BASE_URL } }).config.providers.vendor?.base_url).toBe(VENDOR_BASE_URL);
    },
  );
});

describe('auth mode', () => {
  test('keys make it gateway, none make it none, and the origin says so', () => {
    const keyed = load({ file: key(strong) });
    expect([keyed.config.auth.mode, keyed.keyless, keyed.origins.get('auth.mode')]).toEqual([
      'gateway',
      null,
      'derived: keys exist',
    ]);
    const open = load();
    expect([open.config.auth.mode, open.keyless, open.origins.get('auth.mode')]).toEqual(['none', 'derived', 'derived: no keys']);
  });

  test.each(['0.0.0.0:4000', ':4000', '10.0.0.1:4000', 'gateway.example:4000'])(
    'without a key, %s is refused with the two ways out',
    (LISTEN) => {
      const problem = onlyProblem({ env: { LISTEN } });
      expect(problem).toMatchObject({ path: 'server.listen', where: 'environment LISTEN' });
      expect(problem.hint).toMatch(/GATEWAY_API_KEYS.*AUTH_MODE=none/);
    },
  );

  test.each(['localhost:4000', '127.1.2.3:4000', '[::1]:4000', 'unix:/tmp/p.sock'])('without a key, %s is fine', (LISTEN) => {
    expect(load({ env: { LISTEN } }).keyless).toBe('derived');
  });

  test('keyless use that was asked for by name may listen anywhere', () => {
    expect(load({ env: { LISTEN: '0.0.0.0:4000', AUTH_MODE: 'none' } }).keyless).toBe('explicit');
  });

  test('mode none beside keys is a warning', () => {
    expect(load({ file: key(strong), env: { AUTH_MODE: 'none' } }).warnings).toEqual([
      expect.stringContaining('are not asked for'),
    ]);
  });

  test('mode gateway without any key is refused', () => {
    expect(onlyProblem({ env: { AUTH_MODE: 'gateway' } })).toMatchObject({ path: 'auth.mode', where: 'environment AUTH_MODE' });
  });

  test('a mode that does not exist yet is refused', () => {
    expect(onlyProblem({ env: { AUTH_MODE: 'client' } })).toMatchObject({ path: 'auth.mode', hint: 'known: gateway, none' });
  });
});

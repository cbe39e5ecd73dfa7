import { beforeAll, describe, expect, test } from 'vitest';
import { bodyLimits } from '../../plugins/http-server.ts';
import { chat, chatBody, chatStream } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open, type Reply, type Request, ask as request, requestBytes } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient, upstreamKey } from '../helper/overlay.ts';
import { json, sse } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// What a request may say about where it goes, how much it brings and what goes along, by route and by header.

const secret = 'gw-key-0123456789abcdef';
const adminKey = 'admin-key-0123456789abcdef';
const bearer = { authorization: `Bearer ${secret}` };
let upstream: Upstream;
let gateway: TestGateway;

const vectors = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  model: 'up-1',
  usage: { prompt_tokens: 1, total_tokens: 1 },
};
const answers: Script = (call, wire) => (call.path === '/v1/embeddings' ? json(200, vectors) : chat)(call, wire);

beforeAll(async () => {
  upstream = opened(await startUpstream(answers));
  gateway = await startGateway({
    overlay: patient(upstream.url),
    env: { GATEWAY_API_KEYS: `app=${secret}`, ADMIN_API_KEY: adminKey },
  });
});

async function connect(url = gateway.url): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

/** The answer to bytes that need not be a whole request. */
async function answerTo(bytes: string, url = gateway.url): Promise<Reply> {
  const connection = await connect(url);
  connection.socket.write(bytes);
  return connection.until((reply) => reply.complete, 3_000);
}

const announced = (path: string, length: number, method = 'POST') =>
  `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

const MiB = 1_048_576;

describe('I4: the largest body by route', () => {
  test.each([
    ['/v1/embeddings', 8 * MiB],
    ['/v1/chat/completions', 32 * MiB],
    ['/v1/responses', 32 * MiB],
    ['/embeddings', 8 * MiB],
  ])('%s takes %i bytes; one more is 413 before any of it came', async (path, limit) => {
    const reply = await answerTo(announced(path, limit + 1));
    expect(reply.status).toBe(413);
    expect(expectEnvelope(reply)).toMatchObject({ code: 'request_too_large', message: expect.stringContaining(String(limit)) });
    const connection = await connect();
    connection.socket.write(announced(path, limit));
    await expect(connection.until((each) => each.headAt > 0, 200)).rejects.toThrow('Not within 200 ms');
  });

  test('/v1/embeddings in chunks is 413 as soon as too much has come', async () => {
    const connection = await connect();
    const head = announced('/v1/embeddings', 0).replace('content-length: 0', 'transfer-encoding: chunked');
    const piece = `${MiB.toString(16)}\r\n${' '.repeat(MiB)}\r\n`;
    connection.socket.write(head);
    for (let sent = 0; sent <= bodyLimits.embeddings && connection.reply.headAt === 0; sent += MiB) {
      await new Promise((resolve) => connection.socket.write(piece, resolve));
    }
    const reply = await connection.until(({ complete }) => complete, 3_000);
    expect(reply.status).toBe(413);
    expectEnvelope(reply);
  });

  test('a server.body_limit below that of a route holds there too', async () => {
    const small = await startGateway({
      overlay: patient(upstream.url, { server: { body_limit: '2KiB', keep_alive_comments: '0s' } }),
      env: { GATEWAY_API_KEYS: `app=${secret}` },
    });
    for (const path of ['/v1/embeddings', '/v1/chat/completions']) {
      expect((await answerTo(announced(path, 2_049), small.url)).status).toBe(413);
    }
    expect(small.gateway.management.initialConfig.bodyLimit).toBe(2_048);
  });

  test.each(['GET', 'HEAD', 'OPTIONS'])('%s brings none: more than 1 KiB is 413, on both listeners', async (method) => {
    for (const [url, path] of [
      [gateway.url, '/v1/models'],
      [gateway.managementUrl, '/livez'],
    ] as const) {
      const connection = await connect(url);
      connection.socket.write(announced(path, 1_025, method));
      const reply = await connection.until((each) => each.headAt > 0 && (method === 'HEAD' || each.complete), 3_000);
      expect(reply.status).toBe(413);
      if (method !== 'HEAD') expect(expectEnvelope(reply).code).toBe('request_too_large');
    }
  });

  test('a GET with the few bytes that some clients send is answered, and they are not the next request', async () => {
    const connection = await connect();
    const reply = await connection.ask({ method: 'GET', path: '/v1/models', headers: bearer, body: '{}' });
    expect(reply.status).toBe(200);
    expect((await connection.ask({ path: '/v1/models', headers: bearer })).status).toBe(200);
  });

  test('a GET in chunks is cut as soon as too much has come', async () => {
    const connection = await connect();
    connection.socket.write(announced('/v1/models', 0, 'GET').replace('content-length: 0', 'transfer-encoding: chunked'));
    connection.socket.write(`${(2_000).toString(16)}\r\n${'x'.repeat(2_000)}\r\n`);
    await connection.closed(2_000);
  });

  test('the management listener takes 64 KiB', () => {
    expect(gateway.gateway.management.initialConfig.bodyLimit).toBe(65_536);
  });

  test.each(['/v1/nothing', '/v1%2Fchat/completions'])(
    'of a path where nothing is (%s) is not read: 404 at once',
    async (path) => {
      for (const url of [gateway.url, gateway.managementUrl]) {
        const reply = await answerTo(announced(path, 30 * MiB), url);
        expect(reply.status).toBe(404);
        expect(expectEnvelope(reply).code).toBe('unknown_url');
      }
    },
  );
});

const spellings = [
  '/v1/models',
  '/v1/models/',
  '//v1/models',
  '/v1//models',
  '/./v1/models',
  '/x/../v1/models',
  '/v1/%6dodels',
  '/%76%31/models',
  '/v1%2fmodels',
  '/V1/models',
  '/v1/models;x',
  '/v1/models%00',
  '/v1/models%20',
  '/v1/models?x=/livez',
  '/livez/../v1/models',
  '/livez/..%2fv1/models',
  '/v1/models/../../livez',
  '/v1/chat/completions/../../models',
  '/models',
  '/models/m',
  '/v1/v1/models',
];

describe('C12: security 2: however a path is spelt', () => {
  test.each(spellings)('%s answers nobody without a key', async (path) => {
    for (const host of ['127.0.0.1', 'localhost', 'livez', 'evil.example']) {
      const reply = await request(gateway.url, { path, headers: { host } });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expectEnvelope(reply);
    }
  });

  test.each([
    '/admin/v1/config',
    '//admin/v1/config',
    '/livez/../admin/v1/config',
    '/admin%2fv1/config',
    '/admin/v1/config/',
    '/ADMIN/v1/config',
  ])('%s of the management listener answers nobody without the admin key', async (path) => {
    const reply = await request(gateway.managementUrl, { path, headers: bearer });
    expect([401, 404]).toContain(reply.status);
  });

  test('the API listener has no admin route', async () => {
    const reply = await request(gateway.url, { path: '/admin/v1/config', headers: { authorization: `Bearer ${adminKey}` } });
    expect(reply.status).toBe(404);
  });
});

describe('C11: security 19: only HTTP/1.1 requests to this server', () => {
  test('an upgrade is answered as if it were none, and the connection ends', async () => {
    for (const upgrade of ['h2c', 'websocket', 'TLS/1.3']) {
      const connection = await connect();
      const headers = { ...bearer, connection: 'upgrade', upgrade };
      const reply = await connection.ask({ path: '/v1/models', headers });
      expect(reply).toMatchObject({ status: 200, headers: { connection: 'close' } });
      expect((await connection.closed(1_000)).ended).toBe('fin');
    }
  });

  test('what comes behind an upgrade in the same packet, or in the next one, is not handled', async () => {
    const calls = upstream.calls.length;
    const connection = await connect();
    const headers = { ...bearer, connection: 'upgrade', upgrade: 'h2c' };
    const next = requestBytes({ headers: bearer, body: ask() });
    connection.socket.write(Buffer.concat([requestBytes({ path: '/v1/models', headers }), next.subarray(0, 20)]));
    connection.socket.write(next);
    await connection.closed(2_000);
    expect(connection.raw.toString().match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(upstream.calls).toHaveLength(calls);
  });

  test('TRACE returns nothing of the request', async () => {
    const reply = await request(gateway.url, {
      method: 'TRACE',
      path: '/v1/models',
      headers: { ...bearer, 'x-private': 'mirror' },
    });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(`${reply.head}${reply.body}`).not.toContain('mirror');
  });

  test.each(['HTTP/2.0', 'HTTP/0.9'])('%s is no version', async (version) => {
    const connection = await connect();
    connection.socket.write(`GET /v1/models ${version}\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${secret}\r\n\r\n`);
    const reply = await connection.closed(1_000);
    expect(expectEnvelope(reply).code).toBe('invalid_http');
  });

  test.each(['a b', 'a/b', 'a@b', 'a?b', 'a#b', '[::1', 'a:b', 'a:1:2', 'a\\b', '"a"', 'a,b c'])(
    'a Host of %j is none',
    async (host) => {
      const reply = await request(gateway.url, { path: '/v1/models', headers: { ...bearer, host } });
      expect(reply.status).toBe(400);
      expect(expectEnvelope(reply).code).toBe('invalid_http');
    },
  );

  test.each(['a', 'a:80', 'a:', 'gateway.example', '10.0.0.1:4000', '[::1]:4000', '[fe80::1]', 'x_y.internal', 'a%20b', ''])(
    'a Host of %j is one',
    async (host) => {
      expect((await request(gateway.url, { path: '/v1/models', headers: { ...bearer, host } })).status).toBe(200);
    },
  );
});

describe('security 20: to a provider go', () => {
  /** Everything that has to stay here: credentials, addresses, headers of one hop, and those a caller calls so. */
  const foreign = {
    cookie: 'session=caller',
    'proxy-authorization': 'Basic Y2FsbGVy',
    'x-api-key': 'caller',
    'x-forwarded-for': '10.1.1.1',
    'x-forwarded-host': 'evil.example',
    'x-real-ip': '10.1.1.1',
    forwarded: 'for=10.1.1.1',
    connection: 'keep-alive, x-named',
    'x-named': 'by-connection',
    'keep-alive': 'timeout=5',
    te: 'trailers',
    trailer: 'x-trailer',
    'proxy-connection': 'keep-alive',
    'openai-organization': 'org-caller',
    'x-http-method-override': 'DELETE',
    'accept-encoding': 'br',
    'user-agent': 'caller/1',
    referer: 'https://caller.example',
    'x-anything': 'caller',
  };

  test.each([
    ['a JSON call', '/v1/chat/completions', ask()],
    ['a stream', '/v1/chat/completions', ask({ stream: true })],
    ['embeddings', '/v1/embeddings', { model: 'm', input: 'x' }],
  ])('the headers of this gateway and no others (%s)', async (_name, path, body) => {
    const reply = await request(gateway.url, { path, headers: { ...bearer, ...foreign }, body });
    expect(reply.status).toBe(200);
    const { headers, body: sent } = upstream.calls.at(-1)!;
    const allowed = [
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'via',
    ];
    expect(Object.keys(headers).filter((name) => !allowed.includes(name))).toEqual([]);
    expect(headers.authorization).toBe(`Bearer ${upstreamKey}`);
    expect(headers['content-length']).toBe(String(sent.length));
    expect(Object.values(headers).join('\n')).not.toMatch(/caller|evil|by-connection|10\.1\.1\.1/);
  });
});

describe('security 21: a body is counted here and framed anew', () => {
  test.each([1, 7, 4_096])('whatever its chunks were (%i bytes each)', async (size) => {
    const body = JSON.stringify(ask({ user: 'x'.repeat(9_000) }));
    const chunks = (body.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).map(
      (part) => `${part.length.toString(16)};ext=1\r\n${part}\r\n`,
    );
    const head = announced('/v1/chat/completions', 0).replace('content-length: 0', 'transfer-encoding: chunked');
    const reply = await answerTo(`${head}${chunks.join('')}0\r\nx-trailer: y\r\n\r\n`);
    expect(reply.status).toBe(200);
    const call = upstream.calls.at(-1)!;
    expect(call.headers['transfer-encoding']).toBeUndefined();
    expect(call.headers['x-trailer']).toBeUndefined();
    expect(call.headers['content-length']).toBe(String(call.body.length));
    expect((call.json as { user: string }).user).toHaveLength(9_000);
  });

  test('and is not sent at all when its framing headers stand behind more lines than are read', async () => {
    const calls = upstream.calls.length;
    const body = JSON.stringify(ask());
    const filler = 'a:b\r\n'.repeat(1_001);
    const reply = await answerTo(
      announced('/v1/chat/completions', body.length).replace('content-length', `${filler}content-length`) + body,
    );
    expect(reply.status).toBe(431);
    expect(upstream.calls).toHaveLength(calls);
  });
});

describe('security 22: an answer carries', () => {
  const hostile = {
    'set-cookie': 'session=provider',
    'cache-control': 'public, max-age=3600',
    'x-internal': 'provider',
    server: 'provider',
    etag: '"provider"',
    expires: 'Thu, 01 Jan 2037 00:00:00 GMT',
    'access-control-allow-origin': '*',
    'strict-transport-security': 'max-age=1',
    'openai-processing-ms': '5',
  };
  const allowed =
    /^(?:content-type|content-length|transfer-encoding|connection|keep-alive|date|cache-control|x-request-id|x-should-retry|retry-after(?:-ms)?|x-postern-[a-z-]+)$/;

  test.each([
    ['a JSON answer', json(200, chatBody(), hostile), {}],
    ['a stream', chatStream({ headers: hostile }), { stream: true }],
    ['a failure', json(500, { error: { message: 'x' } }, hostile), {}],
    ['a broken stream', sse(['data: {"error":{"message":"x"}}'], { headers: hostile }), { stream: true }],
  ])('only headers of this gateway, and no-store (%s)', async (_name, script, extra) => {
    upstream.script = script;
    const reply = await request(gateway.url, { headers: bearer, body: ask(extra) });
    upstream.script = answers;
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(Object.keys(reply.headers).filter((name) => !allowed.test(name))).toEqual([]);
    expect(reply.head).not.toContain('provider"');
    expect(reply.head).not.toContain('session');
  });

  test('no-store on every route that asks who calls, with its key and without', async () => {
    const listeners = [
      [gateway.gateway.api, gateway.url, bearer],
      [gateway.gateway.management, gateway.managementUrl, { authorization: `Bearer ${adminKey}` }],
    ] as const;
    let asked = 0;
    for (const [app, url, headers] of listeners) {
      for (const { method, url: path, auth } of app.inventory) {
        if (auth === 'public' || method === 'HEAD') continue;
        const send: Request = {
          method,
          path: path.replace('*', 'm'),
          ...(method === 'POST' ? { body: ask({ input: 'x' }) } : {}),
        };
        for (const each of [headers, {}]) {
          const reply = await request(url, { ...send, headers: { ...each } });
          expect([path, reply.headers['cache-control']]).toEqual([path, 'no-store']);
          expect(reply.headers['set-cookie']).toBeUndefined();
          asked++;
        }
      }
    }
    expect(asked).toBeGreaterThan(8);
  });
});

test.each([
  ['trusted', ['127.0.0.1'], [401, 401, 401, 401]],
  ['not trusted', ['10.0.0.0/8'], [401, 401, 429, 429]],
])('security 24: X-Forwarded-For of a proxy that is %s names who guesses keys', async (_name, trusted, statuses) => {
  const behind = await startGateway({
    overlay: patient(upstream.url, {
      auth: { failed_attempts: { max: 2, window: '1m' } },
      server: { trust_proxy: trusted, keep_alive_comments: '0s' },
    }),
    env: { GATEWAY_API_KEYS: `app=${secret}` },
  });
  const seen: number[] = [];
  for (let guess = 0; guess < 4; guess++) {
    const headers = { authorization: `Bearer guess-${guess}`, 'x-forwarded-for': `203.0.113.${guess}` };
    seen.push((await request(behind.url, { headers, body: ask() })).status);
  }
  expect(seen).toEqual(statuses);
});

test.each(['/v1/chat/completions', '/v1/models', '/v1/nothing', '/', '/livez'])(
  'security 25: no page of another origin may read %s, nor ask first',
  async (path) => {
    const origin = { origin: 'https://page.example', ...bearer };
    const preflight = { ...origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    for (const send of [{ headers: origin }, { method: 'OPTIONS', headers: preflight }]) {
      for (const url of [gateway.url, gateway.managementUrl]) {
        const reply = await request(url, { path, ...send });
        expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    }
  },
);

describe('security 26: refused before it is parsed or sent', () => {
  const around = (text: string) => `{"model":"m","messages":[{"role":"user","content":"x"}],"x":${text}}`;
  test.each([
    ['depth', around('['.repeat(200) + ']'.repeat(200)), 'invalid_json'],
    ['values', around(`[${'{},'.repeat(120_000)}0]`), 'invalid_json'],
    ['quotes', around(`[${'"",'.repeat(120_000)}0]`), 'invalid_json'],
    ['a key twice', '{"model":"m","model":"n","messages":[{"role":"user","content":"x"}]}', 'duplicate_key'],
    ['a key twice, once escaped', '{"model":"m","\\u006dodel":"n","messages":[{"role":"user","content":"x"}]}', 'duplicate_key'],
    [
      'no UTF-8',
      Buffer.concat([Buffer.from(around('"')).subarray(0, -1), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
      'invalid_json',
    ],
  ])('%s', async (_name, body, code) => {
    const calls = upstream.calls.length;
    const reply = await request(gateway.url, { headers: bearer, body });
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply).code).toBe(code);
    expect(upstream.calls).toHaveLength(calls);
  });
});

test('security 27: headers, queries, bodies and metadata named like members of every object change none', async () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
  const before = names.map((name) => Reflect.get({}, name));
  for (const name of names) {
    const headers = { ...bearer, [name]: 'polluted', 'x-postern-metadata': `{"${name}":"polluted"}` };
    await request(gateway.url, { headers, path: `/v1/chat/completions?${name}=polluted`, body: ask() });
    await request(gateway.url, {
      headers: bearer,
      body: `{"model":"m","messages":[{"role":"user","content":"x"}],"${name}":{"polluted":1}}`,
    });
    await request(gateway.url, { headers: bearer, path: `/v1/models/${name}` });
  }
  expect(names.map((name) => Reflect.get({}, name))).toEqual(before);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  expect((await request(gateway.url, { headers: bearer, body: ask() })).status).toBe(200);
});

describe('security 28: numbers', () => {
  test.each([
    ['max_tokens', ['1e400', '-1', '1.5', '"5"', '1e15', '9007199254740993', '-0.5', '[]']],
    ['n', ['0', '129', '1e3', '1.5', '"2"', '-1']],
    ['top_logprobs', ['21', '-1', '0.5']],
    ['temperature', ['1e400', '-1', '3', '"1"']],
  ])('%s outside of its range is refused by name', async (name, values) => {
    const calls = upstream.calls.length;
    for (const value of values) {
      const body = `{"model":"m","messages":[{"role":"user","content":"x"}],"${name}":${value}}`;
      const reply = await request(gateway.url, { headers: bearer, body });
      expect([value, reply.status]).toEqual([value, 400]);
      expect(expectEnvelope(reply).param).toBe(name);
    }
    expect(upstream.calls).toHaveLength(calls);
  });

  test.each([-5, 1.5, 1e30, '7', null, 2 ** 53])('of usage that a provider makes up (%j) never become a cost', async (count) => {
    const from = (await gateway.ledgerRows()).length;
    upstream.script = json(
      200,
      chatBody('x', { usage: { prompt_tokens: count, completion_tokens: count, total_tokens: count } }),
    );
    await request(gateway.url, { headers: bearer, body: ask() });
    upstream.script = answers;
    const row = (await gateway.ledgerRows(from + 1)).at(-1)!;
    for (const value of [row.input, row.output, row.cost_nano ?? 0]) {
      expect(Number.isInteger(value) && value! >= 0 && value! <= 1_000_000_000).toBe(true);
    }
  });
});

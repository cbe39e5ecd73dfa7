import { beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open, type Reply, ask as request, requestBytes } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Requests that two HTTP readers could understand differently, and values meant to become something else on the way.

const secret = 'gw-key-0123456789abcdef';
const bearer = { authorization: `Bearer ${secret}` };
let upstream: Upstream;
/** Asks for a key. */
let gateway: TestGateway;
/** Asks for none, so only for a loopback `Host`. */
let keyless: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  const server = { max_requests_per_socket: 3, trust_proxy: [] };
  gateway = await startGateway({ overlay: patient(upstream.url, { server }), env: { GATEWAY_API_KEYS: `app=${secret}` } });
  keyless = await startGateway({ overlay: patient(upstream.url) });
});

async function connect(url: string): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

async function raw(url: string, bytes: string): Promise<Reply> {
  const connection = await connect(url);
  connection.socket.write(bytes);
  return connection.until((reply) => reply.complete || reply.ended !== null, 3_000);
}

const body = JSON.stringify(ask());
const post = (target: string, headers: string) =>
  `POST ${target} HTTP/1.1\r\n${headers}authorization: Bearer ${secret}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

describe('C8: a request that says twice where it goes', () => {
  test.each([
    ['with an absolute target', post('http://127.0.0.1/v1/chat/completions', 'host: 127.0.0.1\r\n')],
    ['with the target of a proxy', post('https://api.example.com/v1/chat/completions', 'host: api.example.com\r\n')],
    [
      'of HTTP/1.0 with a transfer coding',
      `POST /v1/chat/completions HTTP/1.0\r\nhost: a\r\nauthorization: Bearer ${secret}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ],
  ])('%s is 400 and the connection is closed', async (_name, bytes) => {
    const calls = upstream.calls.length;
    const reply = await raw(gateway.url, bytes);
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply).code).toBe('invalid_http');
    expect(reply.headers.connection).toBe('close');
    expect(upstream.calls).toHaveLength(calls);
  });

  test.each([
    ['a/?x', 400, 'invalid_http'],
    ['127.0.0.1@evil.example', 400, 'invalid_http'],
    ['localhost:4000/..', 400, 'invalid_http'],
    ['127.0.0.1.evil.example', 403, 'host_not_allowed'],
    ['', 403, 'host_not_allowed'],
  ])('a Host of %j opens no door where only this machine may call', async (host, status, code) => {
    const reply = await request(keyless.url, { headers: { host }, body: ask() });
    expect(reply.status).toBe(status);
    expect(expectEnvelope(reply).code).toBe(code);
  });

  test('what X-Forwarded headers say of it counts for nothing', async () => {
    const forwarded = { 'x-forwarded-host': 'localhost', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'https' };
    const reply = await request(keyless.url, { headers: { host: 'evil.example', ...forwarded }, body: ask() });
    expect(reply.status).toBe(403);
  });

  test('X-Forwarded-For does not give a caller who guesses keys a new address', async () => {
    const strict = await startGateway({
      overlay: patient(upstream.url, { auth: { failed_attempts: { max: 3, window: '1m' } } }),
      env: { GATEWAY_API_KEYS: `app=${secret}` },
    });
    const statuses: number[] = [];
    for (let guess = 0; guess < 5; guess++) {
      const headers = { authorization: `Bearer guess-${guess}`, 'x-forwarded-for': `203.0.113.${guess}` };
      statuses.push((await request(strict.url, { headers, body: ask() })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
  });
});

test('C9: a thousand headers, and names such as __proto__, change nothing and reach nobody', async () => {
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`x-${index}`, 'a']));
  const headers = { ...bearer, ...many, ['__proto__']: 'x', constructor: 'y', 'has-own-property': 'z' };
  const reply = await request(gateway.url, { headers, body: ask() });
  expect(reply.status).toBe(200);
  const sent = Object.keys(upstream.calls.at(-1)!.headers);
  expect(sent.length).toBeLessThan(15);
  expect(sent.filter((name) => /^(x-|__proto__|constructor)/.test(name))).toEqual([]);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

test('C9: more headers than the parser counts are refused: none is lost sight of', async () => {
  const calls = upstream.calls.length;
  const filler = Array.from({ length: 2_500 }, () => 'a:b\r\n').join('');
  const reply = await raw(gateway.url, post('/v1/chat/completions', `host: 127.0.0.1\r\n${filler}`));
  expect(reply.status).toBe(431);
  expect(expectEnvelope(reply).code).toBe('header_too_large');
  expect(upstream.calls).toHaveLength(calls);
});

test('C10: a connection serves as many requests as it may, says so with the last one and serves no further', async () => {
  const calls = upstream.calls.length;
  const connection = await connect(gateway.url);
  for (let count = 1; count <= 3; count++) {
    const reply = await connection.ask({ headers: bearer, body: ask() });
    expect(reply.status).toBe(200);
    expect(reply.headers.connection).toBe(count < 3 ? 'keep-alive' : 'close');
  }
  await connection.closed(1_000);
  expect(upstream.calls).toHaveLength(calls + 3);
});

test('C10: an answer that takes longer does not let the next one on the connection pass it', async () => {
  upstream.script = async (call, wire) => {
    const slow = JSON.stringify(call.json).includes('slow');
    await new Promise((resolve) => setTimeout(resolve, slow ? 150 : 0));
    await chat(call, wire);
  };
  const connection = await connect(keyless.url);
  const slow = requestBytes({ body: ask({ user: 'slow' }), headers: { 'x-request-id': 'first' } });
  const fast = requestBytes({ body: ask(), headers: { 'x-request-id': 'second', connection: 'close' } });
  connection.send(Buffer.concat([slow, fast]));
  await connection.closed(3_000).catch(() => null);
  const text = connection.raw.toString();
  expect(text.match(/x-request-id: (\w+)/g)).toEqual(['x-request-id: first', 'x-request-id: second']);
  upstream.script = chat;
});

test('C11: a body that is announced with Expect: 100-continue and never sent costs no attempt', async () => {
  const calls = upstream.calls.length;
  const connection = await connect(keyless.url);
  connection.socket.write(
    'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n',
  );
  await expect.poll(() => connection.raw.toString()).toMatch(/^HTTP\/1\.1 100 Continue/);
  connection.leave('rst');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(upstream.calls).toHaveLength(calls);
});

test.each(['TRACE', 'PUT', 'DELETE', 'PATCH'])('C11: %s is refused in the envelope', async (method) => {
  const reply = await request(gateway.url, { method, headers: bearer });
  expect([400, 404, 405]).toContain(reply.status);
  expectEnvelope(reply);
});

test.each([
  '/v1%2Fchat%2Fcompletions',
  '//v1/chat/completions',
  '/v1//chat/completions',
  '/v1/../admin/v1/config',
  '/v1/./chat/completions',
  '/V1/Chat/Completions',
  '/v1/chat/completions/',
  '/v1/chat/completions%00',
  '/v1/chat/completions;x=1',
])('C12: %s is nothing, with a key or without', async (path) => {
  const calls = upstream.calls.length;
  for (const headers of [bearer, {}]) {
    const reply = await request(gateway.url, { path, headers, body: ask() });
    expect([400, 404]).toContain(reply.status);
    expectEnvelope(reply);
  }
  expect(upstream.calls).toHaveLength(calls);
});

describe('C13: a line break in a value never becomes a header', () => {
  test('in a model name, on the way there and back', async () => {
    const model = 'up/up-1\r\nx-injected: yes';
    const reply = await request(gateway.url, { headers: bearer, body: ask({ model }) });
    expect(reply.status).toBe(200);
    expect(reply.head).not.toMatch(/^x-injected/m);
    expect(reply.headers['x-postern-model']).toBe('up-1%0D%0Ax-injected%3A%20yes');
    expect(upstream.calls.at(-1)!.head).not.toContain('x-injected');
    expect(upstream.calls.at(-1)!.json).toMatchObject({ model: 'up-1\r\nx-injected: yes' });
  });

  test('in the names of ignored fields', async () => {
    const extra = { gateway: { 'a\r\nx-injected: yes': 1 }, base_url: 'http://a\r\nx-injected: yes' };
    const reply = await request(gateway.url, { headers: bearer, body: ask(extra) });
    expect(reply.status).toBe(200);
    expect(reply.head).not.toMatch(/^x-injected/m);
    expect(reply.headers['x-postern-warnings']).toContain('dropped=base_url');
  });

  test.each(['a b', 'a"b', 'é', 'x'.repeat(65), 'a;b'])('x-request-id %j is replaced by an id of ours', async (id) => {
    const reply = await request(gateway.url, { headers: { ...bearer, 'x-request-id': id }, body: ask() });
    expect(reply.headers['x-request-id']).toMatch(/^ex_[0-9a-z]+$/);
  });
});

test('a request that came through this gateway before is 508 loop_detected, whatever is in between', async () => {
  await request(gateway.url, { headers: bearer, body: ask() });
  const { via } = upstream.calls.at(-1)!.headers;
  const calls = upstream.calls.length;
  const reply = await request(gateway.url, { headers: { ...bearer, via: `1.0 edge, ${via}, 1.1 cache` }, body: ask() });
  expect(reply).toMatchObject({ status: 508, headers: { 'x-should-retry': 'false' } });
  expect(expectEnvelope(reply).code).toBe('loop_detected');
  expect(upstream.calls).toHaveLength(calls);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, type Request, ask as request, requestBytes } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Every way a request can be refused has the one envelope, the framework's own ways included.

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  const server = { body_limit: '64KiB' };
  gateway = await startGateway({ overlay: patient(upstream.url, { server }) });
});

const type = 'invalid_request_error';
const json = { 'content-type': 'application/json' };

interface Case {
  readonly name: string;
  readonly send: Request;
  readonly status: number;
  readonly code: string;
  readonly param?: string;
}

const cases: readonly Case[] = [
  { name: 'I1: broken JSON', send: { body: '{"model":' }, status: 400, code: 'invalid_json' },
  { name: 'I1: an empty body', send: { body: '' }, status: 400, code: 'invalid_json' },
  { name: 'I1: null', send: { body: 'null' }, status: 400, code: 'invalid_json' },
  { name: 'I1: an array', send: { body: '[]' }, status: 400, code: 'invalid_json' },
  { name: 'I1: a number', send: { body: '7' }, status: 400, code: 'invalid_json' },
  { name: 'I1: a string', send: { body: '"model"' }, status: 400, code: 'invalid_json' },
  {
    name: 'I5: bytes that are no UTF-8',
    send: { body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) },
    status: 400,
    code: 'invalid_json',
  },
  { name: 'I5: UTF-16', send: { body: Buffer.from('{"model":"m"}', 'utf16le') }, status: 400, code: 'invalid_json' },
  {
    name: 'I6: __proto__',
    send: { body: '{"model":"m","messages":[{"role":"user","content":"x"}],"__proto__":{"a":1}}' },
    status: 400,
    code: 'invalid_json',
  },
  {
    name: 'I6: __proto__ escaped and deep',
    send: { body: '{"model":"m","messages":[{"role":"user","content":"x","a":{"\\u005f_proto__":1}}]}' },
    status: 400,
    code: 'invalid_json',
  },
  {
    name: 'no model',
    send: { body: { messages: ask().messages } },
    status: 400,
    code: 'missing_required_parameter',
    param: 'model',
  },
  { name: 'no messages', send: { body: { model: 'm' } }, status: 400, code: 'missing_required_parameter', param: 'messages' },
  {
    name: 'messages of the wrong type',
    send: { body: { model: 'm', messages: 'hi' } },
    status: 400,
    code: 'invalid_type',
    param: 'messages',
  },
  {
    name: 'a message that is no object',
    send: { body: { model: 'm', messages: ['hi'] } },
    status: 400,
    code: 'invalid_type',
    param: 'messages[0]',
  },
  { name: 'I7: n as text', send: { body: ask({ n: '2' }) }, status: 400, code: 'invalid_type', param: 'n' },
  { name: 'I7: n out of range', send: { body: ask({ n: 10_000 }) }, status: 400, code: 'invalid_value', param: 'n' },
  {
    name: 'I7: max_tokens below zero',
    send: { body: ask({ max_tokens: -1 }) },
    status: 400,
    code: 'invalid_value',
    param: 'max_tokens',
  },
  {
    name: 'I7: max_tokens with a fraction',
    send: { body: ask({ max_tokens: 1.5 }) },
    status: 400,
    code: 'invalid_type',
    param: 'max_tokens',
  },
  {
    name: 'I7: max_tokens beyond sense',
    send: { body: ask({ max_completion_tokens: 1e15 }) },
    status: 400,
    code: 'invalid_value',
    param: 'max_completion_tokens',
  },
  {
    name: 'I7: a number that is infinite',
    send: { body: '{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1e400}' },
    status: 400,
    code: 'invalid_value',
    param: 'temperature',
  },
  {
    name: 'I11: an unknown model',
    send: { body: ask({ model: 'nobody' }) },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  {
    name: 'I11: a model that looks like a path',
    send: { body: ask({ model: '../../admin?key=1' }) },
    status: 404,
    code: 'model_not_found',
    param: 'model',
  },
  { name: 'an unknown path', send: { path: '/v1/nothing' }, status: 404, code: 'unknown_url' },
  { name: 'C12: an encoded slash', send: { path: '/v1%2Fchat%2Fcompletions', body: ask() }, status: 404, code: 'unknown_url' },
  { name: 'C12: a doubled slash', send: { path: '//v1/chat/completions', body: ask() }, status: 404, code: 'unknown_url' },
  { name: 'C12: another case', send: { path: '/V1/Chat/Completions', body: ask() }, status: 404, code: 'unknown_url' },
  { name: 'an address that cannot be decoded', send: { path: '/v1/models/%zz' }, status: 400, code: 'invalid_url' },
  {
    name: 'I8: a body without content-type',
    send: { headers: { 'content-type': '' }, body: ask() },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I8: text/plain',
    send: { headers: { 'content-type': 'text/plain' }, body: ask() },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I8: a form',
    send: { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x--' },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I8: JSON in another charset',
    send: { headers: { 'content-type': 'application/json; charset=utf-16' }, body: ask() },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I8: trailing garbage in the type',
    send: { headers: { 'content-type': 'application/json x' }, body: ask() },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I9: a compressed body',
    send: { headers: { ...json, 'content-encoding': 'gzip' }, body: Buffer.from([0x1f, 0x8b, 0]) },
    status: 415,
    code: 'unsupported_media_type',
  },
  {
    name: 'I4: a body above the limit',
    send: { body: ask({ user: 'x'.repeat(70_000) }) },
    status: 413,
    code: 'request_too_large',
  },
  {
    name: 'C9: headers above the limit',
    send: { headers: { 'x-big': 'y'.repeat(20_000) }, path: '/v1/models' },
    status: 431,
    code: 'header_too_large',
  },
];

test.each(cases)('$name is refused with $status $code', async ({ send, status, code, param }) => {
  const before = upstream.calls.length;
  const reply = await request(gateway.url, send);
  expect(expectEnvelope(reply)).toMatchObject({ type, code, param: param ?? null });
  expect(reply).toMatchObject({ status, headers: { 'x-should-retry': 'false' } });
  expect(upstream.calls.length).toBe(before);
});

test.each(cases.filter(({ status }) => status !== 431))('$name: the reply carries x-request-id', async ({ send }) => {
  const reply = await request(gateway.url, { ...send, headers: { ...send.headers, 'x-request-id': 'caller-77' } });
  expect(reply.headers['x-request-id']).toBe('caller-77');
});

test('I3: nesting of 100,000 levels is refused at once', { retry: 2 }, async () => {
  const wide = await startGateway({ overlay: patient(upstream.url) });
  const deep = `{"model":"m","messages":[{"role":"user","content":"x"}],"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const began = performance.now();
  const reply = await request(wide.url, { body: deep });
  expect(reply.status).toBe(400);
  expectEnvelope(reply);
  expect(performance.now() - began).toBeLessThan(250);
});

test.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s on a path that takes POST is 405 or 404 and says so', async (method) => {
  const reply = await request(gateway.url, { method });
  expect([404, 405]).toContain(reply.status);
  expectEnvelope(reply);
});

test.each(['/', '/v1/nothing', '/chat', '/v1'])('the message for an unknown path names the base URL (POST %s)', async (path) => {
  const reply = await request(gateway.url, { path, method: 'POST', body: {} });
  expect(reply.status).toBe(404);
  expect(expectEnvelope(reply)).toMatchObject({ code: 'unknown_url' });
  expect(jsonOf<{ error: { message: string } }>(reply).error.message).toContain(`${gateway.url}/v1`);
});

test('an unknown model is answered with the names that are near', async () => {
  const reply = await request(gateway.url, { body: ask({ model: 'mm' }) });
  expect(expectEnvelope(reply).message).toMatch(/`?\bm\b`?/);
});

describe('keys', () => {
  const secret = 'sk-postern-right-0123456789abcdefghij';
  const wrong = 'sk-postern-wrong-0123456789abcdefghij';

  test.each([
    ['an unknown key', { authorization: `Bearer ${wrong}` }],
    ['no key', {}],
    ['a malformed key', { authorization: 'Bearer a b c' }],
    ['another scheme', { authorization: `Basic ${wrong}` }],
  ] as [string, Record<string, string>][])('%s is 401 invalid_api_key, and no part of it is told', async (_name, headers) => {
    const closed = await startGateway({ overlay: patient(upstream.url), env: { GATEWAY_API_KEYS: `ops=${secret}` } });
    const reply = await request(closed.url, { body: ask(), headers });
    expect(reply.status).toBe(401);
    expect(expectEnvelope(reply)).toMatchObject({ type, code: 'invalid_api_key' });
    expect(reply.body.toString()).not.toMatch(/wrong|right|0123456789/);
    expect((await request(closed.url, { body: ask(), headers: { authorization: `Bearer ${secret}` } })).status).toBe(200);
  });

  test("the caller's x-request-id is taken only when it is well-formed", async () => {
    const reply = await request(gateway.url, { body: ask(), headers: { 'x-request-id': 'bad id\u00e9' } });
    expect(reply.headers['x-request-id']).toMatch(/^ex_/);
  });
});

test('a request after any of these is served: nothing is left behind', async () => {
  await sleep(0);
  expect((await request(gateway.url, requestBytes({ body: ask() }))).status).toBe(200);
});

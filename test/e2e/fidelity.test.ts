import { beforeAll, expect, test } from 'vitest';
import { chat, chatBody, chatStream, chunk, usageChunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf, jsonOf, ask as request } from '../helper/client.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, patient, upstreamKey } from '../helper/overlay.ts';
import { answer, json, sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Same dialect in and out: bytes pass untouched but for `model` and `stream_options`.

let url = '';
let upstream: Upstream;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  url = (await startGateway({ overlay: patient(upstream.url) })).url;
});

/** Sends this body; resolves with what arrived upstream, as text. */
async function through(body: string, headers: Readonly<Record<string, string>> = {}) {
  const before = upstream.calls.length;
  upstream.script = chat;
  const reply = await request(url, { body, headers });
  return { reply, call: upstream.calls[before], sent: upstream.calls[before]?.body.toString('utf8') };
}

const odd =
  '{ "vendor" : {"b":1.10,"a":9007199254740993,"e":1E5},\r\n\t"model":"m", "temperature":1.0,"stop":null,"messages":[{"role":"user",' +
  '"content":"caf\\u00e9 \\ud83d\\ude00 \\/ é😀","x":null}],"top_k":40,"seed":9007199254740991,"zzz":[],"n":1}';

test('unknown fields, nulls, numbers, escapes, spaces and key order arrive upstream byte for byte', async () => {
  const { reply, sent } = await through(odd);
  expect(reply.status).toBe(200);
  expect(sent).toBe(odd.replace('"m"', '"up-1"'));
});

test('a streamed request differs in model and stream_options only', async () => {
  const body = odd.replace('"n":1', '"stream":true');
  const { sent } = await through(body);
  expect(sent).toBe(
    body.replace('"m"', '"up-1"').replace('"stream":true}', '"stream":true,"stream_options":{"include_usage":true}}'),
  );
});

test("the caller's other stream_options stay", async () => {
  const { call } = await through(
    JSON.stringify(ask({ stream: true, stream_options: { include_obfuscation: false, include_usage: false } })),
  );
  expect(call?.json).toMatchObject({ stream_options: { include_obfuscation: false, include_usage: true } });
});

test('a JSON answer arrives byte for byte', async () => {
  const bytes = JSON.stringify(chatBody('caf\u00e9'), null, 1).replace(
    '"up-1"',
    '"up-1-2026", "odd" : [1.10, 9007199254740993, "\\u00e9"]',
  );
  upstream.script = answer(bytes, { headers: { 'content-type': 'application/json' } });
  const reply = await request(url, { body: ask() });
  expect(reply.body.toString()).toBe(bytes);
});

test('the payloads of a stream arrive byte for byte', async () => {
  const payload = '{"id":"c", "odd":1.10,"choices" : [{"index":0,"delta":{"content":"\\u00e9","x":9007199254740993}}]}';
  upstream.script = sse([`data: ${payload}`, chunk({}, 'stop'), 'data: [DONE]']);
  const reply = await request(url, { body: ask({ stream: true }) });
  expect(eventsOf(reply.body)[0]?.data).toBe(payload);
});

test('usage asked for only by the gateway is not shown: no chunk has a usage key', async () => {
  const withNull = chunk({ content: 'a' }).replace(/\}$/, ',"usage":null}');
  upstream.script = sse([withNull, chunk({}, 'stop').replace(/\}$/, ',"usage":null}'), usageChunk(), 'data: [DONE]']);
  const reply = await request(url, { body: ask({ stream: true }) });
  expect(reply.body.toString()).not.toContain('"usage"');
  expect(eventsOf(reply.body)).toHaveLength(3);
});

test('usage asked for by the caller is shown as it came', async () => {
  upstream.script = chatStream();
  const reply = await request(url, { body: ask({ stream: true, stream_options: { include_usage: true } }) });
  expect(reply.body.toString()).toContain(usageChunk());
});

test.each([
  ['spelt alike', '{"model":"m","messages":[],"model":"other"}', 'model'],
  ['one of them escaped', '{"model":"m","messages":[],"\\u006dodel":"other"}', 'model'],
  ['a flag', '{"model":"m","stream":false,"messages":[],"stream":true}', 'stream'],
])('I2: a top-level key twice, %s, is refused and nothing is sent', async (_name, body, param) => {
  const { reply, call } = await through(body);
  expect(reply.status).toBe(400);
  expect(jsonOf(reply)).toMatchObject({ error: { type: 'invalid_request_error', param } });
  expect(call).toBeUndefined();
});

test('I10: fields that name a server, a key or headers are dropped with a warning, all else is sent', async () => {
  const fields = { api_base: 'http://x', base_url: 'http://x', api_key: 'k', headers: { a: 'b' }, extra_headers: {}, kept: 1 };
  const { reply, call } = await through(JSON.stringify(ask(fields)));
  expect(call?.json).toEqual({ ...ask({ kept: 1 }), model: 'up-1' });
  for (const name of ['api_base', 'base_url', 'api_key', 'headers', 'extra_headers'])
    expect(reply.headers['x-postern-warnings']).toContain(name);
});

test('the object `gateway` is consumed', async () => {
  const { reply, call } = await through(JSON.stringify(ask({ gateway: {} })));
  expect(reply.status).toBe(200);
  expect(call?.json).toEqual({ ...ask(), model: 'up-1' });
});

test("the caller's headers stay here; the operator's credential goes out", async () => {
  const { call } = await through(JSON.stringify(ask()), {
    authorization: 'Bearer sk-caller-0123456789abcdef',
    cookie: 'a=b',
    'x-forwarded-for': '10.1.1.1',
    'openai-organization': 'org',
    'x-anything': 'y',
    'accept-encoding': 'gzip',
  });
  expect(call?.headers.authorization).toBe(`Bearer ${upstreamKey}`);
  for (const name of ['cookie', 'x-forwarded-for', 'openai-organization', 'x-anything'])
    expect(call?.headers[name]).toBeUndefined();
  expect(call?.head).not.toContain('sk-caller');
  expect(call?.headers.via).toBeDefined();
});

test('A16: of the upstream headers nothing of its own crosses', async () => {
  upstream.script = json(200, chatBody(), {
    'set-cookie': 'a=b',
    server: 'up',
    'x-internal': '1',
    __proto__x: '1',
    'openai-organization': 'operator',
  });
  const { headers, status } = await request(url, { body: ask() });
  expect(status).toBe(200);
  for (const name of ['set-cookie', 'server', 'x-internal', '__proto__x', 'openai-organization'])
    expect(headers[name]).toBeUndefined();
});

test('a body in chunked transfer coding is taken', async () => {
  upstream.script = chat;
  const body = JSON.stringify(ask());
  const head =
    'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n';
  const reply = await request(url, Buffer.from(`${head}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`));
  expect(reply.status).toBe(200);
  expect(upstream.calls.at(-1)?.json).toEqual({ ...ask(), model: 'up-1' });
});

test('responses: a JSON answer and the request pass untouched', async () => {
  const bytes =
    '{"id":"resp_1","object":"response","status":"completed","model":"up-1","output":[],"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"odd":1.10}';
  upstream.script = answer(bytes, { headers: { 'content-type': 'application/json' } });
  const body = '{"model":"m","input":"hi","odd":1.10,"store":null}';
  const reply = await request(url, { path: '/v1/responses', body });
  expect(reply.body.toString()).toBe(bytes);
  expect(upstream.calls.at(-1)?.body.toString()).toBe(body.replace('"m"', '"up-1"'));
});

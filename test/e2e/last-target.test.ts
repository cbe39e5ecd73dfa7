import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chat, chunk, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request, streamError, textOf } from '../helper/client.ts';
import { expectEnvelope, expectNothingSecret } from '../helper/envelope.ts';
import { canary, faults } from '../helper/faults.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, patient, upstreamKey } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { json, rawBytes, sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// No other target is left: what the caller is told (faults.md section 2).

let upstream: Upstream;
let gateway: TestGateway;

const timeouts = { connect: '300ms', first_byte: '300ms', first_content: '400ms', idle: '400ms', total: '5s' };
const health = { ...neverOpen, max_rest: '0s' };

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  gateway = await startGateway({ overlay: patient(upstream.url, { health, timeouts }) });
});

beforeEach(async () => {
  await upstream.hangUp();
  await new Promise((resolve) => setTimeout(resolve, 5));
});

describe.each([{ stream: false }, { stream: true }])('stream $stream', ({ stream }) => {
  test.each(faults.filter(({ only }) => only === undefined || (only === 'stream') === stream))(
    '$id: $name is told as $status $code',
    async ({ script, status, type, code, shouldRetry }) => {
      upstream.script = script;
      const reply = await request(gateway.url, { body: ask({ stream }) });
      const error = expectEnvelope(reply);
      expect({ status: reply.status, ...error }).toMatchObject({ status, type, code });
      expect(reply.headers['x-should-retry']).toBe(String(shouldRetry));
    },
  );

  test('U1: a refused connection is told as 502 upstream_error', async () => {
    const alone = await startGateway({ overlay: patient(`http://127.0.0.1:${await freePort()}/v1`) });
    const reply = await request(alone.url, { body: ask({ stream }) });
    expect(expectEnvelope(reply)).toMatchObject({ type: 'server_error', code: 'upstream_error' });
    expect(reply).toMatchObject({ status: 502, headers: { 'x-should-retry': 'true' } });
  });

  test('x-should-retry is false once more than one attempt was made', async () => {
    const pair = await startGateway({ overlay: inPriority({ a: upstream.url, b: upstream.url }) });
    upstream.script = json(500, errorBody('broken'));
    const reply = await request(pair.url, { body: ask({ stream }) });
    expectEnvelope(reply);
    expect(reply).toMatchObject({ status: 502, headers: { 'x-should-retry': 'false', 'x-postern-attempts': '2' } });
  });

  test.each([
    [
      400,
      errorBody("Invalid 'temperature'", 'invalid_request_error', 'decimal_above_max_value', 'temperature'),
      'decimal_above_max_value',
    ],
    [422, errorBody('The role is unknown.', 'invalid_request_error', null, 'messages[0]'), null],
    [
      400,
      errorBody(
        "This model's maximum context length is 10 tokens.",
        'invalid_request_error',
        'context_length_exceeded',
        'messages',
      ),
      'context_length_exceeded',
    ],
  ])(
    'A7: %i passes with its param and code, without another attempt or a mark against the target',
    async (status, body, code) => {
      const pair = await startGateway({
        overlay: inPriority({ a: upstream.url, b: upstream.url }, { health: { consecutive_failures: 1 } }),
      });
      upstream.script = json(status, body);
      const before = upstream.calls.length;
      const reply = await request(pair.url, { body: ask({ stream }) });
      const { param } = (body as { error: { param: string } }).error;
      expect(expectEnvelope(reply)).toMatchObject({ type: 'invalid_request_error', param, code });
      expect(reply).toMatchObject({ status, headers: { 'x-should-retry': 'false' } });
      expect(upstream.calls.length).toBe(before + 1);
      upstream.script = chat;
      expect((await request(pair.url, { body: ask({ stream }) })).headers['x-postern-provider']).toBe('a');
    },
  );

  test("A7: a key, an address or markup in the provider's 400 is taken out of its message", async () => {
    upstream.script = json(400, errorBody(`Bad field. ${canary}`, 'invalid_request_error', null, 'user'));
    expect(expectEnvelope(await request(gateway.url, { body: ask({ stream }) })).message).toContain('Bad field.');
  });

  test('A8: 404 of the only target is model_not_found', async () => {
    upstream.script = json(404, errorBody('The model `up-1` does not exist.', 'invalid_request_error', 'model_not_found'));
    const reply = await request(gateway.url, { body: ask({ stream }) });
    expect(reply.status).toBe(404);
    expect(expectEnvelope(reply)).toMatchObject({ code: 'model_not_found', param: 'model' });
  });

  test.each([301, 302, 307, 308])('U15: a %i redirect is never followed and no other target is asked', async (status) => {
    const other = opened(await startUpstream(chat));
    const pair = await startGateway({ overlay: inPriority({ a: upstream.url, b: other.url }) });
    upstream.script = json(status, '', { location: `${other.url}/chat/completions` });
    const reply = await request(pair.url, { body: ask({ stream }) });
    expect(reply.status).toBe(502);
    expect(expectEnvelope(reply)).toMatchObject({ code: 'upstream_error' });
    expect(other.calls).toHaveLength(0);
    expect(other.connections()).toBe(0);
  });
});

test.each(['rst', 'fin'] as const)(
  'U10: a stream that breaks by %s after content keeps the content, ends with an error and is not failed over',
  async (end) => {
    const other = opened(await startUpstream(chat));
    const pair = await startGateway({ overlay: inPriority({ a: upstream.url, b: other.url }) });
    const events = [chunk({ content: 'Once upon' }), chunk({ content: ' a time' })];
    upstream.script = sse(events, { cut: `${events.join('\n\n')}\n\n`.length, end });
    const reply = await request(pair.url, { body: ask({ stream: true }) });
    expect(reply).toMatchObject({ status: 200, complete: true });
    expect(textOf(reply.body.toString().split('data: {"error"')[0]!)).toBe('Once upon a time');
    expect(streamError(reply.body)).toMatchObject({ type: 'server_error', code: 'stream_interrupted', param: null });
    expect(reply.body.toString()).not.toContain('[DONE]');
    expect(reply.body.toString()).not.toContain('"finish_reason":"');
    expectNothingSecret(reply.body.toString());
    expect(other.calls).toHaveLength(0);
    const [row] = await pair.ledgerRows(1);
    expect(row).toMatchObject({ outcome: 'failed', usage_source: 'estimated' });
    expect(row!.output).toBeGreaterThan(0);
  },
);

test('U6: a kept socket that closes under the request costs one free attempt and nothing else', async () => {
  upstream.script = chat;
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  const [before, sockets] = [upstream.calls.length, upstream.connections()];
  upstream.script = (call, wire) => (call.number === before ? wire.rst() : chat(call, wire));
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(200);
  expect(upstream.calls.slice(before).map((call) => call.socket)).toEqual([upstream.calls[before]!.socket, sockets]);
});

test('U13: bytes behind an answer never reach the next request', async () => {
  const evil = JSON.stringify({
    id: 'evil',
    choices: [{ index: 0, message: { role: 'assistant', content: 'injected' }, finish_reason: 'stop' }],
  });
  const answer = JSON.stringify({
    id: 'a',
    choices: [{ index: 0, message: { role: 'assistant', content: 'mine' }, finish_reason: 'stop' }],
  });
  const response = (body: string) =>
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  upstream.script = rawBytes(response(answer) + response(evil), 'keep');
  for (let turn = 0; turn < 5; turn++) {
    const reply = await request(gateway.url, { body: ask() });
    expect(reply.body.toString()).not.toContain('injected');
  }
});

// A 100 that nobody asked for is not swallowed: undici closes the socket on it ("bad response").
test('U14: 102 and 103 are swallowed, the answer behind them passes', async () => {
  upstream.script = async (call, wire) => {
    await wire.send('HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n');
    await chat(call, wire);
  };
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
});

test("a caller's message never shows the operator's key", async () => {
  upstream.script = json(400, errorBody(`Key ${upstreamKey} is bad`, 'invalid_request_error'));
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.body.toString()).not.toContain('CANARY');
});

import { beforeAll, expect, test } from 'vitest';
import { chunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf, ask as request, streamError, textOf } from '../helper/client.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

let url = '';
let upstream: Upstream;

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  url = (await startGateway({ overlay: patient(upstream.url) })).url;
});

const hello = chunk({ content: 'Hello' });
const stop = chunk({}, 'stop');

async function stream(bytes: string) {
  upstream.script = sse(Buffer.from(bytes));
  return request(url, { body: ask({ stream: true }) });
}

test('S4: comments, id, retry, a missing space and a byte order mark change nothing', async () => {
  const noSpace = hello.replace('data: ', 'data:');
  const reply = await stream(`\uFEFF: hi\nid: 7\nretry: 10\n${noSpace}\n\n:\n\nevent: message\n${stop}\n\ndata: [DONE]\n\n`);
  expect(eventsOf(reply.body).map(({ data }) => data)).toEqual([hello.slice(6), stop.slice(6), '[DONE]']);
});

test('S4: several data lines are one payload', async () => {
  const cut = hello.indexOf(',"object"') + 1;
  const reply = await stream(`${hello.slice(0, cut)}\ndata: ${hello.slice(cut)}\n\n${stop}\n\ndata: [DONE]\n\n`);
  expect(textOf(reply.body)).toBe('Hello');
  expect(streamError(reply.body)).toBeNull();
});

test('S6: an end without [DONE] after the finish_reason is a good end, and the gateway says [DONE] itself', async () => {
  const reply = await stream(`${hello}\n\n${stop}\n\n`);
  expect(eventsOf(reply.body).at(-1)?.data).toBe('[DONE]');
  expect(streamError(reply.body)).toBeNull();
});

test('S7: [DONE] without a finish_reason is an error', async () => {
  const reply = await stream(`${hello}\n\ndata: [DONE]\n\n`);
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  expect(reply.body.toString()).not.toContain('[DONE]');
});

test('S7: two [DONE], one with a space, and data behind them become one exact [DONE]', async () => {
  const reply = await stream(`${hello}\n\n${stop}\n\ndata: [DONE] \n\ndata: [DONE]\n\n${hello}\n\n`);
  expect(reply.body.toString().match(/\[DONE\]/g)).toHaveLength(1);
  expect(reply.body.toString().endsWith('data: [DONE]\n\n')).toBe(true);
  expect(textOf(reply.body)).toBe('Hello');
});

test('S9: a payload that is no JSON is an error and is not forwarded', async () => {
  const reply = await stream(`${hello}\n\ndata: {"broken\n\n${stop}\n\ndata: [DONE]\n\n`);
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  expect(reply.body.toString()).not.toContain('broken');
  expect(reply.body.toString()).not.toContain('[DONE]');
});

test.each([
  ['an error object', 'data: {"error":{"message":"overloaded","type":"server_error","code":null,"param":null}}'],
  ['a named error event', 'event: error\ndata: {"error":{"message":"overloaded","type":"x"},"status_code":503}'],
  ['an error inside a chunk', `data: {"choices":[{"index":0,"delta":{"content":"x"}}],"error":{"code":502,"message":"gone"}}`],
  ['an object of type error', 'data: {"object":"error","message":"bad luck","type":"InternalServerError","code":500}'],
])('S10: %s after content ends the stream with an error and no [DONE]', async (_name, event) => {
  const reply = await stream(`${hello}\n\n${event}\n\ndata: [DONE]\n\n`);
  expect(reply.status).toBe(200);
  expect(textOf(reply.body.toString().split('data: {"error"')[0]!)).toBe('Hello');
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  expect(reply.body.toString()).not.toContain('[DONE]');
});

test('S12: a stream without a delta that ends cleanly is a failed answer', async () => {
  const reply = await stream('data: [DONE]\n\n');
  expect(reply.status).toBe(502);
});

test('S15: text that looks like the end of a stream stays text', async () => {
  const text = 'a\n\ndata: [DONE]\n\n\u2028\u0000';
  const reply = await stream(`${chunk({ content: text })}\n\n${stop}\n\ndata: [DONE]\n\n`);
  expect(textOf(reply.body)).toBe(text);
  expect(eventsOf(reply.body)).toHaveLength(3);
});

test('S17: a choice index that is no small number is refused', async () => {
  const reply = await stream(`${hello}\n\n${hello.replace('"index":0', '"index":1e9')}\n\n${stop}\n\n`);
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
});

test('S8: an event of 1 MB passes', async () => {
  const text = 'x'.repeat(1_000_000);
  const reply = await stream(`${chunk({ content: text })}\n\n${stop}\n\ndata: [DONE]\n\n`);
  expect(textOf(reply.body).length).toBe(text.length);
});

test('S8: an event above 16 MiB ends the stream with an error', async () => {
  const reply = await stream(`${hello}\n\n${chunk({ content: 'x'.repeat(17 * 1024 * 1024) })}\n\n${stop}\n\ndata: [DONE]\n\n`);
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  expect(reply.body.length).toBeLessThan(10_000);
});

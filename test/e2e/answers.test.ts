import { brotliCompressSync, gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { chatBody, chatEvents, chatStream, usageChunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, ask as request, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { answer, json, sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Answers that are odd but whole: compressed, without usage, with usage that makes no sense, blocked, too large.

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  gateway = await startGateway({ overlay: patient(upstream.url) });
});

const lastRow = async () => (await gateway.ledgerRows(1)).at(-1)!;

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
] as const)('U16: an honest %s body is decoded, JSON and stream', async (coding, compress) => {
  const headers = { 'content-encoding': coding };
  upstream.script = answer(compress(JSON.stringify(chatBody())), { headers: { ...headers, 'content-type': 'application/json' } });
  const whole = await request(gateway.url, { body: ask() });
  expect(jsonOf(whole)).toEqual(chatBody());
  expect(whole.headers['content-encoding']).toBeUndefined();
  const events = Buffer.from(
    chatEvents()
      .map((event) => `${event}\n\n`)
      .join(''),
  );
  upstream.script = sse(compress(events), { headers, piece: 7 });
  expect(textOf((await request(gateway.url, { body: ask({ stream: true }) })).body)).toBe('Hello there');
});

test('U16: an event stream is asked for without compression', async () => {
  upstream.script = chatStream();
  await request(gateway.url, { body: ask({ stream: true }) });
  expect(upstream.calls.at(-1)?.headers['accept-encoding']).toBe('identity');
});

test('U17: a body that grows from 400 kB to 400 MB is refused, with bounded memory', async () => {
  const bomb = gzipSync(Buffer.alloc(400_000_000, 0x20), { level: 9 });
  upstream.script = answer(bomb, { headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' } });
  const before = process.memoryUsage().rss;
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(502);
  expectEnvelope(reply);
  expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
});

test('U17: fifty layers of compression are refused', async () => {
  const codings = Array.from({ length: 50 }, () => 'gzip').join(', ');
  upstream.script = answer(gzipSync('{}'), { headers: { 'content-encoding': codings, 'content-type': 'application/json' } });
  expect((await request(gateway.url, { body: ask() })).status).toBe(502);
});

test('A13: without usage the answer is normal and the ledger has an estimate', async () => {
  const { usage: _none, ...body } = chatBody('Twelve words '.repeat(6));
  upstream.script = json(200, body);
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  const row = await lastRow();
  expect(row).toMatchObject({ outcome: 'ok', usage_source: 'estimated' });
  expect(row.input).toBeGreaterThan(0);
  expect(row.output).toBeGreaterThan(5);
});

test('A13: the same for a stream, and the client sees no usage it did not ask for', async () => {
  upstream.script = chatStream({ usage: null, text: ['Some ', 'words'] });
  const reply = await request(gateway.url, { body: ask({ stream: true }) });
  expect(reply.body.toString()).not.toContain('usage');
  const row = await lastRow();
  expect(row).toMatchObject({ outcome: 'ok', usage_source: 'estimated' });
  expect(row.output).toBeGreaterThan(0);
});

test.each([
  ['null', 'null'],
  ['text', '"lots"'],
  ['negative', '{"prompt_tokens":-5,"completion_tokens":-7,"total_tokens":-12}'],
  ['infinite', '{"prompt_tokens":1e400,"completion_tokens":3,"total_tokens":3}'],
  ['text numbers', '{"prompt_tokens":"11","completion_tokens":"3","total_tokens":"14"}'],
  ['fractions', '{"prompt_tokens":1.5,"completion_tokens":2.5,"total_tokens":4}'],
])('A12: usage that is %s never credits and never breaks the answer', async (_name, usage) => {
  const bytes = JSON.stringify(chatBody('Fine', { usage: 0 })).replace('"usage":0', `"usage":${usage}`);
  upstream.script = answer(bytes, { headers: { 'content-type': 'application/json' } });
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(200);
  const row = await lastRow();
  for (const count of [row.input, row.output]) expect(Number.isSafeInteger(count) && count! >= 0).toBe(true);
  expect(row.cost_nano === null || row.cost_nano >= 0).toBe(true);
});

test('the last usage of a stream counts, wherever it stands', async () => {
  const events = chatEvents({ usage: null });
  events.splice(
    -1,
    0,
    usageChunk({ prompt_tokens: 7, completion_tokens: 5, total_tokens: 12, prompt_tokens_details: { cached_tokens: 4 } }),
  );
  upstream.script = sse(events);
  await request(gateway.url, { body: ask({ stream: true }) });
  expect(await lastRow()).toMatchObject({ input: 7, output: 5, cached: 4, usage_source: 'provider' });
});

test('A14: a filtered answer is an answer, not a failure of the upstream', async () => {
  upstream.script = json(
    200,
    chatBody('', { choices: [{ index: 0, message: { role: 'assistant', content: '' }, finish_reason: 'content_filter' }] }),
  );
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(200);
  expect(jsonOf<{ choices: { finish_reason: string }[] }>(reply).choices[0]?.finish_reason).toBe('content_filter');
  expect(await lastRow()).toMatchObject({ outcome: 'ok' });
});

test('A14: a stream that is only a finish_reason is an answer', async () => {
  upstream.script = chatStream({ text: [], finish: 'content_filter' });
  const reply = await request(gateway.url, { body: ask({ stream: true }) });
  expect(reply.status).toBe(200);
  expect(reply.body.toString()).toContain('"finish_reason":"content_filter"');
  expect(reply.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
});

test('A15: a JSON answer above the limit is 502', async () => {
  const big = Buffer.alloc(1_000_000, 0x20);
  upstream.script = async (_call, wire) => {
    await wire.send('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n');
    for (let sent = 0; sent < 100 && !wire.closed; sent++) await wire.send(big);
    wire.fin();
  };
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(502);
  expectEnvelope(reply);
});

test('I12: addresses of images are passed on and never fetched', async () => {
  const other = opened(await startUpstream(() => {}));
  upstream.script = json(200, chatBody());
  const content = [{ type: 'image_url', image_url: { url: `http://127.0.0.1:${other.port}/secret` } }];
  expect((await request(gateway.url, { body: ask({ messages: [{ role: 'user', content }] }) })).status).toBe(200);
  expect(upstream.calls.at(-1)?.json).toMatchObject({ messages: [{ role: 'user', content }] });
  expect(other.connections()).toBe(0);
});

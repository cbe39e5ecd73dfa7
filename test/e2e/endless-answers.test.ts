import { request as httpRequest } from 'node:http';
import { beforeAll, expect, test } from 'vitest';
import { chatBody, chunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { framed, headOf } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// Answers that never end: what is held is bounded, what is passed on too.

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  gateway = await startGateway({ overlay: patient(upstream.url) });
});

/** Sends `text` until the other side gives up; counts the bytes. */
function endless(text: string, count: { bytes: number }, type = 'text/event-stream', begin = ''): Script {
  const block = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  return async (_call, wire) => {
    await wire.send(headOf(200, 'chunked', 0, { 'content-type': type }));
    if (begin !== '') await wire.send(framed(Buffer.from(begin), 'chunked'));
    while (!wire.closed) {
      count.bytes += block.length;
      await wire.send(framed(block, 'chunked'));
    }
  };
}

/** Asks for a stream and keeps only its size and its end. */
function drained(url: string): Promise<{ size: number; tail: string }> {
  return new Promise((resolve, reject) => {
    let size = 0;
    let tail = '';
    const sent = httpRequest(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' } });
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.on('data', (bytes: Buffer) => {
        size += bytes.length;
        tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 1_000))).slice(-1_000);
      });
      response.on('end', () => resolve({ size, tail }));
      response.on('error', reject);
    });
    sent.end(JSON.stringify(ask({ stream: true })));
  });
}

// Resident memory is this whole process's, upstream and caller included, and grows by what the collector has not got to yet:
// a second try starts from there.
const busy = { retry: 2 };

test('A15: a stream without end is cut with an error event, with bounded memory', busy, async () => {
  const count = { bytes: 0 };
  upstream.script = endless(`${chunk({ content: 'word '.repeat(4_000) })}\n\n`, count);
  const before = process.memoryUsage().rss;
  const { size, tail } = await drained(gateway.url);
  expect(tail).toContain('"code":"stream_interrupted"');
  expect(tail).not.toContain('[DONE]');
  expect(size).toBeGreaterThan(60_000_000);
  expect(count.bytes).toBeLessThan(150_000_000);
  expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  const row = (await gateway.ledgerRows(1)).at(-1);
  expect(row).toMatchObject({ outcome: 'failed', reason: 'protocol', usage_source: 'estimated' });
});

test('A15: events without content are held up to 1 MiB, then the answer is 502', async () => {
  const count = { bytes: 0 };
  upstream.script = endless(`${chunk({ role: 'assistant', content: '' })}\n\n`, count);
  const reply = await request(gateway.url, { body: ask({ stream: true }) });
  expect(reply.status).toBe(502);
  expectEnvelope(reply);
  expect(count.bytes).toBeLessThan(20_000_000);
});

test(
  'A15: a JSON document without end is given up at 64 MiB, long before any clock would, with bounded memory',
  busy,
  async () => {
    const count = { bytes: 0 };
    upstream.script = endless(' ', count, 'application/json', JSON.stringify(chatBody()));
    const before = process.memoryUsage().rss;
    const reply = await request(gateway.url, { body: ask() });
    expect(reply.status).toBe(502);
    expectEnvelope(reply);
    expect(count.bytes).toBeGreaterThan(60_000_000);
    expect(count.bytes).toBeLessThan(100_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(250_000_000);
  },
);

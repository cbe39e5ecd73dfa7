import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chat, chatEvents, chunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { type Reply, ask as request, streamError, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, patient } from '../helper/overlay.ts';
import { answer, headOf, paced, silence } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

let upstream: Upstream;
let gateway: TestGateway;

const timeouts = { connect: '200ms', first_byte: '300ms', first_content: '500ms', idle: '400ms', total: '2s' };
/** What a busy machine may add; every other limit lies further away than that. */
const slack = 1_000;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  gateway = await startGateway({ overlay: patient(upstream.url, { timeouts }) });
});
beforeEach(() => upstream.hangUp());

async function timed(
  body: object,
  headers: Record<string, string> = {},
  url = gateway.url,
): Promise<{ reply: Reply; ms: number }> {
  const began = performance.now();
  const reply = await request(url, { body, headers });
  return { reply, ms: performance.now() - began };
}

function within(ms: number, limit: number): void {
  expect(ms).toBeGreaterThan(limit - 15);
  expect(ms).toBeLessThan(limit + slack);
}

/** Sends `event` every `every` ms for ever. */
const drip = (event: string, every: number): Script =>
  paced(
    Array.from({ length: 1_000 }, () => event),
    every,
  );

test.each([{ stream: false }, { stream: true }])(
  'U8: nothing at all is given up after first_byte and the socket is closed (stream $stream)',
  async ({ stream }) => {
    upstream.script = silence;
    const { reply, ms } = await timed(ask({ stream }));
    expect(reply.status).toBe(504);
    expect(expectEnvelope(reply).code).toBe('upstream_timeout');
    within(ms, 300);
    await expect.poll(() => upstream.calls.at(-1)!.abortedAt).not.toBeNull();
  },
);

test('U8: headers and then nothing is given up after first_content', async () => {
  upstream.script = async (_call, wire) => {
    await wire.send(headOf(200, 'chunked', 0, { 'content-type': 'text/event-stream' }));
    await wire.gone;
  };
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(reply.status).toBe(504);
  within(ms, 500);
});

test.each([
  ['comments', ': ping'],
  ['empty deltas', chunk({ role: 'assistant', content: '' })],
])('S11: %s alone are given up after first_content', async (_name, event) => {
  upstream.script = drip(event, 50);
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(reply.status).toBe(504);
  within(ms, 500);
});

test('S11: 10,000 comments without a pause are not content: first_content ends them', async () => {
  upstream.script = paced([': ping\n\n'.repeat(10_000).trimEnd()], 0, 'never');
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(reply.status).toBe(504);
  expect(expectEnvelope(reply).code).toBe('upstream_timeout');
  within(ms, 500);
});

test('S11: 10,000 empty deltas are given up before they fill the memory, and the next target answers', async () => {
  const second = opened(await startUpstream(chat));
  const pair = await startGateway({ overlay: inPriority({ a: upstream.url, b: second.url }, { timeouts }) });
  upstream.script = paced([Array.from({ length: 10_000 }, () => chunk({ content: '' })).join('\n\n')], 0, 'never');
  const { reply } = await timed(ask({ stream: true }), {}, pair.url);
  expect([textOf(reply.body), reply.headers['x-postern-provider']]).toEqual(['Hello there', 'b']);
  expect((await pair.ledgerRows(2))[0]).toMatchObject({ outcome: 'failed', reason: 'protocol' });
});

test('an upstream that pauses less than idle between events is never cut', async () => {
  upstream.script = paced(chatEvents({ text: ['a', 'b', 'c', 'd'] }), 200);
  const { reply } = await timed(ask({ stream: true }));
  expect(textOf(reply.body)).toBe('abcd');
  expect(streamError(reply.body)).toBeNull();
});

test('silence after content ends the stream with an error after idle', async () => {
  upstream.script = paced([chunk({ content: 'a' })], 1, 'never');
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  within(ms, 400);
});

test('comments after content do not count as events: idle still cuts', async () => {
  upstream.script = paced([chunk({ content: 'a' }), ...Array.from({ length: 100 }, () => ': ping')], 50, 'never');
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  within(ms, 400);
});

test('U9: a trickle of single bytes inside one event is cut after idle', async () => {
  const bytes = Buffer.from(`${chunk({ content: 'a' })}\n\n${chunk({ content: 'b' })}`);
  upstream.script = async (_call, wire) => {
    await wire.send(headOf(200, 'close', 0, { 'content-type': 'text/event-stream' }));
    const first = bytes.indexOf('\n\n') + 2;
    await wire.send(bytes.subarray(0, first));
    for (let at = first; at < bytes.length && !wire.closed; at++) {
      await sleep(50);
      await wire.send(bytes.subarray(at, at + 1));
    }
  };
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  expect(ms).toBeLessThan(400 + slack);
});

test('U9: a JSON body that trickles is given up', async () => {
  upstream.script = answer('{"choices":[', {
    headers: { 'content-type': 'application/json' },
    piece: 1,
    delay: 100,
    end: 'never',
    framing: 'close',
  });
  const { reply, ms } = await timed(ask());
  expect(reply.status).toBe(504);
  expect(ms).toBeLessThan(600 + slack);
});

test('total ends a stream that never stops, with an error event', async () => {
  upstream.script = drip(chunk({ content: 'x' }), 50);
  const { reply, ms } = await timed(ask({ stream: true }));
  expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
  within(ms, 2_000);
});

test('total is one deadline over all attempts', async () => {
  const pair = await startGateway({
    overlay: inPriority(
      { a: upstream.url, b: upstream.url, c: upstream.url },
      { timeouts: { ...timeouts, total: '450ms' }, health: neverOpen },
    ),
  });
  upstream.script = silence;
  const { reply, ms } = await timed(ask(), {}, pair.url);
  expect(reply.status).toBe(504);
  within(ms, 450);
  expect(await pair.ledgerRows(2)).toHaveLength(2);
});

describe('x-postern-timeout', () => {
  test('shortens the total', async () => {
    upstream.script = silence;
    const { reply, ms } = await timed(ask(), { 'x-postern-timeout': '120ms' });
    expect(reply.status).toBe(504);
    within(ms, 120);
  });

  test('never lengthens it', async () => {
    upstream.script = drip(chunk({ content: 'x' }), 100);
    const { ms } = await timed(ask({ stream: true }), { 'x-postern-timeout': '1h' });
    within(ms, 2_000);
  });

  test.each(['soon', '30', '-1s', '0s', ''])('%j is refused by name', async (value) => {
    const { reply } = await timed(ask(), { 'x-postern-timeout': value });
    expect(reply.status).toBe(400);
    expect(expectEnvelope(reply).param).toBe('x-postern-timeout');
  });
});

test('timeouts of the model win over those of the provider, and those over the global ones', async () => {
  const overlay = {
    ...inPriority({ a: upstream.url }, { timeouts, health: neverOpen, retries: { max_attempts: 1 } }),
  } as { providers: { a: object }; models: { m: object } };
  const layered = await startGateway({
    overlay: {
      ...overlay,
      timeouts: { ...timeouts, first_byte: '8s', first_content: '8s', total: '8s' },
      providers: { a: { ...overlay.providers.a, timeouts: { first_byte: '100ms' } } },
      models: { ...overlay.models, n: { ...overlay.models.m, timeouts: { first_byte: '1500ms' } } },
    },
  });
  upstream.script = silence;
  within((await timed(ask(), {}, layered.url)).ms, 100);
  within((await timed(ask({ model: 'n' }), {}, layered.url)).ms, 1_500);
});

describe('keep-alive comments', () => {
  const server = { keep_alive_comments: '60ms' };

  test('open the 200 before content, and failover still works behind them', async () => {
    const second = opened(await startUpstream(chat));
    const pair = await startGateway({ overlay: inPriority({ a: upstream.url, b: second.url }, { timeouts, server }) });
    upstream.script = silence;
    const { reply } = await timed(ask({ stream: true }), {}, pair.url);
    expect(reply.status).toBe(200);
    expect(reply.bodyAt).toBeLessThan(reply.endAt - 100);
    expect(reply.body.toString()).toMatch(/^: keep-alive\n\n/);
    expect(textOf(reply.body)).toBe('Hello there');
    expect(streamError(reply.body)).toBeNull();
    expect(reply.headers['x-postern-provider']).toBeUndefined();
  });

  test('a failure behind them is an error event', async () => {
    const alone = await startGateway({ overlay: patient(upstream.url, { timeouts, server }) });
    upstream.script = silence;
    const { reply } = await timed(ask({ stream: true }), {}, alone.url);
    expect(reply).toMatchObject({ status: 200, complete: true });
    expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
    expect(reply.body.toString()).not.toContain('[DONE]');
  });

  test('are sent while a call waits in the queue, and end with its first content', async () => {
    const overlay = inPriority({ a: upstream.url }, { timeouts, server }) as { models: { m: { targets: object[] } } };
    overlay.models.m.targets = [{ ...overlay.models.m.targets[0], concurrency: { max: 1 } }];
    const busy = await startGateway({ overlay });
    upstream.script = async (call, wire) => {
      await sleep(220);
      await chat(call, wire);
    };
    const first = request(busy.url, { body: ask() });
    await expect.poll(() => busy.gateway.api.router.health()[0]?.inFlight).toBe(1);
    const { reply } = await timed(ask({ stream: true }), {}, busy.url);
    expect((await first).status).toBe(200);
    expect(reply.body.toString()).toMatch(/^(?:: keep-alive\n\n){2,}data: /);
    expect(textOf(reply.body)).toBe('Hello there');
    expect(reply.body.toString().lastIndexOf('keep-alive')).toBeLessThan(reply.body.indexOf('data: '));
  });

  test('are sent while a hedge runs, once each, and end with the content of the winner', async () => {
    const hedge = { enabled: true, min_samples: 10, min_delay: '60ms', max_ratio: 0.5, max_in_flight: 100 };
    const slow = opened(await startUpstream(chat));
    const overlay = inPriority({ a: slow.url, b: upstream.url }, { server, retries: { hedge } });
    const hedged = await startGateway({ overlay });
    upstream.script = async (call, wire) => {
      await sleep(200);
      await chat(call, wire);
    };
    for (let at = 0; at < 12; at++) expect((await request(hedged.url, { body: ask({ stream: true }) })).status).toBe(200);
    slow.script = silence;
    const { reply } = await timed(ask({ stream: true }), {}, hedged.url);
    const text = reply.body.toString();
    expect(text).toMatch(/^(?:: keep-alive\n\n){2,7}data: /);
    expect(text.lastIndexOf('keep-alive')).toBeLessThan(text.indexOf('data: '));
    expect([textOf(text), streamError(text)]).toEqual(['Hello there', null]);
    await expect.poll(() => slow.calls.at(-1)!.abortedAt).not.toBeNull();
  });

  test('are not sent when the answer is not a stream', async () => {
    const alone = await startGateway({ overlay: patient(upstream.url, { timeouts, server }) });
    upstream.script = async (call, wire) => {
      await sleep(200);
      await chat(call, wire);
    };
    const { reply } = await timed(ask(), {}, alone.url);
    expect(reply.body.toString()).toMatch(/^\{/);
  });
});

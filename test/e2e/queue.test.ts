import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { chat, chatStream, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open, ask as request, streamError, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, patient, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

/** Works until told to go on; counts what it works on. */
function gate() {
  const waiting: (() => void)[] = [];
  const seen = { now: 0, most: 0 };
  const script: Script = async (call, wire) => {
    seen.most = Math.max(seen.most, ++seen.now);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      wire.gone.then(resolve);
    });
    seen.now--;
    if (!wire.closed) await chat(call, wire);
  };
  const release = (count = 1): void => {
    for (const go of waiting.splice(0, count)) go();
  };
  return { script, seen, release };
}

const limited = (url: string, queue: object, concurrency: object = { max: 1 }, extra: object = {}) => ({
  providers: { up: provider(url, { concurrency }) },
  models: { m: { targets: [{ provider: 'up', model: 'up-1' }], queue } },
  health: neverOpen,
  retries: { max_attempts: 1 },
  ...extra,
});

const states = ({ gateway }: TestGateway) => gateway.api.router.health().map(({ inFlight }) => inFlight);
const waiting = ({ gateway }: TestGateway) => gateway.api.router.waiting.size;

/** Nothing is under way at any target, and nobody waits. */
async function allQuiet(gateway: TestGateway): Promise<void> {
  await expect
    .poll(() => [...states(gateway), waiting(gateway), gateway.gateway.api.exchanges.open.size])
    .toSatisfy((counts: number[]) => counts.every((count) => count === 0));
}

describe('a target at its limit', () => {
  test('makes calls wait, never gets more than it may have, and takes them in order', async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const gateway = await startGateway({ overlay: limited(upstream.url, { max: 10, wait: '5s' }, { max: 2 }) });
    const replies = [];
    for (let at = 0; at < 6; at++) {
      replies.push(request(gateway.url, { body: ask({ user: `u${at}` }) }));
      if (at < 2) await upstream.arrived(at + 1);
      else await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(at - 1);
    }
    for (let at = 0; at < 6; at++) {
      hold.release();
      await upstream.arrived(Math.min(6, at + 3));
    }
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(hold.seen.most).toBe(2);
    expect(upstream.calls.map(({ json }) => (json as { user: string }).user)).toEqual(['u0', 'u1', 'u2', 'u3', 'u4', 'u5']);
    await allQuiet(gateway);
    const metrics = (await request(gateway.managementUrl, { path: '/metrics' })).body.toString();
    expect(metrics).toContain('postern_queue_wait_seconds_count 4');
    expect(metrics).toContain('postern_queue_waiting 0');
    expect(metrics).toContain('postern_shed_total{reason="queue"} 0');
  });

  test('U18: with the queue full the answer is 503 with Retry-After within 50 ms, and nothing is sent', {
    retry: 2,
  }, async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const gateway = await startGateway({ overlay: limited(upstream.url, { max: 1, wait: '5s' }), random: () => 0 });
    const [first, second] = [await open(gateway.url), await open(gateway.url)];
    first.send({ body: ask() });
    await upstream.arrived(1);
    second.send({ body: ask() });
    await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(1);
    const began = performance.now();
    const refused = await request(gateway.url, { body: ask() });
    expect(performance.now() - began).toBeLessThan(50);
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', 'retry-after-ms': '1000', 'x-should-retry': 'true' },
    });
    expect(expectEnvelope(refused).code).toBe('gateway_overloaded');
    expect(upstream.calls).toHaveLength(1);
    // Whoever leaves makes room, in the queue and at the target.
    second.leave('rst');
    await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(0);
    const third = request(gateway.url, { body: ask() });
    await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(1);
    first.leave('fin');
    await upstream.arrived(2);
    hold.release(2);
    expect((await third).status).toBe(200);
    await allQuiet(gateway);
  });

  test('refuses after the time a call may wait, a stream that has begun with an error event', async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const overlay = limited(upstream.url, { max: 5, wait: '150ms' }, { max: 1 }, { server: { keep_alive_comments: '40ms' } });
    const gateway = await startGateway({ overlay });
    const first = request(gateway.url, { body: ask() });
    await upstream.arrived(1);
    const began = performance.now();
    const [plain, stream] = await Promise.all([
      request(gateway.url, { body: ask() }),
      request(gateway.url, { body: ask({ stream: true }) }),
    ]);
    expect(performance.now() - began).toBeGreaterThan(140);
    expect([plain.status, expectEnvelope(plain).code]).toEqual([503, 'gateway_overloaded']);
    expect(expectEnvelope(plain).message).toMatch(/after \d+ ms in the queue/);
    expect([stream.status, streamError(stream.body)?.code]).toEqual([200, 'stream_interrupted']);
    expect(stream.body.toString()).toMatch(/^(: keep-alive\n\n)+data: /);
    expect(stream.body.includes('[DONE]')).toBe(false);
    hold.release();
    expect((await first).status).toBe(200);
    expect(upstream.calls).toHaveLength(1);
    await allQuiet(gateway);
  });

  test('a stream that waited with comments is answered like any other', async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const overlay = limited(upstream.url, { max: 5, wait: '5s' }, { max: 1 }, { server: { keep_alive_comments: '30ms' } });
    const gateway = await startGateway({ overlay });
    const first = request(gateway.url, { body: ask() });
    await upstream.arrived(1);
    const stream = await open(gateway.url);
    stream.send({ body: ask({ stream: true }) });
    await stream.saw(': keep-alive');
    upstream.script = chatStream();
    hold.release();
    const whole = await stream.until(({ complete }) => complete);
    expect(textOf(whole.body)).toBe('Hello there');
    expect(whole.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
    expect((await first).status).toBe(200);
  });

  test('tells who waits at once when its breaker opens, and lets in who waits when another target is back', async () => {
    const hold = gate();
    const [a, b] = [opened(await startUpstream(hold.script)), opened(await startUpstream(json(500, errorBody('broken'))))];
    const overlay = inPriority(
      { a: a.url, b: b.url },
      {
        health: { consecutive_failures: 1, open_for: '300ms', slow_start: '0s' },
        retries: { max_attempts: 1 },
        limits: { queue: { max: 5, wait: '5s' } },
      },
    ) as { models: { m: { targets: object[] } } };
    overlay.models.m.targets = [
      { provider: 'a', model: 'up-1', concurrency: { max: 1 } },
      { provider: 'b', model: 'up-1', concurrency: { max: 1 } },
    ];
    const gateway = await startGateway({ overlay });
    const first = request(gateway.url, { body: ask() });
    await a.arrived(1);
    expect((await request(gateway.url, { body: ask() })).status).toBe(502);
    b.script = chat;
    // b is out for 300 ms, a is at its limit: nothing ends meanwhile.
    const began = performance.now();
    const second = await request(gateway.url, { body: ask() });
    expect([second.status, second.headers['x-postern-provider']]).toEqual([200, 'b']);
    expect(performance.now() - began).toBeLessThan(700);
    hold.release();
    expect((await first).status).toBe(200);
    await allQuiet(gateway);
  });

  test('U18: who waits for the only target is told when its breaker opens', { retry: 2 }, async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const overlay = limited(
      upstream.url,
      { max: 5, wait: '10s' },
      { max: 1 },
      { health: { consecutive_failures: 1, open_for: '10s' } },
    );
    const gateway = await startGateway({ overlay });
    upstream.script = async (call, wire) => {
      await sleep(100);
      await json(500, errorBody('broken'))(call, wire);
    };
    const all = Array.from({ length: 4 }, () => request(gateway.url, { body: ask() }));
    const began = performance.now();
    const replies = await Promise.all(all);
    expect(performance.now() - began).toBeLessThan(400);
    expect(replies.map(({ status }) => status).sort()).toEqual([502, 503, 503, 503]);
    expect(upstream.calls).toHaveLength(1);
    await allQuiet(gateway);
  });

  test('is not asked by a call that was cancelled by its deadline, or by the end of the process, while it waited', async () => {
    const hold = gate();
    const upstream = opened(await startUpstream(hold.script));
    const gateway = await startGateway({ overlay: limited(upstream.url, { max: 5, wait: '10s' }) });
    const first = request(gateway.url, { body: ask() });
    await upstream.arrived(1);
    const late = await request(gateway.url, { body: ask(), headers: { 'x-postern-timeout': '100ms' } });
    expect(late.status).toBe(504);
    const cut = request(gateway.url, { body: ask() });
    await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(1);
    for (const exchange of gateway.gateway.api.exchanges.open) exchange.cancel('shutdown');
    expect((await cut).status).toBe(503);
    await first;
    expect(upstream.calls).toHaveLength(1);
    await allQuiet(gateway);
  });
});

test('U18: a provider with all its sockets in use makes calls wait, and is not taken for one that cannot be reached', async () => {
  const hold = gate();
  const upstream = opened(await startUpstream(hold.script));
  const overlay = {
    ...patient(upstream.url, { limits: { queue: { max: 2, wait: '5s' } }, health: { consecutive_failures: 1 } }),
    providers: { up: provider(upstream.url, { connections: 2, timeouts: { connect: '100ms' } }) },
  };
  const gateway = await startGateway({ overlay });
  const calls = [];
  for (let at = 0; at < 5; at++) {
    // Two targets, one provider.
    calls.push(request(gateway.url, { body: ask(at % 2 === 0 ? {} : { model: 'up/up-2' }) }));
    await sleep(20);
  }
  await sleep(200);
  expect([upstream.calls.length, waiting(gateway)]).toEqual([2, 2]);
  expect((await calls[4]!).status).toBe(503);
  hold.release(2);
  await upstream.arrived(4);
  hold.release(2);
  expect((await Promise.all(calls.slice(0, 4))).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(gateway.gateway.api.router.health().map(({ breaker }) => breaker)).toEqual(['closed', 'closed']);
  await allQuiet(gateway);
});

test('a key that fills the queue does not keep another one out of it', async () => {
  const upstream = opened(
    await startUpstream(async (call, wire) => {
      await sleep(10);
      await chat(call, wire);
    }),
  );
  const keys = { loud: { secret: 'sk-postern-loud-0123456789abcdef' }, quiet: { secret: 'sk-postern-quiet-0123456789abcde' } };
  const overlay = limited(upstream.url, {}, { max: 2 }, { keys, limits: { queue: { max: 40, wait: '2s' } } });
  const gateway = await startGateway({ overlay });
  const as = (key: keyof typeof keys) =>
    request(gateway.url, { body: ask(), headers: { authorization: `Bearer ${keys[key].secret}` } });
  let flooding = true;
  const flood = Array.from({ length: 80 }, async () => {
    while (flooding) if ((await as('loud')).status === 503) await sleep(5);
  });
  await expect.poll(() => waiting(gateway), { interval: 2 }).toBe(40);
  const waits: number[] = [];
  for (let call = 0; call < 15; call++) {
    const began = performance.now();
    expect((await as('quiet')).status).toBe(200);
    waits.push(performance.now() - began);
  }
  flooding = false;
  await Promise.all(flood);
  // In one line with the others it would wait for 40 of them, 200 ms.
  expect(waits.sort((a, b) => a - b)[7]).toBeLessThan(130);
  await allQuiet(gateway);
});

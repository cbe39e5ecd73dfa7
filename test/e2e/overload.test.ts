import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { expect, test, vi } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, patient, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Works on `capacity.now` requests at once, `ms` each, and queues the others without a word. */
function server(capacity: { now: number }, ms: () => number): Script {
  const queue: (() => void)[] = [];
  let busy = 0;
  return async (call, wire) => {
    if (busy >= capacity.now) await new Promise<void>((resolve) => queue.push(resolve));
    else busy++;
    await sleep(ms());
    busy--;
    for (; busy < capacity.now && queue.length > 0; busy++) queue.shift()!();
    if (!wire.closed) await chat(call, wire);
  };
}

interface Load {
  /** Answered with 200, per second of sending. */
  readonly goodput: number;
  /** Milliseconds, in order. */
  readonly refusals: readonly number[];
  readonly others: readonly number[];
}

/** Calls at a fixed rate, whether or not earlier ones are answered; those that an SDK would repeat are not repeated. */
async function load({ url }: TestGateway, perSecond: number, ms: number): Promise<Load> {
  const pool = new Pool(url, { connections: 400, pipelining: 1 });
  const body = JSON.stringify(ask());
  const refusals: number[] = [];
  const others: number[] = [];
  const calls: Promise<void>[] = [];
  let good = 0;
  const call = async (): Promise<void> => {
    const began = performance.now();
    const { statusCode, body: answer } = await pool.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await answer.dump();
    if (statusCode === 200) good++;
    else if (statusCode === 503) refusals.push(performance.now() - began);
    else others.push(statusCode);
  };
  const began = performance.now();
  for (let passed = 0; passed < ms; passed = performance.now() - began) {
    while ((calls.length * 1000) / perSecond <= passed) calls.push(call());
    await sleep(2);
  }
  const served = (good * 1000) / (performance.now() - began);
  await Promise.all(calls);
  await pool.close();
  return { goodput: served, refusals: refusals.sort((a, b) => a - b), others };
}

const percentile = (sorted: readonly number[], part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;

test('P2, G7: at 2 and 5 times what its targets can do the gateway serves at least nine tenths of it, refuses within 50 ms, and recovers at once', {
  retry: 2,
}, async () => {
  const capacity = { now: 8 };
  const upstream = opened(
    await startUpstream(
      server(capacity, () => 80),
      { forget: true },
    ),
  );
  // 100 calls a second.
  const gateway = await startGateway({
    overlay: {
      providers: { up: provider(upstream.url, { concurrency: { max: 8 } }) },
      models: { m: { targets: [{ provider: 'up', model: 'up-1' }] } },
      limits: { queue: { max: 20, wait: '400ms' } },
    },
  });
  await load(gateway, 80, 300);
  const peak = await load(gateway, 110, 1_000);
  for (const times of [2, 5]) {
    const { goodput, refusals, others } = await load(gateway, 100 * times, 1_200);
    expect(others).toEqual([]);
    expect(goodput / peak.goodput, `${times} times`).toBeGreaterThanOrEqual(0.9);
    expect(refusals.length).toBeGreaterThan(50);
    expect(percentile(refusals, 0.99), `${times} times`).toBeLessThanOrEqual(50);
    const began = performance.now();
    expect((await request(gateway.url, { body: ask() })).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(1_000);
  }
});

test('an adaptive limit is found within a fifth of what the target can do at once, and again when that halves', {
  retry: 2,
}, async () => {
  const capacity = { now: 16 };
  const upstream = opened(
    await startUpstream(
      server(capacity, () => 25 + 10 * Math.random()),
      { forget: true },
    ),
  );
  const gateway = await startGateway({
    overlay: {
      providers: { up: provider(upstream.url, { concurrency: { adaptive: true } }) },
      models: { m: { targets: [{ provider: 'up', model: 'up-1' }] } },
      limits: { queue: { max: 100, wait: '20s' } },
    },
  });
  let calling = true;
  const pool = new Pool(gateway.url, { connections: 48, pipelining: 1 });
  whenDone(() => pool.destroy());
  const callers = Array.from({ length: 48 }, async () => {
    while (calling) {
      const { body } = await pool.request({
        method: 'POST',
        path: '/v1/chat/completions',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(ask()),
      });
      await body.dump();
    }
  });
  const limits: number[] = [];
  const watch = setInterval(() => limits.push(gateway.gateway.api.router.health()[0]!.limit!), 20);
  const found = async (ms: number): Promise<number> => {
    limits.length = 0;
    await sleep(ms);
    return limits.toSorted((a, b) => a - b)[Math.floor(limits.length / 2)]!;
  };
  await sleep(1_000);
  const before = await found(2_000);
  capacity.now = 8;
  await sleep(1_500);
  const after = await found(2_000);
  calling = false;
  clearInterval(watch);
  await Promise.all(callers);
  expect(before).toBeGreaterThanOrEqual(16 * 0.8);
  expect(before).toBeLessThanOrEqual(16 * 1.2);
  expect(after).toBeGreaterThanOrEqual(8 * 0.8);
  expect(after).toBeLessThanOrEqual(8 * 1.2);
  await expect.poll(() => gateway.gateway.api.router.health()[0]!.inFlight).toBe(0);
});

test('P3: 200 callers that are told to wait after an outage come back spread over half of the wait', async () => {
  const upstream = opened(await startUpstream(json(500, errorBody('broken'))));
  const gateway = await startGateway({
    overlay: patient(upstream.url, { health: { ...neverOpen, consecutive_failures: 1, open_for: '20s', max_open_for: '20s' } }),
  });
  await request(gateway.url, { body: ask() });
  const replies = await Promise.all(Array.from({ length: 200 }, () => request(gateway.url, { body: ask() })));
  const waits = replies.map(({ headers }) => Number(headers['retry-after-ms']));
  const least = Math.min(...waits);
  expect(least).toBeGreaterThan(17_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  const tenths = new Map<number, number>();
  for (const wait of waits) tenths.set(Math.floor(wait / 1_000), (tenths.get(Math.floor(wait / 1_000)) ?? 0) + 1);
  expect(Math.max(...tenths.values())).toBeLessThan(45);
  expect(upstream.calls).toHaveLength(1);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Exchange } from '../../plugins/exchange/index.ts';
import { chat, errorBody } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { eventsOf, jsonOf, open, ask as request, streamError, textOf } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { json, silence } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// A second target beside a slow one: the first content wins, and nothing of the other is left but its row.

const delayMs = 40;
const warmUp = 20;

const late =
  (ms: number, script: Script): Script =>
  async (call, wire) => {
    await sleep(ms);
    if (!wire.closed) await script(call, wire);
  };
const failing = (status: number) => json(status, errorBody('broken', status === 400 ? 'invalid_request_error' : 'server_error'));

interface Rig {
  readonly gateway: TestGateway;
  readonly upstreams: readonly Upstream[];
  /** Sets the scripts of the upstreams, in order. */
  script(...scripts: readonly Script[]): void;
}

/** Upstreams in priority, each of a provider of its own (`a`, `b`…), asked so often that the percentile is known. */
async function rig(count = 2, hedge: object = {}, extra: object = {}): Promise<Rig> {
  const upstreams: Upstream[] = [];
  for (let at = 0; at < count; at++) upstreams.push(opened(await startUpstream(chat)));
  const names = [...'abcd'].slice(0, count);
  const gateway = await startGateway({
    overlay: {
      providers: Object.fromEntries(names.map((name, at) => [name, provider(upstreams[at]!.url)])),
      models: {
        m: {
          strategy: 'priority',
          targets: names.map((name) => ({ provider: name, model: 'up-1' })),
          hedge: { enabled: true, min_samples: warmUp / 2, min_delay: `${delayMs}ms`, max_ratio: 0.5, ...hedge },
        },
      },
      health: neverOpen,
      server: { keep_alive_comments: '0s' },
      ...extra,
    },
  });
  await warm(gateway);
  return {
    gateway,
    upstreams,
    script: (...scripts) =>
      scripts.forEach((script, at) => {
        upstreams[at]!.script = script;
      }),
  };
}

const counts = ({ gateway }: Rig) => gateway.gateway.api.relay.counts().hedges;

/** Enough answers of each kind to be hedged by: half of `warmUp` calls are streams. */
async function warm(gateway: TestGateway): Promise<void> {
  for (let sent = 0; sent < warmUp; sent++) await request(gateway.url, { body: ask({ stream: sent % 2 === 0 }) });
}

/** Rows after the warm-up. */
async function rowsOf({ gateway }: Rig, count: number) {
  return (await gateway.ledgerRows(warmUp + count)).slice(warmUp);
}

describe.each([{ stream: false }, { stream: true }])('stream $stream', ({ stream }) => {
  test('P4: the first content of the second target answers, the slow one is closed at once and its cost recorded', {
    retry: 2,
  }, async () => {
    const all = await rig();
    const [a, b] = all.upstreams;
    all.script(silence, chat);
    const began = performance.now();
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    const ended = performance.now();
    expect(reply.status).toBe(200);
    expect(ended - began).toBeGreaterThan(delayMs - 5);
    expect(ended - began).toBeLessThan(delayMs + 250);
    expect(reply.headers).toMatchObject({ 'x-postern-provider': 'b', 'x-postern-attempts': '2' });
    expect(b!.calls).toHaveLength(1);
    const slow = a!.calls.at(-1)!;
    while (slow.abortedAt === null && performance.now() - ended < 500) await sleep(5);
    expect(slow.abortedAt! - ended).toBeLessThan(100);
    const rows = await rowsOf(all, 2);
    expect(rows.map((row) => [row.provider, row.attempt, row.outcome, row.reason, row.usage_source])).toEqual([
      ['a', 1, 'cancelled', 'hedge_lost', 'estimated'],
      ['b', 2, 'ok', null, 'provider'],
    ]);
    expect(counts(all)).toEqual({ started: 1, won: 1, lost: 0, capped: 0, busy: 0 });
  });

  test('the first target that answers after all is the one that counts', { retry: 2 }, async () => {
    const all = await rig();
    all.script(late(delayMs + 60, chat), silence);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply.headers).toMatchObject({ 'x-postern-provider': 'a', 'x-postern-attempts': '2' });
    const rows = await rowsOf(all, 2);
    expect(rows.map((row) => [row.provider, row.outcome, row.reason])).toEqual([
      ['a', 'ok', null],
      ['b', 'cancelled', 'hedge_lost'],
    ]);
    expect(counts(all)).toMatchObject({ started: 1, won: 0, lost: 1 });
  });

  test('answers that come at the same time are one answer', async () => {
    const all = await rig();
    for (let round = 0; round < 5; round++) {
      const gate = Promise.withResolvers<void>();
      const held: Script = async (call, wire) => {
        await gate.promise;
        if (!wire.closed) await chat(call, wire);
      };
      all.script(held, held);
      const before = all.upstreams[1]!.calls.length;
      const pending = request(all.gateway.url, { body: ask({ stream }) });
      await all.upstreams[1]!.arrived(before + 1);
      gate.resolve();
      const reply = await pending;
      if (stream) {
        expect(textOf(reply.body)).toBe('Hello there');
        expect(eventsOf(reply.body).filter(({ data }) => data === '[DONE]')).toHaveLength(1);
      } else
        expect(jsonOf<{ choices: { message: object }[] }>(reply).choices[0]!.message).toMatchObject({ content: 'Hello there' });
    }
    const rows = await rowsOf(all, 10);
    expect(rows.map(({ outcome }) => outcome).sort()).toEqual([...Array(5).fill('cancelled'), ...Array(5).fill('ok')]);
  });

  test('C1: a caller that leaves ends both', { retry: 2 }, async () => {
    const all = await rig();
    all.script(silence, silence);
    const client = await open(all.gateway.url);
    whenDone(() => client.leave('fin'));
    client.send({ body: ask({ stream }) });
    await all.upstreams[1]!.arrived(1);
    const left = performance.now();
    client.leave('rst');
    for (const { calls } of all.upstreams) {
      const call = calls.at(-1)!;
      while (call.abortedAt === null && performance.now() - left < 500) await sleep(5);
      expect(call.abortedAt! - left).toBeLessThan(100);
    }
    const rows = await rowsOf(all, 2);
    expect(rows.map((row) => [row.outcome, row.reason])).toEqual([
      ['cancelled', 'client_closed'],
      ['cancelled', 'client_closed'],
    ]);
  });

  test('when both fail the next target is asked once', { retry: 2 }, async () => {
    const all = await rig(3);
    all.script(late(delayMs + 40, failing(503)), late(20, failing(503)), chat);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'c', 'x-postern-attempts': '3' } });
    if (stream) expect(streamError(reply.body)).toBeNull();
    expect(all.upstreams[2]!.calls).toHaveLength(1);
  });
});

test('the caller pays for both, and the time of two upstreams at once counts once', { retry: 2 }, async () => {
  const price = { input: 1, output: 1 };
  const all = await rig(2, {}, { prices: { 'a/up-1': price, 'b/up-1': price } });
  let settled: Exchange | null = null;
  all.gateway.gateway.api.exchanges.onSettled((exchange) => {
    settled = exchange;
  });
  all.script(silence, late(40, chat));
  const reply = await request(all.gateway.url, { body: ask() });
  const rows = await rowsOf(all, 2);
  const cost = rows.reduce((sum, row) => sum + row.cost_nano!, 0);
  expect(rows.every(({ cost_nano }) => cost_nano! > 0)).toBe(true);
  expect(Math.round(Number(reply.headers['x-postern-cost-usd']) * 1e9)).toBe(cost);
  while (settled === null) await sleep(5);
  const { upstreamMs, startedAt, endedAt } = settled as Exchange;
  expect(upstreamMs).toBeGreaterThan(delayMs + 30);
  expect(upstreamMs).toBeLessThanOrEqual(endedAt - startedAt);
});

test('when both fail and there is no other target the caller is told once', { retry: 2 }, async () => {
  const all = await rig();
  all.script(late(delayMs + 40, failing(503)), late(5, failing(503)));
  const reply = await request(all.gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 503, headers: { 'x-postern-attempts': '2', 'x-should-retry': 'false' } });
  expect((await rowsOf(all, 2)).map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
});

test('A5: a request on which both break is shown to no third target', { retry: 2 }, async () => {
  const all = await rig(3);
  all.script(late(delayMs + 40, failing(500)), late(5, failing(500)), chat);
  const reply = await request(all.gateway.url, { body: ask() });
  expect(reply.status).toBe(502);
  expect(all.upstreams[2]!.calls).toHaveLength(0);
});

test('a second target that refuses the call leaves it to the first', { retry: 2 }, async () => {
  const all = await rig();
  all.script(late(delayMs + 80, chat), failing(400));
  const reply = await request(all.gateway.url, { body: ask() });
  expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'a' } });
});

test('a first target that finds the caller at fault ends the second one too', { retry: 2 }, async () => {
  const all = await rig();
  all.script(late(delayMs + 40, failing(400)), silence);
  const reply = await request(all.gateway.url, { body: ask() });
  expect(reply.status).toBe(400);
  const rows = await rowsOf(all, 2);
  expect(rows.map((row) => [row.provider, row.outcome, row.reason])).toEqual([
    ['a', 'failed', 'invalid_request'],
    ['b', 'cancelled', 'hedge_lost'],
  ]);
});

test('a target that was beaten is not blamed, and is known to be at least that slow', { retry: 2 }, async () => {
  const all = await rig(2, {}, { health: { ...neverOpen, consecutive_failures: 1 } });
  all.script(silence, chat);
  await request(all.gateway.url, { body: ask() });
  const [a] = all.gateway.gateway.api.router.health();
  expect(a).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, inFlight: 0, lastFailure: null });
  expect(a!.latencyMs).toBeGreaterThan(delayMs - 1);
});

test('a hedge goes to another provider, not to another model of the slow one', { retry: 2 }, async () => {
  const one = opened(await startUpstream(chat));
  const other = opened(await startUpstream(chat));
  const target = (name: string, model: string) => ({ provider: name, model });
  const gateway = await startGateway({
    overlay: {
      providers: { one: provider(one.url), other: provider(other.url) },
      retries: { hedge: { enabled: true, min_samples: warmUp / 2, min_delay: `${delayMs}ms`, max_ratio: 0.5 } },
      models: { m: { strategy: 'priority', targets: [target('one', 'x'), target('one', 'y'), target('other', 'z')] } },
    },
  });
  await warm(gateway);
  one.script = silence;
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.headers).toMatchObject({ 'x-postern-provider': 'other', 'x-postern-attempts': '2' });
  expect(one.calls).toHaveLength(warmUp + 1);
});

test('a fallback is no second target', { retry: 2 }, async () => {
  const [a, b, spare] = [opened(await startUpstream(chat)), opened(await startUpstream(chat)), opened(await startUpstream(chat))];
  const target = (name: string) => ({ provider: name, model: 'up-1' });
  const gateway = await startGateway({
    overlay: {
      providers: { a: provider(a.url), b: provider(b.url), spare: provider(spare.url) },
      retries: { hedge: { enabled: true, min_samples: warmUp / 2, min_delay: `${delayMs}ms`, max_ratio: 0.5 } },
      health: { consecutive_failures: 1, open_for: '60s' },
      models: {
        m: { strategy: 'priority', targets: [target('a'), target('b')], fallbacks: ['other'] },
        second: { targets: [target('b')] },
        other: { targets: [target('spare')] },
      },
    },
  });
  await warm(gateway);
  b.script = failing(500);
  await request(gateway.url, { body: ask({ model: 'second' }) });
  a.script = late(delayMs + 60, chat);
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.headers).toMatchObject({ 'x-postern-provider': 'a', 'x-postern-attempts': '1' });
  expect(spare.calls).toHaveLength(0);
});

test('P2: nothing is hedged while more calls than allowed are under way, nor while the process is too busy', {
  retry: 2,
}, async () => {
  const all = await rig(2, { max_in_flight: 1 });
  all.script(late(120, chat));
  const both = [request(all.gateway.url, { body: ask() }), request(all.gateway.url, { body: ask() })];
  for (const reply of await Promise.all(both)) expect(reply.headers['x-postern-attempts']).toBe('1');
  expect(counts(all)).toMatchObject({ started: 0, busy: 2 });
  Object.defineProperty(all.gateway.gateway.api.lifecycle.overload, 'unready', { get: () => true, set() {} });
  expect((await request(all.gateway.url, { body: ask() })).headers['x-postern-attempts']).toBe('1');
  expect(counts(all)).toMatchObject({ started: 0, busy: 3 });
});

test('the counts are on the metrics page', { retry: 2 }, async () => {
  const all = await rig();
  all.script(silence, chat);
  await request(all.gateway.url, { body: ask() });
  const page = await (await fetch(`${all.gateway.managementUrl}/metrics`)).text();
  expect(page).toContain('postern_hedges_total{outcome="won"} 1');
  expect(page).toContain('postern_hedges_total{outcome="capped"} 0');
});

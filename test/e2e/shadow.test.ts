import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { jsonOf, open, ask as request, textOf } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { readLedger } from '../helper/ledger.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { json, silence } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// A copy of the traffic to a second target: bounded, accounted apart, and without any effect on the callers.

const admin = 'adm-7Kq2Zt9Wb4Xn6Rc1Vy8Pd3';

/** Of a call, as operators see it. */
interface Shown {
  readonly cost_usd: string;
  readonly attempts: readonly { readonly attempt: number; readonly operation: string; readonly state: string }[];
}

interface Rig {
  readonly gateway: TestGateway;
  readonly main: Upstream;
  readonly shadow: Upstream;
}

async function rig(script: Script, shadow: object = {}, extra: object = {}, random?: () => number): Promise<Rig> {
  const main = opened(await startUpstream(chat));
  const second = opened(await startUpstream(script));
  const gateway = await startGateway({
    ...(random === undefined ? {} : { random }),
    overlay: {
      providers: { main: provider(main.url), second: provider(second.url) },
      models: {
        m: { targets: [{ provider: 'main', model: 'up-1' }], shadow: { provider: 'second', model: 'next-1', ...shadow } },
        direct: { targets: [{ provider: 'second', model: 'next-1' }] },
      },
      prices: { 'main/up-1': { input: 1, output: 1 }, 'second/next-1': { input: 100, output: 100 } },
      health: neverOpen,
      ...extra,
    },
  });
  return { gateway, main, shadow: second };
}

const counts = ({ gateway }: Rig) => gateway.gateway.api.relay.counts().shadows;

async function until(holds: () => boolean, ms = 2_000): Promise<void> {
  for (const began = performance.now(); !holds(); await sleep(5)) {
    if (performance.now() - began > ms) throw new Error(`Not within ${ms} ms: ${holds}`);
  }
}

describe.each([{ stream: false }, { stream: true }])('stream $stream', ({ stream }) => {
  test('the second target gets the same call, and the caller the answer and the costs of the first', async () => {
    const all = await rig(chat);
    const reply = await request(all.gateway.url, {
      body: ask({ stream, user: 'u1' }),
      headers: { 'x-postern-metadata': '{"a":1}' },
    });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'main', 'x-postern-attempts': '1' } });
    if (!stream) expect(reply.headers['x-postern-cost-usd']).toBe('0.000014');
    const copy = await all.shadow.arrived(1);
    expect(copy.json).toEqual({ ...(all.main.calls[0]!.json as object), model: 'next-1' });
    const rows = await all.gateway.ledgerRows(2);
    const exchange = reply.headers['x-postern-exchange-id'];
    expect(rows.map((row) => [row.exchange, row.operation, row.attempt, row.provider, row.outcome, row.cost_nano])).toEqual([
      [exchange, 'chat', 1, 'main', 'ok', 14_000],
      [exchange, 'shadow', 0, 'second', 'ok', 1_400_000],
    ]);
    expect(rows[1]).toMatchObject({ model: 'm', target: 'next-1', key_id: null, metadata: null });
    expect(counts(all)).toMatchObject({ ok: 1, failed: 0 });
  });

  test('a copy that fails, hangs or is refused is nothing to the caller, nor to the breaker of its target', async () => {
    const all = await rig(json(500, errorBody('broken')), {}, { health: { consecutive_failures: 1 } });
    for (const script of [json(500, errorBody('broken')), json(401, errorBody('no')), silence]) {
      all.shadow.script = script;
      const before = all.shadow.calls.length;
      const reply = await request(all.gateway.url, { body: ask({ stream }) });
      expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'main', 'x-postern-attempts': '1' } });
      expect(stream ? textOf(reply.body) : jsonOf<{ model: string }>(reply).model).toBe(stream ? 'Hello there' : 'up-1');
      if (before === 0) await until(() => counts(all).failed === 1);
    }
    all.shadow.script = chat;
    expect((await request(all.gateway.url, { body: ask({ model: 'direct' }) })).status).toBe(200);
    const health = all.gateway.gateway.api.router.health().find(({ provider: name }) => name === 'second');
    expect(health).toMatchObject({ breaker: 'closed', consecutiveFailures: 0, lastFailure: null, parked: [] });
  });

  test('the copy goes on when the caller has left, and the caller does not wait for it', async () => {
    const gate = Promise.withResolvers<void>();
    const all = await rig(async (call, wire) => {
      await gate.promise;
      await chat(call, wire);
    });
    all.main.script = silence;
    const client = await open(all.gateway.url);
    whenDone(() => client.leave('fin'));
    client.send({ body: ask({ stream }) });
    await all.shadow.arrived(1);
    client.leave('rst');
    await until(() => all.main.calls[0]!.abortedAt !== null);
    await sleep(30);
    expect(all.shadow.calls[0]!.abortedAt).toBeNull();
    gate.resolve();
    const rows = await all.gateway.ledgerRows(2);
    expect(rows.map((row) => [row.operation, row.outcome])).toEqual([
      ['chat', 'cancelled'],
      ['shadow', 'ok'],
    ]);
  });
});

test('never more copies than allowed are under way', async () => {
  const all = await rig(silence, { max_in_flight: 2 });
  for (let sent = 0; sent < 6; sent++) expect((await request(all.gateway.url, { body: ask() })).status).toBe(200);
  await until(() => counts(all).capped === 4);
  expect(all.shadow.calls).toHaveLength(2);
  const health = all.gateway.gateway.api.router.health().find(({ provider: name }) => name === 'second');
  expect(health?.inFlight).toBe(2);
});

test('a share of the calls is copied', async () => {
  let at = 0;
  const all = await rig(chat, { share: 0.25 }, {}, () => (at++ % 4) / 4);
  for (let sent = 0; sent < 20; sent++) await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).ok + counts(all).capped === 5);
  expect(all.shadow.calls.length).toBe(5);
});

test('no copy outlives the total timeout', { retry: 2 }, async () => {
  const all = await rig(silence, {}, { timeouts: { total: '150ms' } });
  await request(all.gateway.url, { body: ask() });
  const call = await all.shadow.arrived(1);
  await until(() => counts(all).cancelled === 1);
  await until(() => call.abortedAt !== null);
  expect(call.abortedAt! - call.at).toBeLessThan(400);
  expect((await all.gateway.ledgerRows(2))[1]).toMatchObject({ operation: 'shadow', outcome: 'cancelled', reason: 'deadline' });
});

test('P2: nothing is copied while the gateway has more to do than it can', async () => {
  const all = await rig(chat);
  Object.defineProperty(all.gateway.gateway.api.lifecycle.overload, 'unready', { get: () => true, set() {} });
  await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).busy === 1);
  expect(all.shadow.calls).toHaveLength(0);
});

test('a target that asked for a rest gets no copies meanwhile, but its other calls', async () => {
  const all = await rig(json(429, errorBody('slow down', 'rate_limit_error'), { 'retry-after': '30' }));
  await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).failed === 1);
  await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).unavailable === 1);
  all.shadow.script = chat;
  expect((await request(all.gateway.url, { body: ask({ model: 'direct' }) })).status).toBe(200);
});

test('a target that is out or at its limit gets no copies', async () => {
  const all = await rig(json(500, errorBody('broken')), {}, { health: { consecutive_failures: 1, open_for: '60s' } });
  await request(all.gateway.url, { body: ask({ model: 'direct' }) });
  await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).unavailable === 1);
  expect(all.shadow.calls).toHaveLength(1);
});

test.each([{ ignore: ['second'] }, { only: ['main'] }])(
  'a provider that the caller does not allow gets no copy (%o)',
  async (gateway) => {
    const all = await rig(chat);
    expect((await request(all.gateway.url, { body: ask({ gateway }) })).status).toBe(200);
    await until(() => counts(all).unavailable === 1);
    expect(all.shadow.calls).toHaveLength(0);
  },
);

test('the copy is shown with its call, and is not in its cost', async () => {
  const all = await rig(chat, {}, { management: { admin_api_key: admin } });
  const { headers } = await request(all.gateway.url, { body: ask() });
  await all.gateway.ledgerRows(2);
  const url = `${all.gateway.managementUrl}/admin/v1/exchanges/${headers['x-postern-exchange-id']}`;
  const read = async () => (await fetch(url, { headers: { authorization: `Bearer ${admin}` } })).json() as Promise<Shown>;
  let shown = await read();
  for (let asked = 0; asked < 50 && shown.attempts.some(({ state }) => state === 'open'); asked++) {
    await sleep(20);
    shown = await read();
  }
  expect(shown.attempts.map(({ attempt, operation }) => [attempt, operation])).toEqual([
    [1, 'chat'],
    [0, 'shadow'],
  ]);
  expect(shown.cost_usd).toBe(headers['x-postern-cost-usd']);
});

test('a call that is not sent is not copied', async () => {
  const all = await rig(chat);
  expect((await request(all.gateway.url, { body: ask({ gateway: { only: ['second'] } }) })).status).toBe(400);
  await sleep(20);
  expect(all.shadow.calls).toHaveLength(0);
});

test('copies do not hold the process up when it leaves, and are settled', { retry: 2 }, async () => {
  const all = await rig(silence);
  await request(all.gateway.url, { body: ask() });
  await all.shadow.arrived(1);
  await until(() => readLedger(all.gateway.dataDir).length === 2);
  const { shadow } = all;
  const began = performance.now();
  await all.gateway.gateway.drain();
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(readLedger(all.gateway.dataDir)[1]).toMatchObject({
    operation: 'shadow',
    outcome: 'cancelled',
    reason: 'shutdown',
    state: 'settled',
  });
  await until(() => shadow.calls[0]!.abortedAt !== null);
});

test('the counts are on the metrics page, the cost among that of its provider', async () => {
  const all = await rig(chat);
  await request(all.gateway.url, { body: ask() });
  await until(() => counts(all).ok === 1);
  const page = await (await fetch(`${all.gateway.managementUrl}/metrics`)).text();
  expect(page).toContain('postern_shadow_total{outcome="ok"} 1');
  expect(page).toMatch(/postern_cost_usd_total\{[^}]*provider="second"[^}]*\} 0\.0014/);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { json, silence } from '../helper/replies.ts';
import { inOrder, type Script, startUpstream } from '../helper/upstream.ts';

const list = json(200, { object: 'list', data: [{ id: 'up-1', object: 'model', created: 0, owned_by: 'up' }] });
/** A whole server: its list and its answers. */
const serve: Script = (call, wire) => (call.method === 'GET' ? list(call, wire) : chat(call, wire));
const broken = json(503, errorBody('down'));

const models = {
  m: {
    strategy: 'priority',
    targets: [
      { provider: 'up', model: 'up-1' },
      { provider: 'spare', model: 'up-1' },
    ],
  },
};
const health = { consecutive_failures: 2, open_for: '150ms', max_open_for: '150ms', slow_start: '0s' };

async function shown(gateway: TestGateway) {
  const { data } = (await (await fetch(`${gateway.managementUrl}/health/providers`)).json()) as {
    data: { name: string; status: string; targets: { breaker: string; unavailable_because: string | null; share: number }[] }[];
  };
  return data.find(({ name }) => name === 'up')!;
}

async function rig(script: Script, probe: object | undefined, extra: object = {}) {
  const up = opened(await startUpstream(script));
  const spare = opened(await startUpstream(chat));
  const gateway = await startGateway({
    overlay: { providers: { up: provider(up.url, { probe }), spare: provider(spare.url) }, models, health, ...extra },
    random: () => 0.5,
    log: 'info',
  });
  const call = async (body = ask()) => (await request(gateway.url, { body })).headers['x-postern-provider'];
  return { up, spare, gateway, call };
}

test('without probes nothing is sent by itself', async () => {
  const { up, gateway } = await rig(serve, undefined);
  await sleep(200);
  expect(up.calls).toHaveLength(0);
  expect(await (await fetch(`${gateway.managementUrl}/metrics`)).text()).not.toContain('postern_probes_total{');
});

test('a provider whose list of models fails twice in a row is out until it answers once', { retry: 2 }, async () => {
  const { up, spare, gateway, call } = await rig(serve, { interval: '100ms' });
  expect(await call()).toBe('up');
  up.script = (one, wire) => (one.method === 'GET' ? broken(one, wire) : chat(one, wire));
  await expect.poll(async () => (await shown(gateway)).targets[0]!.unavailable_because, { interval: 10 }).toBe('probe');
  expect((await shown(gateway)).status).toBe('unavailable');
  const before = up.calls.filter(({ method }) => method === 'POST').length;
  expect([await call(), await call()]).toEqual(['spare', 'spare']);
  expect(up.calls.filter(({ method }) => method === 'POST')).toHaveLength(before);
  up.script = serve;
  await expect.poll(async () => (await shown(gateway)).status, { interval: 10 }).toBe('ok');
  expect(await call()).toBe('up');
  expect(spare.calls.filter(({ method }) => method === 'GET')).toHaveLength(0);
  const told = gateway.logs().filter(({ msg }) => String(msg).includes('probes'));
  expect(told.map(({ level, provider: name }) => [level, name])).toEqual([
    ['warn', 'up'],
    ['info', 'up'],
  ]);
});

test('a provider stays in while its server answers, whatever it says of its list, and after one failure', async () => {
  const answers = [
    json(401, errorBody('no')),
    json(429, errorBody('slow down')),
    broken,
    json(404, errorBody('none')),
    json(200, '<html>'),
    broken,
    list,
    broken,
  ];
  const { up, gateway } = await rig(inOrder(...answers, list), { interval: '100ms' });
  const seen = new Set<string | null>();
  while (up.calls.length <= answers.length) {
    seen.add((await shown(gateway)).targets[0]!.unavailable_because);
    await sleep(20);
  }
  expect([...seen]).toEqual([null]);
});

test('a probe that is not answered in time has failed, and none is sent while one is under way', { retry: 2 }, async () => {
  const { up, gateway } = await rig(silence, { interval: '100ms', timeout: '100ms' });
  await expect.poll(async () => (await shown(gateway)).targets[0]!.unavailable_because, { interval: 10 }).toBe('probe');
  expect(up.calls.length).toBeLessThanOrEqual(3);
  expect(up.open()).toBeLessThanOrEqual(1);
});

test('a provider that refuses connections is out by its probe, and callers hear at once', { retry: 2 }, async () => {
  const gateway = await startGateway({
    overlay: {
      providers: { up: provider(`http://127.0.0.1:${await freePort()}/v1`, { probe: { interval: '100ms' } }) },
      models: { m: { targets: [{ provider: 'up', model: 'up-1' }] } },
    },
  });
  await expect.poll(async () => (await shown(gateway)).targets[0]!.unavailable_because, { interval: 10 }).toBe('probe');
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(503);
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  expect(reply.headers['x-postern-attempts'] ?? '0').toBe('0');
});

test('a completion is asked only of a target that is out and due, closes its breaker, and is in the ledger', {
  retry: 2,
}, async () => {
  const { up, gateway, call } = await rig(
    broken,
    { interval: '100ms', ask: 'completion' },
    { health: { ...health, slow_start: '20s' } },
  );
  await sleep(250);
  expect(up.calls).toHaveLength(0);
  await call();
  await call();
  expect((await shown(gateway)).targets[0]!.breaker).toBe('open');
  // Its breaker opens again and again by its probes alone.
  await up.arrived(4);
  up.script = serve;
  await expect.poll(async () => (await shown(gateway)).targets[0]!.breaker, { interval: 10 }).toBe('closed');
  expect((await shown(gateway)).targets[0]!.share).toBeLessThan(0.2);
  const sent = up.calls.length;
  await sleep(250);
  expect(up.calls).toHaveLength(sent);
  expect(up.calls.at(-1)!.json).toMatchObject({ model: 'up-1', max_completion_tokens: 1 });
  const rows = (await gateway.ledgerRows(sent + 2)).filter(({ operation }) => operation === 'probe');
  expect(rows).toHaveLength(sent - 2);
  expect(rows.at(-1)).toMatchObject({
    provider: 'up',
    target: 'up-1',
    outcome: 'ok',
    attempt: 0,
    usage_source: 'provider',
    key_id: null,
  });
  expect(rows[0]).toMatchObject({ outcome: 'failed', reason: 'overloaded', cost_nano: 0 });
  const metrics = await (await fetch(`${gateway.managementUrl}/metrics`)).text();
  expect(metrics).toContain('postern_probes_total{provider="up",outcome="ok"} 1');
});

test('callers never wait for a probe, and there is one at a time for each target', { retry: 2 }, async () => {
  const { up, gateway, call } = await rig(broken, { interval: '100ms', timeout: '2s', ask: 'completion' });
  await call();
  await call();
  up.script = silence;
  await up.arrived(3);
  const began = performance.now();
  expect(await Promise.all(Array.from({ length: 10 }, () => call()))).toEqual(Array.from({ length: 10 }, () => 'spare'));
  expect(performance.now() - began).toBeLessThan(500);
  await sleep(300);
  expect(up.calls).toHaveLength(3);
  expect((await shown(gateway)).targets[0]).toMatchObject({ breaker: 'half_open', unavailable_because: 'breaker' });
});

test.each([['models'], ['completion']])('a close ends probes of %s that are under way', { retry: 2 }, async (kind) => {
  const { up, gateway, call } = await rig(broken, { interval: '100ms', timeout: '4s', ask: kind });
  if (kind === 'completion') {
    await call();
    await call();
  }
  const before = up.calls.length;
  up.script = silence;
  await up.arrived(before + 1);
  const began = performance.now();
  await gateway.close();
  expect(performance.now() - began).toBeLessThan(2_000);
  const { length } = up.calls;
  await expect.poll(() => up.open()).toBe(0);
  await sleep(250);
  expect(up.calls).toHaveLength(length);
});

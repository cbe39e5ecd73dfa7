import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { randomPrefix, startRedis } from '../helper/redis.ts';
import { startUpstream } from '../helper/upstream.ts';
import { until } from '../plugins/limits/redis-rig.ts';

// Limits over Redis from outside: what callers of several replicas are told, with Redis and without.

const budgeted = 'alice-kR8vQ2mN5tX9wB3cF7';
const rated = 'bob-kR8vQ2mN5tX9wB3cF7aa';
const encryption = randomBytes(32).toString('base64');

/** Replicas of one configuration; 11 tokens in and 3 out of the scripted answer cost 17,000 nano-USD. */
async function fleet(redisUrl: string, count: number): Promise<TestGateway[]> {
  const upstream = opened(await startUpstream(chat));
  const redis_prefix = randomPrefix();
  const overlay = {
    providers: { a: provider(upstream.url) },
    models: { m: { targets: [{ provider: 'a', model: 'up-1' }] } },
    keys: {
      alice: { secret: budgeted, budgets: [{ amount_usd: 0.001, period: 'month' }] },
      bob: { secret: rated, rate_limits: { requests_per_minute: 4 } },
    },
    health: neverOpen,
    prices: { 'a/up-1': { input: 1, output: 2 } },
    limits: { algorithm: 'token_bucket' },
    redis_prefix,
  };
  const env = { REDIS_URL: redisUrl, ENCRYPTION_KEY: encryption };
  return Promise.all(Array.from({ length: count }, () => startGateway({ overlay, env, log: 'warn' })));
}

const limitsOpen = (all: readonly TestGateway[]) =>
  until('budgets can be asked', () => all.every(({ gateway }) => gateway.api.limits.store.problem() === null));

async function call({ url }: TestGateway, key: string) {
  const start = performance.now();
  const body = ask({ max_tokens: 3 });
  const reply = await request(url, { headers: { authorization: `Bearer ${key}` }, body });
  const { status, headers } = reply;
  const ms = performance.now() - start;
  const code = status === 200 ? undefined : jsonOf<{ error: { code: string } }>(reply).error.code;
  return { status, retry: headers['x-should-retry'], after: headers['retry-after'], code, ms };
}

test('G3 R8: two replicas spend one budget to the last call it has room for, and no further', { retry: 1 }, async () => {
  const server = await startRedis();
  const gateways = await fleet(server.url, 2);
  await limitsOpen(gateways);
  const answers = await Promise.all(Array.from({ length: 120 }, (_, at) => call(gateways[at % 2]!, budgeted)));
  const refused = answers.filter(({ status }) => status !== 200);
  for (const { status, code, retry } of refused) {
    expect([status, code, retry]).toEqual([429, 'insufficient_quota', 'false']);
  }
  // One after the other until it is spent: every call costs less than what is held for it.
  for (let at = 0; ; at++) if ((await call(gateways[at % 2]!, budgeted)).status !== 200) break;
  let spent = 0;
  for (const { gateway } of gateways) gateway.api.usage.flush();
  for (const each of gateways) for (const row of await each.ledgerRows()) spent += row.cost_nano ?? 0;
  expect(spent).toBeLessThanOrEqual(1_000_000);
  const [{ gateway }] = gateways as [TestGateway];
  const { allowances } = gateway.api.identity.keys().find(({ name }) => name === 'alice')!.principal;
  await until('nothing is held', async () => Number((await gateway.api.limits.standing(allowances))[0]!.held) === 0);
  expect(Number((await gateway.api.limits.standing(allowances))[0]!.used)).toBe(spent / 1e9);
});

test('R1 G20: without Redis at the start budgets are 503 and rates go on; readiness says so; all is well when it has come', {
  retry: 2,
}, async () => {
  const port = await freePort();
  const [gateway] = (await fleet(`redis://:CANARY-pass@127.0.0.1:${port}`, 1)) as [TestGateway];
  const { status, code } = await call(gateway, budgeted);
  expect([status, code]).toEqual([503, 'limits_unavailable']);
  const rates: number[] = [];
  for (let at = 0; at < 5; at++) rates.push((await call(gateway, rated)).status);
  expect(rates).toEqual([200, 200, 200, 200, 429]);
  const ready = await fetch(`${gateway.url}/readyz`);
  const document = (await ready.json()) as { status: string; checks: Record<string, { ok: boolean; reason?: string }> };
  expect([ready.status, document.status, document.checks.redis]).toMatchObject([200, 'degraded', { ok: false }]);
  expect(await (await fetch(`${gateway.managementUrl}/metrics`)).text()).toMatch(/^postern_redis_up 0$/m);
  await startRedis({ port, args: ['--requirepass', 'CANARY-pass'] });
  expect(await limitsOpen([gateway])).toBeLessThan(5000);
  expect((await call(gateway, budgeted)).status).toBe(200);
  expect(((await (await fetch(`${gateway.url}/readyz`)).json()) as { status: string }).status).toBe('ok');
  expect(await (await fetch(`${gateway.managementUrl}/metrics`)).text()).toMatch(/^postern_redis_up 1$/m);
  expect(JSON.stringify(gateway.logs())).not.toContain('CANARY');
});

test('R2 R3 G20: Redis hangs, then dies: budgets 503 and never 401, rates go on, ≤ 100 ms are added once', {
  retry: 2,
}, async () => {
  const server = await startRedis();
  const [gateway] = (await fleet(server.url, 1)) as [TestGateway];
  await limitsOpen([gateway]);
  expect((await call(gateway, budgeted)).status).toBe(200);
  server.pause();
  const first = await call(gateway, budgeted);
  expect([first.status, first.code, first.retry]).toEqual([503, 'limits_unavailable', 'true']);
  expect(first.after).toMatch(/^\d+$/);
  expect(first.ms).toBeLessThan(200);
  for (const key of [budgeted, rated]) {
    const { status, ms } = await call(gateway, key);
    expect(status).toBe(key === rated ? 200 : 503);
    expect(ms).toBeLessThan(60);
  }
  await server.kill();
  expect((await call(gateway, budgeted)).status).toBe(503);
  expect((await call(gateway, rated)).status).toBe(200);
  expect((await call(gateway, 'sk-postern-nobody-at-all-xyz')).status).toBe(401);
  await server.start();
  expect(await limitsOpen([gateway])).toBeLessThan(5000);
  expect((await call(gateway, budgeted)).status).toBe(200);
});

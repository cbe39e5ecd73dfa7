import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import inventory from '../../plugins/auth/inventory.ts';
import type { Checks } from '../../plugins/lifecycle/checks.ts';
import type { ProviderKeys, TargetHealth } from '../../plugins/router/types.ts';
import type { ProviderInstance } from '../../providers/provider.ts';
import { healthRoutes, probeRoutes } from '../../routes/health.ts';
import { whenDone } from '../helper/cleanup.ts';
import { targetHealth } from '../plugins/router/target-health.ts';

const provider = (name: string, origin = `https://${name}.example`) =>
  ({ name, origin, type: { type: 'compatible' }, headers: { authorization: 'Bearer canary' } }) as unknown as ProviderInstance;

async function build(
  checks: Checks = {},
  targets: TargetHealth[] = [],
  providers: ProviderInstance[] = [],
  keys: Readonly<Record<string, ProviderKeys>> = {},
): Promise<FastifyInstance> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(inventory);
  await app.register(probeRoutes, { checks });
  await app.register(healthRoutes, {
    checks,
    version: '1.2.3',
    router: {
      providers: new Map(providers.map((each) => [each.name, each])),
      health: () => targets,
      keys: ({ name }) => keys[name] ?? { total: 1, parked: [] },
    },
    eventLoopDelay: () => ({ p50: 0.001, p99: 0.002, max: 0.003 }),
  });
  return app;
}

const down = () => 'the disk is full';

test('livez is 200 while every check fails', async () => {
  const reply = await (await build({ ledger: down })).inject('/livez');
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toEqual({ status: 'ok' });
});

test('readyz is 200 while every check holds', async () => {
  const reply = await (await build({ ledger: () => true, draining: () => true })).inject('/readyz');
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toEqual({ status: 'ok', failing: [], checks: { ledger: { ok: true }, draining: { ok: true } } });
});

test('D1: readyz is 503 with the failing check by name and its reason, not an error envelope', async () => {
  const reply = await (await build({ ledger: down, draining: () => true })).inject('/readyz');
  expect(reply.statusCode).toBe(503);
  expect(reply.json()).toEqual({
    status: 'unavailable',
    failing: ['ledger'],
    checks: { ledger: { ok: false, reason: 'the disk is full' }, draining: { ok: true } },
  });
});

test('L1: readyz follows its checks from one call to the next', async () => {
  const state = { draining: false };
  const app = await build({ draining: () => (state.draining ? 'shutting down' : true) });
  expect((await app.inject('/readyz')).statusCode).toBe(200);
  state.draining = true;
  expect((await app.inject('/readyz')).statusCode).toBe(503);
});

test.each(['/livez', '/readyz', '/health', '/health/providers'])('%s is never stored by a cache', async (url) => {
  expect((await (await build({ ledger: down })).inject(url)).headers['cache-control']).toBe('no-store');
});

test('health shows version, uptime, checks and event loop delay', async () => {
  const reply = await (await build({ ledger: () => true }, [targetHealth('up/a')])).inject('/health');
  expect(reply.json()).toEqual({
    status: 'ok',
    version: '1.2.3',
    uptime_seconds: expect.any(Number),
    checks: { ledger: { ok: true } },
    targets: { total: 1, unavailable: 0 },
    event_loop_delay_seconds: { p50: 0.001, p99: 0.002, max: 0.003 },
  });
});

test('health is degraded and still 200 while a target is out of use', async () => {
  const reply = await (await build({}, [targetHealth('up/a'), targetHealth('up/b', { breaker: 'open' })])).inject('/health');
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toMatchObject({ status: 'degraded', targets: { total: 2, unavailable: 1 } });
});

test('health is unavailable and 503 while a check fails', async () => {
  const reply = await (await build({ ledger: down }, [targetHealth('up/b', { breaker: 'open' })])).inject('/health');
  expect(reply.statusCode).toBe(503);
  expect(reply.json()).toMatchObject({ status: 'unavailable', checks: { ledger: { ok: false } } });
});

test('provider health lists each provider with its targets, times in unix seconds', async () => {
  const targets = [
    targetHealth('up/a', {
      inFlight: 2,
      latencyMs: 321.4,
      uptime: 0.98765,
      cacheShare: 0.5,
      limit: 4,
      share: 0.4,
      parked: [{ id: 'b', reason: 'rate_limit', until: 1_700_000_001_001 }],
    }),
    targetHealth('up/b', {
      breaker: 'open',
      exclusion: 'breaker',
      unavailableUntil: 1_700_000_000_001,
      consecutiveFailures: 5,
      lastFailure: { reason: 'timeout', at: 1_700_000_000_999 },
    }),
  ];
  const reply = await (await build({}, targets, [provider('up')])).inject('/health/providers');
  expect(reply.json()).toEqual({
    data: [
      {
        name: 'up',
        type: 'compatible',
        origin: 'https://up.example',
        status: 'degraded',
        keys: { total: 1, parked: [] },
        targets: [
          {
            target: 'up/a',
            model: 'a',
            status: 'ok',
            breaker: 'closed',
            unavailable_until: null,
            unavailable_because: null,
            consecutive_failures: 0,
            latency_seconds: 0.321,
            uptime: 0.988,
            cache_share: 0.5,
            in_flight: 2,
            limit: 4,
            share: 0.4,
            parked_keys: [{ name: 'b', reason: 'rate_limit', until: 1_700_000_002 }],
            last_failure: null,
          },
          {
            target: 'up/b',
            model: 'b',
            status: 'unavailable',
            breaker: 'open',
            unavailable_until: 1_700_000_001,
            unavailable_because: 'breaker',
            consecutive_failures: 5,
            latency_seconds: null,
            uptime: null,
            cache_share: null,
            in_flight: 0,
            limit: null,
            share: 1,
            parked_keys: [],
            last_failure: { reason: 'timeout', at: 1_700_000_000 },
          },
        ],
      },
    ],
  });
});

test('a provider is unavailable when all its targets are, and ok when it has none', async () => {
  const targets = [targetHealth('up/a', { unavailableUntil: 5 })];
  const reply = await (await build({}, targets, [provider('up'), provider('idle')])).inject('/health/providers');
  expect(reply.json()).toMatchObject({
    data: [
      { name: 'up', status: 'unavailable' },
      { name: 'idle', status: 'ok', targets: [] },
    ],
  });
});

test('a provider that is served in process has no origin', async () => {
  const reply = await (await build({}, [], [provider('local', '')])).inject('/health/providers');
  expect(reply.json()).toMatchObject({ data: [{ name: 'local', origin: null }] });
});

test('security 36: no credential of a provider is shown', async () => {
  const reply = await (await build({}, [], [provider('up')])).inject('/health/providers');
  expect(reply.body).not.toContain('canary');
});

test.each([
  ['every key is parked, whatever is known of targets', 2, [], 'unavailable'],
  ['every key is parked and a target was fine', 2, [targetHealth('up/a')], 'unavailable'],
  ['one key of two is parked', 1, [targetHealth('up/a')], 'degraded'],
  ['no key is parked', 0, [targetHealth('up/a')], 'ok'],
])('a provider is shown by its keys too: %s', async (_name, count, targets, status) => {
  const parked = [
    { id: 'team-a', reason: 'authentication', until: 1_700_000_000_001 },
    { id: '2', reason: 'quota', until: 1_700_000_060_000 },
  ] as const;
  const keys = { up: { total: 2, parked: parked.slice(0, count) } };
  const [shown] = (await (await build({}, targets, [provider('up')], keys)).inject('/health/providers')).json().data;
  expect(shown.status).toBe(status);
  expect(shown.keys).toEqual({
    total: 2,
    parked: [
      { name: 'team-a', reason: 'authentication', until: 1_700_000_001 },
      { name: '2', reason: 'quota', until: 1_700_000_060 },
    ].slice(0, count),
  });
});

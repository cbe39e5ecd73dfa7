import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import admin from '../../plugins/admin/index.ts';
import inventory from '../../plugins/auth/inventory.ts';
import errors from '../../plugins/errors/index.ts';
import type { CatalogueModel, DescribedModel } from '../../plugins/router/types.ts';
import { ratesFromConfig } from '../../plugins/usage/money.ts';
import { adminConfigRoutes, type ConfigSnapshot } from '../../routes/admin/config.ts';
import { adminModelRoutes } from '../../routes/admin/models.ts';
import { managementRootRoutes } from '../../routes/admin/root.ts';
import type { PriceOf } from '../../routes/model-detail.ts';
import type { Config } from '../../schemas/config.ts';
import { whenDone } from '../helper/cleanup.ts';
import { targetHealth } from '../plugins/router/target-health.ts';
import { provider, target } from '../plugins/router/targets.ts';

const adminApiKey = 'admin-key-0123456789abcdef';
const good = { authorization: `Bearer ${adminApiKey}` };

const config = {
  data_dir: './data',
  keys: { alice: { secret: 'canary-secret-0123456789' } },
  providers: {},
  models: {
    smart: {
      strategy: 'priority',
      targets: [
        { provider: 'up', model: 'm1', weight: 3 },
        { provider: 'up', model: 'm2', dimensions: 8 },
      ],
      fallbacks: ['cheap'],
    },
    cheap: { targets: [{ provider: 'up', model: 'm3' }] },
  },
} as unknown as Config;

const snapshot: ConfigSnapshot = {
  config,
  version: 'abc123',
  loadedAt: 1_700_000_000_999,
  files: ['config/default.yaml'],
  origins: { data_dir: 'config/default.yaml:4' },
};

const models: CatalogueModel[] = [
  { id: 'smart', created: 0, ownedBy: 'postern', source: 'configured' },
  { id: 'cheap', created: 0, ownedBy: 'postern', source: 'configured' },
  { id: 'up/m1', created: 1_600_000_000, ownedBy: 'up', source: 'upstream', contextWindow: 128_000 },
];

const up = provider('up');
const described: Readonly<Record<string, DescribedModel>> = {
  smart: { ...models[0]!, contextWindow: 64_000, tools: true, targets: [target('m1', 3, up), target('m2', 1, up)] },
  'up/m1': { ...models[2]!, input: ['text', 'image'], sampling: false, targets: [target('m1', 1, up)] },
};
const router = { models: () => models, model: (id: string) => described[id] ?? null, health: () => [healthy] };
/** Known of one target only. */
const priceOf: PriceOf = ({ model }) =>
  model === 'm1' ? { rates: ratesFromConfig({ input: 0.075, output: 2 }), source: 'config', version: 'abc123' } : null;
const m1Prices = { input: 0.075, output: 2, source: 'config', version: 'abc123' };

const healthy = targetHealth('up/m1', {
  breaker: 'open',
  unavailableUntil: 1_700_000_000_001,
  exclusion: 'breaker',
  consecutiveFailures: 5,
  inFlight: 1,
  lastFailure: { reason: 'connect', at: 1_700_000_000_000 },
});

async function build(): Promise<FastifyInstance> {
  // As the management listener validates: nothing is coerced.
  const app = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } });
  whenDone(() => app.close());
  await app.register(inventory);
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(admin, { adminApiKey, failedAttempts: { max: 5, window: 60_000 } });
  await app.register(managementRootRoutes, { version: '1.2.3', apiUrl: () => 'http://127.0.0.1:4000/v1' });
  await app.register(adminConfigRoutes, { snapshot: () => snapshot });
  await app.register(adminModelRoutes, { router, config: () => config, priceOf });
  return app;
}

const get = async (url: string, headers: Record<string, string> = good) => (await build()).inject({ url, headers });

test.each(['/admin/v1/config', '/admin/v1/models'])('security 9: %s needs the admin key', async (url) => {
  expect((await get(url, {})).statusCode).toBe(401);
});

test('config is the effective one, redacted, with its version and origins', async () => {
  const reply = await get('/admin/v1/config');
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toMatchObject({
    version: 'abc123',
    loaded_at: 1_700_000_000,
    files: ['config/default.yaml'],
    data: { data_dir: './data', keys: { alice: { secret: { set: true } } }, models: { smart: { strategy: 'priority' } } },
    origins: { data_dir: 'config/default.yaml:4' },
  });
});

test('security 36: config shows no secret', async () => {
  expect((await get('/admin/v1/config')).body).not.toContain('canary');
});

test('config has its version as ETag and is not stored', async () => {
  const { headers } = await get('/admin/v1/config');
  expect(headers.etag).toBe('"abc123"');
  expect(headers['cache-control']).toBe('no-store');
});

test.each(['"abc123"', 'W/"abc123"', '"old", "abc123"', '*'])(
  'config answers 304 without a body to If-None-Match: %s',
  async (tag) => {
    const reply = await get('/admin/v1/config', { ...good, 'if-none-match': tag });
    expect(reply.statusCode).toBe(304);
    expect(reply.body).toBe('');
    expect(reply.headers.etag).toBe('"abc123"');
  },
);

test('config answers 200 to the ETag of an older version', async () => {
  expect((await get('/admin/v1/config', { ...good, 'if-none-match': '"old"' })).statusCode).toBe(200);
});

test('models lists configured ones with strategy, fallbacks, targets and their health', async () => {
  const { data } = (await get('/admin/v1/models')).json() as { data: { id: string }[] };
  expect(data.find((model) => model.id === 'smart')).toEqual({
    id: 'smart',
    source: 'configured',
    owned_by: 'postern',
    created_at: null,
    context_window: 64_000,
    capabilities: { tools: true },
    strategy: 'priority',
    fallbacks: ['cheap'],
    targets: [
      {
        provider: 'up',
        model: 'm1',
        weight: 3,
        dimensions: null,
        prices: m1Prices,
        health: {
          target: 'up/m1',
          model: 'm1',
          status: 'unavailable',
          breaker: 'open',
          unavailable_until: 1_700_000_001,
          unavailable_because: 'breaker',
          consecutive_failures: 5,
          latency_seconds: null,
          uptime: null,
          cache_share: null,
          in_flight: 1,
          limit: null,
          share: 1,
          parked_keys: [],
          last_failure: { reason: 'connect', at: 1_700_000_000 },
        },
      },
      { provider: 'up', model: 'm2', weight: 1, dimensions: 8, prices: null, health: null },
    ],
  });
});

test('models shows the strategy in force where none is written', async () => {
  const { data } = (await get('/admin/v1/models')).json() as { data: { id: string; strategy: string }[] };
  expect(data.find((model) => model.id === 'cheap')!.strategy).toBe('weighted');
});

test('models lists what providers have without targets of its own', async () => {
  const { data } = (await get('/admin/v1/models')).json() as { data: { id: string }[] };
  expect(data.find((model) => model.id === 'up/m1')).toEqual({
    id: 'up/m1',
    source: 'upstream',
    owned_by: 'up',
    created_at: 1_600_000_000,
    context_window: 128_000,
    input_modalities: ['text', 'image'],
    capabilities: { sampling: false },
    prices: m1Prices,
    strategy: null,
    fallbacks: [],
    targets: [],
  });
});

test('models is paged by limit and next_cursor', async () => {
  const first = (await get('/admin/v1/models?limit=2')).json() as { data: { id: string }[]; next_cursor: string };
  expect(first.data.map((model) => model.id)).toEqual(['cheap', 'smart']);
  const second = (await get(`/admin/v1/models?limit=2&cursor=${first.next_cursor}`)).json();
  expect(second).toMatchObject({ data: [{ id: 'up/m1' }], next_cursor: null });
});

test.each([
  ['limit=0', 'limit'],
  ['limit=201', 'limit'],
  ['limit=many', 'limit'],
  ['cursor=garbage', 'cursor'],
  ['page=2', 'page'],
])('models?%s is 400 and names the parameter', async (query, param) => {
  const reply = await get(`/admin/v1/models?${query}`);
  expect(reply.statusCode).toBe(400);
  expect(reply.json()).toMatchObject({ error: { type: 'invalid_request_error', param } });
});

test('the root says what it is and lists its paths', async () => {
  const reply = await get('/', {});
  expect(reply.json()).toMatchObject({
    name: 'postern',
    version: '1.2.3',
    api: 'http://127.0.0.1:4000/v1',
    admin_api: 'on',
    paths: ['GET /', 'GET /admin/v1/config', 'GET /admin/v1/models'],
  });
});

test('the root lists no admin path while the admin API is off', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(inventory);
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(admin, { adminApiKey: undefined, failedAttempts: { max: 5, window: 60_000 } });
  await app.register(managementRootRoutes, { version: '1.2.3', apiUrl: () => 'http://127.0.0.1:4000/v1' });
  await app.register(adminModelRoutes, { router, config: () => config, priceOf });
  expect((await app.inject('/')).json()).toMatchObject({ admin_api: 'off', paths: ['GET /'] });
});

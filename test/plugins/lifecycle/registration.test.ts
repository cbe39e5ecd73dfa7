import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyPluginAsync } from 'fastify';
import { describe, expect, it } from 'vitest';
import accessLog from '../../../plugins/access-log.ts';
import admin from '../../../plugins/admin/index.ts';
import authGuard from '../../../plugins/auth/guard.ts';
import auth from '../../../plugins/auth/index.ts';
import inventory from '../../../plugins/auth/inventory.ts';
import body from '../../../plugins/body.ts';
import errors from '../../../plugins/errors/index.ts';
import exchange from '../../../plugins/exchange/index.ts';
import explain from '../../../plugins/explain/index.ts';
import httpRules from '../../../plugins/http-rules.ts';
import identity from '../../../plugins/identity/index.ts';
import lifecycle from '../../../plugins/lifecycle/index.ts';
import limits from '../../../plugins/limits/index.ts';
import metrics from '../../../plugins/metrics/index.ts';
import prefixes from '../../../plugins/prefixes/index.ts';
import probes from '../../../plugins/probes/index.ts';
import records from '../../../plugins/records/index.ts';
import relay from '../../../plugins/relay/index.ts';
import router from '../../../plugins/router/index.ts';
import signatures from '../../../plugins/signatures/index.ts';
import upstream from '../../../plugins/upstream/index.ts';
import usage from '../../../plugins/usage/index.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { identityOf } from '../../helper/identity.ts';
import { healthOptions } from '../router/targets.ts';

interface Entry {
  readonly plugin: unknown;
  readonly options: () => object;
  readonly dependencies: readonly string[];
  /** What it adds to the instance and to each request. */
  readonly instance: readonly string[];
  readonly request: readonly string[];
}

const failedAttempts = { max: 1, window: 1_000 };
const config = {
  providers: {},
  models: {},
  health: healthOptions,
  retries: { max_attempts: 1, backoff: 1, budget: { ratio: 0, min_per_second: 0, window: 1_000 } },
} as unknown as Config;

function dataDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-plugins-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function entry(
  plugin: unknown,
  dependencies: readonly string[],
  adds: Partial<Pick<Entry, 'instance' | 'request'>>,
  options: () => object = () => ({}),
): Entry {
  return { plugin, dependencies, options, instance: adds.instance ?? [], request: adds.request ?? [] };
}

const plugins: Readonly<Record<string, Entry>> = {
  inventory: entry(inventory, [], { instance: ['inventory'] }),
  errors: entry(errors, [], {}, () => ({ notFound: () => 'not here' })),
  exchange: entry(exchange, [], { instance: ['exchanges'], request: ['exchange'] }, () => ({ config: () => config })),
  'http-rules': entry(httpRules, ['errors'], {}),
  lifecycle: entry(lifecycle, ['errors', 'exchange'], { instance: ['lifecycle'] }, () => ({
    maxInFlight: 10,
    overload: { unready_above: 0, shed_above: 0, target: 0 },
  })),
  records: entry(records, [], { instance: ['records'] }, () => ({ dataDir: dataDir() })),
  identity: entry(identity, ['records'], { instance: ['identity'] }, () => ({ config: { ...config, keys: {}, teams: {} } })),
  auth: entry(auth, ['@fastify/rate-limit'], { instance: ['auth'] }, () => ({
    mode: 'none',
    keyless: 'explicit',
    identity: identityOf({}),
    failedAttempts,
  })),
  'auth-guard': entry(authGuard, ['auth', 'exchange'], {}),
  body: entry(body, ['errors', 'exchange'], { request: ['callBody'] }, () => ({ limit: 1_000, inFlightLimit: 1_000 })),
  usage: entry(usage, [], { instance: ['usage'] }, () => ({ dataDir: dataDir(), fsync: 'normal', prices: {}, version: 'c1' })),
  limits: entry(limits, ['exchange', 'usage'], { instance: ['limits'] }, () => ({
    config: {
      limits: { algorithm: 'sliding_window', global: {}, per_ip: {}, models: {}, assumed_output_tokens: 100 },
      budgets: { global: [], alert_at: [] },
      alerts: { webhooks: [], timeout: 1_000 },
    },
  })),
  upstream: entry(upstream, [], { instance: ['upstream'] }, () => ({ connectTimeout: () => 1_000 })),
  router: entry(router, ['upstream'], { instance: ['router'] }, () => ({ config, builtin: () => [] })),
  metrics: entry(metrics, [], { instance: ['metrics'] }, () => ({
    version: '0',
    config: () => config,
    targets: () => [],
    ledgerReady: () => true,
  })),
  'access-log': entry(accessLog, ['exchange'], {}),
  explain: entry(explain, ['exchange', 'usage', 'router'], { instance: ['explain'] }, () => ({
    config,
    keep: true,
    log: false,
    configVersion: 'c1',
    ratesOf: () => null,
  })),
  signatures: entry(signatures, [], { instance: ['signatures'] }, () => ({ dataDir: dataDir() })),
  prefixes: entry(prefixes, ['upstream', 'usage', 'router'], { instance: ['prefixes'] }, () => ({ configVersion: 'c1' })),
  probes: entry(probes, ['router', 'upstream', 'usage'], { instance: ['probes'] }, () => ({ config, configVersion: 'c1' })),
  relay: entry(
    relay,
    ['exchange', 'router', 'upstream', 'usage', 'limits', 'auth', 'signatures', 'prefixes'],
    { instance: ['relay'] },
    () => ({
      configVersion: 'c1',
      keepReplyHeaders: false,
    }),
  ),
  admin: entry(admin, ['errors', '@fastify/rate-limit'], { instance: ['admin'], request: ['adminScope', 'auditTarget'] }, () => ({
    adminApiKey: undefined,
    failedAttempts,
  })),
  '@fastify/rate-limit': entry(rateLimit, [], { instance: ['createRateLimit'] }, () => ({ global: false })),
};

const register = (app: FastifyInstance, name: string) =>
  app.register(plugins[name]!.plugin as FastifyPluginAsync, plugins[name]!.options());

/** Registers what a plugin needs, and what that needs, each once. */
async function registerDependencies(app: FastifyInstance, name: string, done = new Set<string>()): Promise<void> {
  for (const dependency of plugins[name]!.dependencies) {
    if (done.has(dependency)) continue;
    done.add(dependency);
    await registerDependencies(app, dependency, done);
    await register(app, dependency);
  }
}

function bare(): FastifyInstance {
  const app = Fastify();
  whenDone(() => app.close());
  return app;
}

/** Names on the instance now, and on a request once the instance is complete. */
const namesOf = (app: FastifyInstance) => new Set(Object.getOwnPropertyNames(app));

async function requestNames(app: FastifyInstance): Promise<Set<string>> {
  let names: string[] = [];
  app.get('/probe', { config: { auth: 'public' } }, async (request) => {
    names = Object.getOwnPropertyNames(request);
    for (let from = Object.getPrototypeOf(request); from !== Object.prototype; from = Object.getPrototypeOf(from)) {
      names.push(...Object.getOwnPropertyNames(from));
    }
    return {};
  });
  await app.inject('/probe');
  return new Set(names);
}

const added = (before: Set<string>, after: Set<string>) => [...after].filter((name) => !before.has(name)).sort();

const own = Object.keys(plugins).filter((name) => !name.startsWith('@'));

describe('every plugin', () => {
  it.each(own)('%s registers alone with its declared dependencies and adds exactly the decorators it names', async (name) => {
    const { plugin, dependencies, instance, request } = plugins[name]!;
    const meta = (plugin as Record<symbol, { name: string; dependencies?: string[] }>)[Symbol.for('plugin-meta')]!;
    expect([meta.name, meta.dependencies ?? []]).toEqual([name, dependencies]);

    const [without, app] = [bare(), bare()];
    await registerDependencies(without, name);
    await registerDependencies(app, name);
    const before = namesOf(app);
    await register(app, name);
    expect(added(before, namesOf(app))).toEqual([...instance].sort());
    expect(added(await requestNames(without), await requestNames(app))).toEqual([...request].sort());
  });

  it.each(own.flatMap((name) => plugins[name]!.dependencies.map((dependency) => [name, dependency] as const)))(
    '%s refuses to register without %s',
    async (name, missing) => {
      const app = bare();
      const done = new Set([missing]);
      for (const dependency of plugins[name]!.dependencies) {
        if (done.has(dependency) || plugins[dependency]!.dependencies.includes(missing)) continue;
        done.add(dependency);
        await registerDependencies(app, dependency, done);
        await register(app, dependency);
      }
      register(app, name);
      await expect(app.ready()).rejects.toThrow(/dependency/);
    },
  );

  it.each(own.filter((name) => plugins[name]!.instance.length > 0))('%s cannot be registered twice', async (name) => {
    const app = bare();
    await registerDependencies(app, name);
    await register(app, name);
    await expect(Promise.resolve(register(app, name)).then(() => app.ready())).rejects.toThrow();
  });
});

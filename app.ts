// Over 300 lines: the two ordered lists, of the API and of the management listener, are one map.

import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import sensible from '@fastify/sensible';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { parseListen } from './config/listen.ts';
import type { LoadedConfig } from './config/load.ts';
import accessLog from './plugins/access-log.ts';
import admin from './plugins/admin/index.ts';
import authGuard from './plugins/auth/guard.ts';
import hostGuard from './plugins/auth/host-guard.ts';
import auth from './plugins/auth/index.ts';
import inventory from './plugins/auth/inventory.ts';
import body from './plugins/body.ts';
import errors from './plugins/errors/index.ts';
import exchange from './plugins/exchange/index.ts';
import explain from './plugins/explain/index.ts';
import httpRules from './plugins/http-rules.ts';
import { apiServerOptions, managementServerOptions } from './plugins/http-server.ts';
import idempotency from './plugins/idempotency.ts';
import identity from './plugins/identity/index.ts';
import { readiness, shared } from './plugins/lifecycle/checks.ts';
import { drain } from './plugins/lifecycle/drain.ts';
import lifecycle from './plugins/lifecycle/index.ts';
import { openListener } from './plugins/lifecycle/listen.ts';
import limits from './plugins/limits/index.ts';
import { RedisStore } from './plugins/limits/redis-store.ts';
import { createLogger } from './plugins/logger.ts';
import metrics from './plugins/metrics/index.ts';
import openapi, { mergedDocument } from './plugins/openapi.ts';
import prefixes from './plugins/prefixes/index.ts';
import probes from './plugins/probes/index.ts';
import records from './plugins/records/index.ts';
import providerKeys from './plugins/records/provider-keys.ts';
import relay from './plugins/relay/index.ts';
import router from './plugins/router/index.ts';
import signatures from './plugins/signatures/index.ts';
import upstream from './plugins/upstream/index.ts';
import fleet from './plugins/usage/fleet/index.ts';
import usage from './plugins/usage/index.ts';
import { builtinModels } from './plugins/usage/models.ts';
import { version } from './plugins/version.ts';
import { adminAdminKeyRoutes } from './routes/admin/admin-keys.ts';
import { adminAttemptRoutes } from './routes/admin/attempts.ts';
import { adminConfigRoutes } from './routes/admin/config.ts';
import { adminExchangeRoutes } from './routes/admin/exchanges.ts';
import { adminExplainRoutes } from './routes/admin/explain.ts';
import { adminKeyRoutes } from './routes/admin/keys.ts';
import { adminModelRoutes } from './routes/admin/models.ts';
import { adminPrefixRoutes } from './routes/admin/prefixes.ts';
import { adminProviderKeyRoutes } from './routes/admin/provider-keys.ts';
import { managementRootRoutes } from './routes/admin/root.ts';
import { adminTeamRoutes } from './routes/admin/teams.ts';
import { adminUsageRoutes } from './routes/admin/usage.ts';
import { docsRoutes } from './routes/docs.ts';
import { healthRoutes, probeRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { rootRoute } from './routes/root.ts';
import { chatCompletionsRoute } from './routes/v1/chat-completions.ts';
import { embeddingsRoute } from './routes/v1/embeddings.ts';
import { modelsRoutes } from './routes/v1/models.ts';
import { responsesRoute } from './routes/v1/responses.ts';
import { usageRoute } from './routes/v1/usage.ts';

interface Parts {
  readonly loaded: LoadedConfig;
  readonly logger: FastifyBaseLogger;
  /** Changes with the configuration. */
  readonly configVersion: string;
  /** Base URLs of the listeners, for messages and documents; the real ones once they listen. */
  readonly urls: () => { readonly api: string; readonly management: string };
  readonly random?: (() => number) | undefined;
}

/** The API listener: the way of a request, in order. */
async function buildApi(options: Parts): Promise<FastifyInstance> {
  const { loaded, configVersion, random } = options;
  const { config } = loaded;
  const app = Fastify(apiServerOptions(config, options.logger));

  // 0 every route says who may call it; every failure has one form
  await app.register(inventory);
  await app.register(errors, {
    random,
    notFound: (request) =>
      `Nothing is at ${request.method} ${request.url.split('?', 1)[0]!.slice(0, 200)}; the API is below ${options.urls().api}/v1.`,
  });
  await app.register(openapi, { version });

  // 1 exchange: ids, clocks, cancellation, one settle
  await app.register(exchange, { config: () => config });
  await app.register(httpRules);
  await app.register(lifecycle, { maxInFlight: config.server.max_in_flight, overload: config.server.overload, random });
  // Strict, an OPTIONS that is no preflight is answered in plain text instead of the envelope.
  if (config.server.cors.origins.length > 0)
    await app.register(cors, { origin: [...config.server.cors.origins], strictPreflight: false });

  // 2 what is kept: the ledger with its prices, which owns the data directory; what replicas share; documents of the admin API
  await app.register(usage, {
    dataDir: config.data_dir,
    fsync: config.ledger.fsync,
    retentionDays: config.ledger.retention_days,
    fleet: config.redis_url !== undefined,
    prices: config.prices,
    version: configVersion,
  });
  if (config.redis_url !== undefined)
    await app.register(import('./plugins/redis/index.ts'), { url: config.redis_url, prefix: config.redis_prefix });
  await app.register(records, {
    dataDir: config.data_dir,
    encryptionKey: config.encryption_key,
    previousEncryptionKeys: config.previous_encryption_keys,
    redisPrefix: config.redis_prefix,
  });

  // 3 auth: key -> principal
  await app.register(rateLimit, { global: false });
  await app.register(identity, { config, markedIn: config.redis_url === undefined ? undefined : config.data_dir });
  // Keys of the admin API are asked for, too; and once there were some, no door opens because none is left.
  const mode = loaded.keyless === 'derived' && app.identity.everMade ? 'gateway' : (config.auth.mode ?? 'gateway');
  await app.register(auth, {
    mode,
    keyless: mode === 'none' ? loaded.keyless : null,
    identity: app.identity,
    clientId: app.identity.clientId,
    failedAttempts: config.auth.failed_attempts,
  });
  await app.register(authGuard);

  // 4 validate: bytes -> checked JSON
  await app.register(body, { limit: config.server.body_limit, inFlightLimit: config.server.bodies_in_flight });
  await app.register(idempotency);

  // 5 limits: how much who may use
  await app.register(limits, {
    config,
    salt: config.encryption_key,
    ...(config.redis_url === undefined ? {} : { store: sharedLimits(app) }),
  });

  // With several replicas their rows are exchanged
  if (config.redis_url !== undefined) {
    await app.register(fleet, { redisUrl: config.redis_url, prefix: config.redis_prefix, dataDir: config.data_dir });
  }

  // 6 router: model -> targets; every provider type registers into it
  await app.register(upstream, { connectTimeout: (provider) => provider.config.timeouts?.connect ?? config.timeouts.connect });
  await app.register(router, {
    config,
    builtin: await builtinModels(app.usage, loaded.types, config),
    ratesOf: (target) => app.usage.price(target)?.rates ?? null,
    random,
  });
  for (const type of loaded.types) app.router.register(type);
  await app.register(providerKeys);

  // 7 metrics, the access log and the record of decisions hear of what has settled
  await app.register(metrics, {
    version,
    config: () => config,
    targets: () => app.router.health(),
    ledgerReady: () => app.usage.ready(),
    onEventLoop: app.lifecycle.eventLoop,
    shed: () => ({ ...app.lifecycle.shed, queue: app.router.waiting.refused }),
    queue: app.router.waiting,
    limits: () => app.limits.counts(),
    prefixes: () => app.prefixes.counts(),
    probes: () => app.probes.counts(),
    fleet: config.redis_url === undefined ? undefined : app.fleet,
    beside: () => app.relay.counts(),
    redis: config.redis_url === undefined ? undefined : () => app.redisLink.hot,
    providerKeys: () => [...app.router.providers.values()].map((each) => ({ provider: each.name, ...app.router.keys(each) })),
  });
  app.exchanges.onOpened(app.metrics.started);
  app.exchanges.onSettled(app.metrics.exchangeSettled);
  if (config.logging.access) await app.register(accessLog);
  await app.register(explain, {
    config,
    keep: config.ledger.decisions,
    log: config.logging.decisions,
    configVersion,
    ratesOf: (target) => app.usage.price(target)?.rates ?? null,
  });

  // 8 what outlives a call: signatures that the next turn needs, prompt prefixes that upstreams keep
  await app.register(signatures, {
    dataDir: config.data_dir,
    encryptionKey: config.encryption_key,
    previousEncryptionKeys: config.previous_encryption_keys,
  });
  await app.register(prefixes, { configVersion, onSpent: app.metrics.spent });

  // 9 probes: nobody waits for them
  await app.register(probes, { config, configVersion, onSpent: app.metrics.spent, ...(random === undefined ? {} : { random }) });

  // 10 attempts and relay: ask targets until one answers, pass its answer on, settle
  await app.register(relay, {
    configVersion,
    hedge: config.retries.hedge,
    busy: () => app.lifecycle.overload.unready || app.lifecycle.overload.admitted < 1,
    onSpent: app.metrics.spent,
    keepReplyHeaders: config.server.cors.origins.length > 0,
    random,
    explain: app.explain.text,
    onAttempt: (provider, outcome, reason) => app.metrics.attemptSettled({ provider, outcome, reason }),
  });

  await app.register(rootRoute, { version });
  await app.register(probeRoutes, { checks: readiness(app), shared: shared(app) });
  await app.register(chatCompletionsRoute);
  await app.register(embeddingsRoute);
  await app.register(responsesRoute);
  await app.register(modelsRoutes);
  await app.register(usageRoute);
  return app;
}

/** The management listener: what operators and their tools ask. */
async function buildManagement(api: FastifyInstance, options: Parts): Promise<FastifyInstance> {
  const { loaded, configVersion } = options;
  const { config } = loaded;
  const app = Fastify(managementServerOptions(config, options.logger));
  const snapshot = {
    config,
    version: configVersion,
    loadedAt: Date.now(),
    files: loaded.files,
    origins: Object.fromEntries(loaded.origins),
  };

  await app.register(inventory);
  await app.register(errors, {
    notFound: () => `This is the management listener: GET / lists what is here. The API is at ${options.urls().api}/v1.`,
  });
  await app.register(sensible);
  await app.register(httpRules);
  await app.register(hostGuard, { address: parseListen(config.management.listen) });
  await app.register(openapi, { version });
  await app.register(rateLimit, { global: false });
  await app.register(admin, {
    adminApiKey: config.management.admin_api_key,
    failedAttempts: config.management.failed_attempts,
    find: api.identity.findAdmin,
    problem: api.identity.problem,
  });

  await app.register(managementRootRoutes, { version, apiUrl: () => `${options.urls().api}/v1` });
  await app.register(probeRoutes, { checks: readiness(api), shared: shared(api) });
  await app.register(healthRoutes, {
    checks: readiness(api),
    shared: shared(api),
    version,
    router: api.router,
    records: () => api.records.counts,
    eventLoopDelay: api.metrics.eventLoopDelay,
  });
  await app.register(metricsRoutes, { metrics: api.metrics });
  await app.register(docsRoutes, { document: () => mergedDocument(api, app, options.urls()) });
  await app.register(adminConfigRoutes, { snapshot: () => snapshot });
  await app.register(adminModelRoutes, {
    router: api.router,
    config: () => config,
    priceOf: (target) => api.usage.price(target),
  });
  await app.register(adminExchangeRoutes, { explain: api.explain });
  await app.register(adminAttemptRoutes, { usage: api.usage });
  await app.register(adminUsageRoutes, { usage: api.usage });
  await app.register(adminExplainRoutes, { explain: api.explain, identity: api.identity, config: () => config });
  await app.register(adminPrefixRoutes, { prefixes: api.prefixes, router: api.router });
  await app.register(adminKeyRoutes, {
    identity: api.identity,
    standing: api.limits.standing,
    askedFor: api.auth.mode === 'gateway' || api.auth.mode === 'hybrid',
  });
  await app.register(adminTeamRoutes, { identity: api.identity, standing: api.limits.standing });
  await app.register(adminAdminKeyRoutes, { identity: api.identity });
  await app.register(adminProviderKeyRoutes, { providerKeys: api.providerKeys });
  return app;
}

/** Counters of all replicas; `app` has Redis. */
const sharedLimits = (app: FastifyInstance): RedisStore =>
  new RedisStore({ link: app.redisLink.hot, tag: app.redisLink.tag, replica: app.usage.replica, waitForSums: true });

export interface GatewayOptions {
  /** Where log lines go; default: standard output. */
  readonly logger?: Writable;
  /** Numbers in [0, 1), for tests. */
  readonly random?: () => number;
}

/** Both listeners of one process. */
export interface Gateway {
  readonly api: FastifyInstance;
  readonly management: FastifyInstance;
  readonly log: FastifyBaseLogger;
  /** Opens both; resolves with their base URLs (`http://host:port`). Rejects with `ListenError`. */
  listen(): Promise<{ readonly api: string; readonly management: string }>;
  /** Finishes what is under way, by the configured shutdown times, then closes. */
  drain(): Promise<void>;
  /** Closes at once; streams under way are cut. */
  close(): Promise<void>;
}

/** Composes a gateway from a configuration; nothing listens yet, the data directory is taken. */
export async function buildGateway(loaded: LoadedConfig, options: GatewayOptions = {}): Promise<Gateway> {
  const { config } = loaded;
  const log = await createLogger(config.logging, options.logger);
  const configVersion = createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 12);
  let urls = { api: config.server.listen, management: config.management.listen };
  const parts: Parts = { loaded, logger: log, configVersion, urls: () => urls, random: options.random };
  const api = await buildApi(parts);
  const management = await buildManagement(api, parts);
  const close = async (): Promise<void> => {
    // Both to the end, whatever one of them meets: what is still open writes to the data directory.
    const ended = await Promise.allSettled([api.close(), management.close()]);
    for (const each of ended) if (each.status === 'rejected') throw each.reason;
  };
  return {
    api,
    management,
    log,
    close,
    async listen() {
      try {
        const managementUrl = await openListener(management, config.management.listen, 'MANAGEMENT_LISTEN');
        const apiUrl = await openListener(api, config.server.listen, 'LISTEN');
        urls = { api: apiUrl, management: managementUrl };
        return urls;
      } catch (error) {
        await close();
        throw error;
      }
    },
    async drain() {
      await drain(api, config.server.shutdown.delay, config.server.shutdown.timeout);
      await close();
    },
  };
}

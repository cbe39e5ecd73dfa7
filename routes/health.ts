import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '@sinclair/typebox';
import type { Checks } from '../plugins/lifecycle/checks.ts';
import type { EventLoopDelay } from '../plugins/metrics/event-loop.ts';
import type { RecordCounts } from '../plugins/records/index.ts';
import type { ParkedUntil, ProviderKeys, Router, TargetHealth } from '../plugins/router/types.ts';
import {
  type ChecksSchema,
  type DocumentsSchema,
  HealthSchema,
  LivezSchema,
  type ParkedKeySchema,
  ProvidersHealthSchema,
  ReadyzSchema,
  type TargetHealthSchema,
} from '../schemas/health.ts';

export interface ProbeOptions {
  readonly checks: Checks;
  /** What is shown with the checks and makes degraded only: every replica fails it at once, so taking them out would help nobody. */
  readonly shared?: Checks;
}

export interface HealthOptions extends ProbeOptions {
  readonly version: string;
  readonly router: Pick<Router, 'providers' | 'health' | 'keys'>;
  readonly records?: () => RecordCounts;
  /** Seconds, over the last full window. */
  readonly eventLoopDelay: () => EventLoopDelay;
}

type CheckResults = Static<typeof ChecksSchema>;
type Level = 'ok' | 'degraded' | 'unavailable';

function run(checks: Checks): { results: CheckResults; failing: string[] } {
  const results: CheckResults = {};
  const failing: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const result = check();
    results[name] = result === true ? { ok: true } : { ok: false, reason: result };
    if (result !== true) failing.push(name);
  }
  return { results, failing };
}

const isOut = (health: TargetHealth): boolean => health.breaker === 'open' || health.unavailableUntil !== null;

/** A target's health as the documents show it. Times in unix seconds: ends rounded up, past moments down. */
export function targetHealth(health: TargetHealth): Static<typeof TargetHealthSchema> {
  const { unavailableUntil: until, lastFailure: last } = health;
  return {
    target: health.target,
    model: health.model,
    status: isOut(health) ? 'unavailable' : 'ok',
    breaker: health.breaker,
    unavailable_until: until === null ? null : Math.ceil(until / 1000),
    unavailable_because: health.exclusion,
    consecutive_failures: health.consecutiveFailures,
    latency_seconds: rounded(health.latencyMs === null ? null : health.latencyMs / 1000),
    uptime: rounded(health.uptime),
    cache_share: rounded(health.cacheShare),
    in_flight: health.inFlight,
    limit: health.limit === null ? null : Math.floor(health.limit),
    share: rounded(health.share),
    parked_keys: health.parked.map(parkedKey),
    last_failure: last === null ? null : { reason: last.reason, at: Math.floor(last.at / 1000) },
  };
}

const rounded = <T extends number | null>(value: T): T => (value === null ? value : Math.round(value * 1000) / 1000) as T;

function documents({ documents: total, unreadable, underPreviousKeys }: RecordCounts): Static<typeof DocumentsSchema> {
  return { total, unreadable, under_previous_keys: underPreviousKeys };
}

function parkedKey({ id, reason, until }: ParkedUntil): Static<typeof ParkedKeySchema> {
  return { name: id, reason, until: Math.ceil(until / 1000) };
}

function providerStatus(targets: readonly TargetHealth[], { total, parked }: ProviderKeys): Level {
  const out = targets.filter(isOut).length;
  if (parked.length === total || (out > 0 && out === targets.length)) return 'unavailable';
  return out > 0 || parked.length > 0 ? 'degraded' : 'ok';
}

/** `GET /livez` and `GET /readyz`, on every listener. */
export const probeRoutes: FastifyPluginAsyncTypebox<ProbeOptions> = async (app, options) => {
  app.get(
    '/livez',
    {
      config: { auth: 'public' },
      schema: { summary: 'Liveness', tags: ['health'], response: { 200: LivezSchema } },
    },
    async (_request, reply) => {
      void reply.header('cache-control', 'no-store');
      return { status: 'ok' as const };
    },
  );

  app.get(
    '/readyz',
    {
      config: { auth: 'public' },
      schema: { summary: 'Readiness', tags: ['health'], response: { 200: ReadyzSchema, 503: ReadyzSchema } },
    },
    async (_request, reply) => {
      const { results, failing } = run(options.checks);
      const shared = run(options.shared ?? {});
      const ready = failing.length === 0;
      void reply.header('cache-control', 'no-store').code(ready ? 200 : 503);
      const status: Level = ready ? (shared.failing.length === 0 ? 'ok' : 'degraded') : 'unavailable';
      return { status, failing, checks: { ...results, ...shared.results } };
    },
  );
};

/** `GET /health` and `GET /health/providers`, on the management listener. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, options) => {
  app.get(
    '/health',
    {
      config: { auth: 'public' },
      schema: {
        summary: 'Health in short',
        description: '503 when a check fails. Providers that are down make it degraded only: a restart would not help.',
        tags: ['health'],
        response: { 200: HealthSchema, 503: HealthSchema },
      },
    },
    async (_request, reply) => {
      const { results, failing } = run(options.checks);
      const shared = run(options.shared ?? {});
      const targets = options.router.health();
      const unavailable = targets.filter(isOut).length;
      const degraded = unavailable > 0 || shared.failing.length > 0;
      const status: Level = failing.length > 0 ? 'unavailable' : degraded ? 'degraded' : 'ok';
      void reply.header('cache-control', 'no-store').code(status === 'unavailable' ? 503 : 200);
      return {
        status,
        version: options.version,
        uptime_seconds: Math.floor(process.uptime()),
        checks: { ...results, ...shared.results },
        targets: { total: targets.length, unavailable },
        ...(options.records === undefined ? {} : { records: documents(options.records()) }),
        event_loop_delay_seconds: options.eventLoopDelay(),
      };
    },
  );

  app.get(
    '/health/providers',
    {
      config: { auth: 'public' },
      schema: { summary: 'Health of the providers', tags: ['health'], response: { 200: ProvidersHealthSchema } },
    },
    async (_request, reply) => {
      const byProvider = Map.groupBy(options.router.health(), (target) => target.provider);
      void reply.header('cache-control', 'no-store');
      return {
        data: [...options.router.providers.values()].map((provider) => {
          const targets = byProvider.get(provider.name) ?? [];
          const keys = options.router.keys(provider);
          return {
            name: provider.name,
            type: provider.type.type,
            origin: provider.origin === '' ? null : provider.origin,
            status: providerStatus(targets, keys),
            keys: { total: keys.total, parked: keys.parked.map(parkedKey) },
            targets: targets.map(targetHealth),
          };
        }),
      };
    },
  );
};

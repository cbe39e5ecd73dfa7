import type { FastifyInstance } from 'fastify';

/** A named condition: true, or why not. Cheap and synchronous: probes come every second. */
export type Checks = Readonly<Record<string, () => true | string>>;

/** What this process needs to be sent calls. */
export const readiness = (api: FastifyInstance): Checks => ({
  draining: () => (api.lifecycle.draining ? 'the process is shutting down' : true),
  ledger: () => (api.usage.ready() ? true : 'the usage ledger cannot be written'),
  event_loop: () => (api.lifecycle.overload.unready ? 'the process is too busy to answer in time' : true),
});

/** What is away for every replica at once: none of them is taken out for it. */
export const shared = (api: FastifyInstance): Checks => ({
  records: () => api.records.problem() ?? true,
  ...(api.hasDecorator('redisLink')
    ? {
        redis: () => api.redisLink.hot.problem() ?? true,
        limits: () => api.limits.store.problem() ?? true,
        fleet_usage: () => api.fleet.problem() ?? true,
      }
    : {}),
});

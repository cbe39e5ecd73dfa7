import fp from 'fastify-plugin';
import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import type { Config } from '../../schemas/config.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { LimitCounts } from '../limits/contract.ts';
import type { PrefixCounts } from '../prefixes/contract.ts';
import type { ProbeCounts } from '../probes/index.ts';
import type { RedisSample } from '../redis/health.ts';
import type { TargetHealth } from '../router/types.ts';
import type { SettledCost } from '../usage/contract.ts';
import type { Fleet } from '../usage/fleet/index.ts';
import { besideSeries } from './beside.ts';
import { type EventLoopDelay, type EventLoopListener, EventLoopMonitor } from './event-loop.ts';
import { type AttemptResult, ExchangeSeries } from './exchanges.ts';
import { fleetSeries } from './fleet.ts';
import { gauge } from './gauge.ts';
import { limitSeries } from './limits.ts';
import { prefixSeries } from './prefixes.ts';
import { keySeries, type ProviderKeysSample, probeSeries } from './providers.ts';
import { type QueueSource, queueSeries } from './queue.ts';
import { redisSeries } from './redis.ts';
import { configuredTargets, targetSamples, targetSeries } from './targets.ts';

export type { EventLoopDelay } from './event-loop.ts';
export type { AttemptResult } from './exchanges.ts';

export interface MetricsOptions {
  readonly version: string;
  readonly config: () => Config;
  /** Health of every target, read when scraped. */
  readonly targets: () => readonly TargetHealth[];
  /** The ledger takes rows, read when scraped. */
  readonly ledgerReady: () => boolean;
  readonly onEventLoop?: EventLoopListener;
  /** Calls that were not taken, by reason, read when scraped. */
  readonly shed?: () => Readonly<Record<string, number>>;
  /** Calls that wait for a target at its limit. */
  readonly queue?: QueueSource;
  /** Of rate limits and budgets, read when scraped. */
  readonly limits?: () => LimitCounts;
  /** Of prompt prefixes that upstreams keep, read when scraped. */
  readonly prefixes?: () => readonly PrefixCounts[];
  /** API keys of each provider, read when scraped. */
  readonly providerKeys?: () => readonly ProviderKeysSample[];
  /** Of the usage that replicas exchange. */
  readonly fleet?: Pick<Fleet, 'status' | 'lag'> | undefined;
  /** Of the providers that are probed, read when scraped. */
  readonly probes?: () => readonly ProbeCounts[];
  /** Of Redis, where there is one, read when scraped. */
  readonly redis?: (() => RedisSample) | undefined;
  /** Of hedges and of copies of calls, by outcome, read when scraped. */
  readonly beside?: () => {
    readonly hedges: Readonly<Record<string, number>>;
    readonly shadows: Readonly<Record<string, number>>;
  };
}

/** `fastify.metrics`. */
export interface Metrics {
  readonly registry: Registry;
  readonly contentType: string;
  /** Everything in the Prometheus text format 0.0.4. */
  render(): Promise<string>;
  /** An exchange was opened; `exchangeSettled` ends it. */
  started(): void;
  exchangeSettled(exchange: Exchange): void;
  attemptSettled(attempt: AttemptResult): void;
  /** What was used and cost beside any exchange: it has a row of its own in the ledger. */
  spent(provider: string, cost: SettledCost): void;
  /** Over the last full window of 15 s. */
  eventLoopDelay(): EventLoopDelay;
}

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Metrics;
  }
}

export default fp<MetricsOptions>(
  async (app, options) => {
    const registry = new Registry();
    const monitor = new EventLoopMonitor(options.onEventLoop);
    const exchanges = new ExchangeSeries(registry);
    let inFlight = 0;

    gauge(registry, 'postern_in_flight', 'Calls whose response has not closed or whose rows are not committed yet.', (set) =>
      set(inFlight),
    );
    gauge(registry, 'postern_ledger_ready', '1 while the ledger takes rows, else 0.', (set) =>
      set(options.ledgerReady() ? 1 : 0),
    );
    gauge(
      registry,
      'postern_build_info',
      'Always 1; the version is in the label.',
      (set) => set(1, { version: options.version }),
      ['version'],
    );
    gauge(
      registry,
      'postern_event_loop_delay_seconds',
      'Lateness of timers over the last full window of 15 s.',
      (set) => {
        for (const [quantile, value] of Object.entries(monitor.read())) set(value, { quantile });
      },
      ['quantile'],
    );
    const { shed } = options;
    if (shed !== undefined) {
      new Counter({
        name: 'postern_shed_total',
        help: 'Calls that were not taken, by reason.',
        labelNames: ['reason'],
        registers: [registry],
        collect() {
          this.reset();
          for (const [reason, count] of Object.entries(shed())) this.inc({ reason }, count);
        },
      });
    }
    if (options.queue !== undefined) queueSeries(registry, options.queue);
    if (options.fleet !== undefined) fleetSeries(registry, options.fleet);
    if (options.limits !== undefined) limitSeries(registry, options.limits);
    if (options.prefixes !== undefined) prefixSeries(registry, options.prefixes);
    const samples = () => targetSamples(options.targets(), configuredTargets(options.config()));
    targetSeries(registry, samples);
    if (options.providerKeys !== undefined) keySeries(registry, options.providerKeys);
    const { beside } = options;
    if (beside !== undefined)
      besideSeries(
        registry,
        () => beside().hedges,
        () => beside().shadows,
      );
    if (options.probes !== undefined) probeSeries(registry, options.probes);
    if (options.redis !== undefined) redisSeries(registry, options.redis);
    collectProcessMetrics(registry);

    app.decorate('metrics', {
      registry,
      contentType: registry.contentType,
      render: () => registry.metrics(),
      started() {
        inFlight++;
      },
      exchangeSettled(exchange) {
        inFlight--;
        exchanges.settled(exchange);
      },
      attemptSettled: (attempt) => exchanges.attempted(attempt),
      spent: (provider, cost) => exchanges.spent(provider, cost.quantities, cost.nanoUsd),
      eventLoopDelay: () => monitor.read(),
    } satisfies Metrics);
    app.addHook('onClose', async () => monitor.close());
  },
  { name: 'metrics', fastify: '5.x' },
);

/**
 * The `process_*` and `nodejs_*` metrics every Node dashboard knows; read when scraped (1 ms). Their event loop lag is left
 * out for our own: its sampler wakes the process 100 times a second and its window ends with every scrape.
 */
function collectProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 3_600_000 });
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_eventloop_lag')) registry.removeSingleMetric(name);
  }
}

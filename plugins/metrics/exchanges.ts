import type { Registry } from 'prom-client';
import type { Quantities } from '../../providers/unified.ts';
import type { Exchange, Outcome } from '../exchange/exchange.ts';
import { type CounterCell, counterFamily, type HistogramCell, histogramFamily, LabelMap } from './series.ts';

/** How one upstream send ended. */
export interface AttemptResult {
  readonly provider: string;
  /** `ok`, `failed` or `cancelled`. */
  readonly outcome: string;
  /** A failure or cancel reason; null when all went well. */
  readonly reason: string | null;
}

/** Distinct values per label. Names come from the configuration and from code, so these are far away; they are the guarantee. */
const limits = { operation: 32, provider: 256, status: 256, kind: 32, outcome: 8, reason: 64 };

const durations = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const overheads = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

interface CallSeries {
  readonly duration: HistogramCell;
  readonly firstContent: HistogramCell;
  readonly overhead: HistogramCell;
  readonly requests: Readonly<Record<Outcome, LabelMap<CounterCell>>>;
}

interface ProviderSeries {
  readonly quantities: LabelMap<CounterCell>;
  readonly costNano: CounterCell;
  readonly unpriced: CounterCell;
}

/** The series of exchanges and attempts, resolved once per combination of labels. */
export class ExchangeSeries {
  readonly #calls: LabelMap<LabelMap<CallSeries>>;
  readonly #providers: LabelMap<ProviderSeries>;
  readonly #attempts: LabelMap<LabelMap<LabelMap<CounterCell>>>;

  constructor(registry: Registry) {
    const requests = counterFamily({
      registry,
      name: 'postern_requests_total',
      help: 'Settled calls by operation, last provider, status the caller got (499: it left first) and outcome.',
      labelNames: ['operation', 'provider', 'status', 'outcome'],
    });
    const labelNames = ['operation', 'provider'];
    const duration = histogramFamily({
      registry,
      name: 'postern_request_duration_seconds',
      help: 'Request received until response closed.',
      labelNames,
      buckets: durations,
    });
    const firstContent = histogramFamily({
      registry,
      name: 'postern_time_to_first_content_seconds',
      help: 'Request received until the first model content.',
      labelNames,
      buckets: durations,
    });
    const overhead = histogramFamily({
      registry,
      name: 'postern_overhead_seconds',
      help: 'Part of the duration in which no upstream was awaited: the time this gateway adds.',
      labelNames,
      buckets: overheads,
    });
    const tokens = counterFamily({
      registry,
      name: 'postern_tokens_total',
      help: 'Used quantities by kind. Kinds overlap: cached is part of input, reasoning part of output.',
      labelNames: ['provider', 'kind'],
    });
    const cost = counterFamily({
      registry,
      name: 'postern_cost_usd_total',
      help: 'Cost of settled calls whose price is known, in USD.',
      labelNames: ['provider'],
      scale: 1e-9,
    });
    const unpriced = counterFamily({
      registry,
      name: 'postern_unpriced_total',
      help: 'Settled calls without a known price; they are missing from the cost.',
      labelNames: ['provider'],
    });
    const attempts = counterFamily({
      registry,
      name: 'postern_attempts_total',
      help: 'Upstream sends by outcome and reason.',
      labelNames: ['provider', 'outcome', 'reason'],
    });

    this.#calls = new LabelMap(limits.operation, (operation) => {
      return new LabelMap(limits.provider, (provider) => {
        const byStatus = (outcome: Outcome) =>
          new LabelMap(limits.status, (status) => requests({ operation, provider, status, outcome }));
        const labels = { operation, provider };
        return {
          duration: duration(labels),
          firstContent: firstContent(labels),
          overhead: overhead(labels),
          requests: { ok: byStatus('ok'), failed: byStatus('failed'), cancelled: byStatus('cancelled') },
        };
      });
    });
    this.#providers = new LabelMap(limits.provider, (provider) => ({
      quantities: new LabelMap(limits.kind, (kind) => tokens({ provider, kind })),
      costNano: cost({ provider }),
      unpriced: unpriced({ provider }),
    }));
    this.#attempts = new LabelMap(limits.provider, (provider) => {
      return new LabelMap(limits.outcome, (outcome) => {
        return new LabelMap(limits.reason, (reason) => attempts({ provider, outcome, reason }));
      });
    });
  }

  settled(exchange: Exchange): void {
    const provider = exchange.provider ?? 'none';
    const call = this.#calls.get(exchange.operation).get(provider);
    const elapsed = exchange.endedAt - exchange.startedAt;
    call.requests[exchange.outcome].get(String(exchange.status)).value++;
    call.duration.observe(elapsed / 1000);
    call.overhead.observe((elapsed - exchange.upstreamMs) / 1000);
    if (exchange.firstContentAt > 0) call.firstContent.observe((exchange.firstContentAt - exchange.startedAt) / 1000);
    if (exchange.attempts > 0) this.spent(provider, exchange.usage, exchange.costNano);
  }

  attempted({ provider, outcome, reason }: AttemptResult): void {
    this.#attempts
      .get(provider)
      .get(outcome)
      .get(reason ?? 'none').value++;
  }

  /** `nanoUsd`: null when the price is not known. */
  spent(provider: string, usage: Quantities | null, nanoUsd: number | null): void {
    const series = this.#providers.get(provider);
    for (const kind in usage) {
      const quantity = usage[kind]!;
      if (quantity > 0) series.quantities.get(kind).value += quantity;
    }
    if (nanoUsd === null) series.unpriced.value++;
    else series.costNano.value += nanoUsd;
  }
}

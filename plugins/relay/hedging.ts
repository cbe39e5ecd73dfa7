import type { HedgeConfig } from '../../schemas/config.ts';
import { type Candidate, RetryBudget, type Route } from '../router/index.ts';

/** Times to first content of a model that are remembered. */
const remembered = 256;
/** After this many new ones the percentile is found anew: sorting 256 numbers takes about 20 us. */
const refresh = 16;
/** The cap on extra requests holds over any time of this length. Milliseconds. */
const window = 60_000;
/** Models whose times are remembered; callers choose names. */
const rememberedModels = 1_000;

/** The latest times to first content of one model, milliseconds. */
class Times {
  readonly #latest: number[] = [];
  #next = 0;
  #since = 0;
  #found = 0;

  get size(): number {
    return this.#latest.length;
  }

  add(ms: number): void {
    this.#latest[this.#next] = ms;
    this.#next = (this.#next + 1) % remembered;
    this.#since++;
  }

  percentile(percent: number): number {
    if (this.#found === 0 || this.#since >= refresh) {
      const sorted = [...this.#latest].sort((a, b) => a - b);
      this.#found = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))]!;
      this.#since = 0;
    }
    return this.#found;
  }
}

/** Plain numbers since the start. */
export interface HedgeCounts {
  started: number;
  won: number;
  /** Not started because of the cap, and because too much was under way. */
  capped: number;
  busy: number;
}

/** What hedging needs of one model. */
interface ModelHedge {
  readonly settings: HedgeConfig;
  readonly times: Times;
  readonly budget: RetryBudget;
}

export interface HedgingOptions {
  readonly settings: HedgeConfig;
  /** Calls under way. */
  readonly inFlight: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** When a second target starts beside a slow one, and whether it may: by model, with a hard cap on extra requests. */
export class Hedging {
  readonly counts: HedgeCounts = { started: 0, won: 0, capped: 0, busy: 0 };
  readonly #options: HedgingOptions;
  readonly #models = new Map<string, ModelHedge>();

  constructor(options: HedgingOptions) {
    this.#options = options;
  }

  /** Milliseconds after which a second target may start; null when it is not to be. Counts the request. */
  delay(route: Route, candidate: Candidate): number | null {
    const model = this.#model(route);
    if (model === null) return null;
    model.budget.request();
    const { min_samples, min_delay, percentile } = model.settings;
    if (model.times.size < min_samples || route.groups.every(({ candidates }) => candidates.every((each) => each === candidate)))
      return null;
    return Math.max(min_delay, model.times.percentile(percentile));
  }

  /** Takes one extra request; false when that would be one too many. */
  take(route: Route): boolean {
    const model = this.#model(route);
    if (model === null) return false;
    if (this.#options.inFlight() > model.settings.max_in_flight) {
      this.counts.busy++;
      return false;
    }
    if (model.budget.take()) return true;
    this.counts.capped++;
    return false;
  }

  /** A call was answered, `ms` after its winning request was sent. */
  answered(route: Route, ms: number): void {
    this.#model(route)?.times.add(ms);
  }

  #model(route: Route): ModelHedge | null {
    const known = this.#models.get(route.model);
    if (known !== undefined) return known;
    const settings = { ...this.#options.settings, ...route.groups[0]?.config?.hedge };
    if (!settings.enabled || this.#models.size >= rememberedModels) return null;
    const budget = new RetryBudget({ ratio: settings.max_ratio, min_per_second: 0, window }, this.#options.now);
    const model = { settings, times: new Times(), budget };
    this.#models.set(route.model, model);
    return model;
  }
}

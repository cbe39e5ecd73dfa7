import type { HedgeConfig } from '../../schemas/config.ts';
import { type Candidate, RetryBudget, type Route, type TargetGroup } from '../router/index.ts';
import { type HedgeOwner, HedgeTimer } from './hedge-timer.ts';

/** Times to first content of a model that are remembered. */
const remembered = 256;
/** After this many new ones the percentile is found anew: sorting 256 numbers takes about 20 us. */
const refresh = 16;
/** The cap on extra requests holds over any time of this length. Milliseconds. */
const window = 60_000;

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
  /** Of those started, the ones that answered the caller, and the others. */
  won: number;
  lost: number;
  /** Not started because of the cap, and because too much was under way. */
  capped: number;
  busy: number;
}

/** What hedging needs of one model. */
interface ModelHedge {
  readonly settings: HedgeConfig;
  /** A document shows its first content when it is whole: apart from streams. */
  readonly streams: Times;
  readonly documents: Times;
  readonly budget: RetryBudget;
}

/** What hedging goes by of a call. */
export interface HedgedCall {
  readonly route: Route;
  readonly call: { readonly stream: boolean };
}

export interface HedgingOptions {
  readonly settings: HedgeConfig;
  /** Calls under way. */
  readonly inFlight: () => number;
  /** The process has more to do than it can. */
  readonly busy: () => boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** When a second target starts beside a slow one, and whether it may: by model, with a hard cap on extra requests. */
export class Hedging {
  readonly counts: HedgeCounts = { started: 0, won: 0, lost: 0, capped: 0, busy: 0 };
  readonly #options: HedgingOptions;
  /** By the first group of their routes, which live as long as the catalogue knows them; null where nothing is hedged. */
  readonly #models = new WeakMap<TargetGroup, ModelHedge | null>();

  constructor(options: HedgingOptions) {
    this.#options = options;
  }

  /** The request of an exchange has gone out: the timer of its second one; null when there is not to be one. Counts the request. */
  arm({ route, call }: HedgedCall, owner: HedgeOwner): HedgeTimer | null {
    const model = this.#model(route);
    if (model === null) return null;
    model.budget.request();
    const { min_samples, min_delay, percentile } = model.settings;
    const times = call.stream ? model.streams : model.documents;
    if (times.size < min_samples) return null;
    return new HedgeTimer(owner, Math.max(min_delay, times.percentile(percentile)));
  }

  /** Whether an extra request may start now. */
  allows(route: Route): boolean {
    const model = this.#model(route);
    if (model === null) return false;
    if (this.#options.inFlight() > model.settings.max_in_flight || this.#options.busy()) {
      this.counts.busy++;
      return false;
    }
    if (model.budget.has()) return true;
    this.counts.capped++;
    return false;
  }

  /** One that was allowed has started. */
  started(route: Route): void {
    this.#model(route)?.budget.take();
    this.counts.started++;
  }

  ended(won: boolean): void {
    if (won) this.counts.won++;
    else this.counts.lost++;
  }

  /**
   * The first content of a call came `ms` after its first request that was still under way. When a hedge brought it, that is what its
   * slow first one has taken at least: were it the hedge's own time, the slow ones would be forgotten and ever more be hedged.
   */
  answered({ route, call }: HedgedCall, ms: number): void {
    const model = this.#model(route);
    (call.stream ? model?.streams : model?.documents)?.add(ms);
  }

  #model(route: Route): ModelHedge | null {
    const group = route.groups[0];
    if (group === undefined) return null;
    const known = this.#models.get(group);
    if (known !== undefined) return known;
    const settings = { ...this.#options.settings, ...group.config?.hedge };
    const made = settings.enabled && hasSecondProvider(group.candidates) ? this.#made(settings) : null;
    this.#models.set(group, made);
    return made;
  }

  #made(settings: HedgeConfig): ModelHedge {
    const budget = new RetryBudget({ ratio: settings.max_ratio, min_per_second: 0, window }, this.#options.now);
    return { settings, streams: new Times(), documents: new Times(), budget };
  }
}

function hasSecondProvider(candidates: readonly Candidate[]): boolean {
  return candidates.some(({ target }) => target.provider !== candidates[0]!.target.provider);
}

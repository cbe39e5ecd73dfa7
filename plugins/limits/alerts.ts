import type { LimitStore, Spent } from './contract.ts';
import { periodStart } from './periods.ts';
import { calendarRuleId } from './rule-id.ts';
import type { NamedRule } from './rules.ts';

/** A budget of which a configured share is spent. Amounts are integers in the unit of the measure. */
export interface Alert {
  /** The same for the same budget, period and share, whoever sends it. */
  readonly id: string;
  readonly rule: NamedRule;
  /** The share that was reached, such as 0.8. */
  readonly share: number;
  readonly spent: number;
  /** Start of the period, unix milliseconds; 0 for a total. */
  readonly start: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Where alerts go. */
export interface AlertSink {
  /** Returns at once, never throws. */
  send(alert: Alert): void;
}

interface Watched {
  readonly rule: NamedRule;
  start: number;
  /** How many of the shares were reached in this period. */
  reached: number;
}

export interface AlertsOptions {
  /** Of a budget; see `budgets.alert_at`. */
  readonly shares: readonly number[];
  readonly sinks: readonly AlertSink[];
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Asks for what the whole fleet has spent; null where this process is all there is. */
  readonly read: LimitStore['read'] | null;
}

/** Milliseconds between two questions to the store. */
const askedEvery = 1_000;

/** Says once in each period that a share of a budget is spent. */
export class Alerts {
  readonly #options: AlertsOptions;
  readonly #shares: readonly number[];
  readonly #watched = new Map<string, Watched>();
  readonly #changed = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: AlertsOptions) {
    this.#options = options;
    this.#shares = [...new Set(options.shares)].sort((a, b) => a - b);
  }

  /** From now on this budget is watched. What is reached already was said before. `spent`: its present sum. */
  watch(rule: NamedRule, { start, amount }: Pick<Spent, 'start' | 'amount'>): void {
    if (rule.name !== 'budget' || rule.limit === 0 || this.#shares.length === 0) return;
    this.#watched.set(rule.id, { rule, start, reached: this.#reached(rule, amount) });
  }

  /** Sums of the ledger of this process that changed. */
  spent(sums: readonly Spent[]): void {
    if (this.#watched.size === 0) return;
    for (const { scope, measure, period, start, amount } of sums) {
      const watched = this.#watched.get(calendarRuleId(scope, measure, period));
      if (watched === undefined) continue;
      if (this.#options.read === null) this.#look(watched, start, amount);
      else {
        this.#changed.add(watched);
        this.#timer ??= setTimeout(() => void this.#ask(), askedEvery).unref();
      }
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#watched.clear();
  }

  async #ask(): Promise<void> {
    this.#timer = null;
    const changed = [...this.#changed];
    this.#changed.clear();
    const read = await this.#options.read!(changed.map(({ rule }) => rule)).catch(() => null);
    const now = this.#options.now();
    for (const [at, each] of changed.entries()) {
      const { span } = each.rule;
      if (read === null || span.kind !== 'calendar') continue;
      this.#look(each, periodStart(span.period, now), read[at]!.used);
    }
  }

  #look(watched: Watched, start: number, amount: number): void {
    if (start < watched.start) return;
    if (start > watched.start) {
      watched.start = start;
      watched.reached = 0;
    }
    const reached = this.#reached(watched.rule, amount);
    if (reached <= watched.reached) return;
    watched.reached = reached;
    const { rule } = watched;
    const share = this.#shares[reached - 1]!;
    const alert = { id: `${rule.id}:${start}:${share}`, rule, share, spent: amount, start, at: this.#options.now() };
    for (const sink of this.#options.sinks) sink.send(alert);
  }

  #reached({ limit }: NamedRule, amount: number): number {
    let reached = 0;
    while (reached < this.#shares.length && amount >= limit * this.#shares[reached]!) reached++;
    return reached;
  }
}

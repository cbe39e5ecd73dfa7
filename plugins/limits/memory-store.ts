import { CalendarCounter } from './calendar-counter.ts';
import type { Charge, LimitStore, Rule, Spent, Standing, Taken } from './contract.ts';
import { askAgainMs, type Counter, type Moment } from './counter.ts';
import { PeriodClock } from './period-clock.ts';
import { rateCounter } from './rate-counters.ts';
import { calendarRuleId } from './rule-id.ts';

export interface MemoryStoreOptions {
  /** Unix milliseconds; may be set forward and back. */
  readonly wall?: () => number;
  /** Milliseconds that only ever grow, from unix time at the start. */
  readonly steady?: () => number;
}

interface OpenTake {
  readonly charges: readonly Charge[];
  readonly counters: readonly Counter[];
  readonly places: readonly number[];
  /** By the steady clock. */
  readonly expires: number;
}

/** Calls under way. */
class Concurrent implements Counter {
  #count = 0;

  fits(amount: number, limit: number): boolean {
    return this.#count + amount <= limit;
  }

  take(amount: number): number {
    this.#count += amount;
    return 0;
  }

  settle(_place: number, amount: number): void {
    this.#count -= amount;
  }

  standing(limit: number): Standing {
    return { left: Math.max(0, limit - this.#count), resetMs: 0 };
  }

  wait(amount: number, limit: number): number | null {
    return amount > limit ? null : askAgainMs;
  }

  used(): number {
    return this.#count;
  }

  held(): number {
    return 0;
  }

  idle(): boolean {
    return this.#count === 0;
  }
}

/** Counters above this number are looked through for those that say nothing any more. */
const firstSweep = 10_000;
/** Of addresses there can be any number: above this one the eldest counters are given up. */
const most = 500_000;

/** Counters of one process, in its memory. */
export class MemoryStore implements LimitStore {
  readonly kind = 'memory';
  readonly #wall: () => number;
  readonly #steady: () => number;
  readonly #periods = new PeriodClock();
  readonly #counters = new Map<string, Counter>();
  readonly #open = new Map<string, OpenTake>();
  readonly #now: Moment = { wall: 0, steady: 0 };
  #sweepAt = firstSweep;
  /** When the first open take may lapse. */
  #nextLapse = Number.POSITIVE_INFINITY;

  constructor({ wall = Date.now, steady = () => performance.timeOrigin + performance.now() }: MemoryStoreOptions = {}) {
    this.#wall = wall;
    this.#steady = steady;
  }

  /** Counters kept, and takes that are open. */
  get size(): { readonly counters: number; readonly open: number } {
    return { counters: this.#counters.size, open: this.#open.size };
  }

  now(): number {
    return this.#wall();
  }

  take(id: string, charges: readonly Charge[], leaseMs: number, at?: number): Taken {
    const now = this.#moment();
    if (at !== undefined) now.wall = at;
    if (now.steady >= this.#nextLapse) this.#lapse(now);
    if (this.#counters.size >= this.#sweepAt) this.#sweep(now);
    const known = this.#open.get(id);
    const counters = known?.counters ?? charges.map(({ rule }) => this.#counter(rule));
    if (known === undefined) {
      for (let at = 0; at < charges.length; at++) {
        const { rule, amount } = charges[at]!;
        const counter = counters[at]!;
        if (counter.fits(amount, rule.limit, now)) continue;
        return {
          ok: false,
          refused: at,
          standing: counter.standing(rule.limit, now),
          retryAfterMs: counter.wait(amount, rule.limit, now),
        };
      }
      const places = new Array<number>(charges.length);
      for (let at = 0; at < charges.length; at++) places[at] = counters[at]!.take(charges[at]!.amount, now);
      const expires = now.steady + leaseMs;
      this.#open.set(id, { charges, counters, places, expires });
      if (expires < this.#nextLapse) this.#nextLapse = expires;
    }
    const standings = new Array<Standing>(charges.length);
    for (let at = 0; at < charges.length; at++) standings[at] = counters[at]!.standing(charges[at]!.rule.limit, now);
    return { ok: true, standings };
  }

  settle(id: string, actual: readonly (number | null)[]): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#end(open, actual, this.#moment());
  }

  spent(sums: readonly Spent[]): void {
    for (const { scope, measure, period, start, amount } of sums) {
      const id = calendarRuleId(scope, measure, period);
      let counter = this.#counters.get(id);
      if (counter === undefined) counter = this.#add(id, new CalendarCounter(period, this.#periods));
      (counter as CalendarCounter).spent(start, amount);
    }
  }

  async read(rules: readonly Rule[]): Promise<readonly { used: number; held: number; resetMs: number }[]> {
    const now = this.#moment();
    if (now.steady >= this.#nextLapse) this.#lapse(now);
    return rules.map((rule) => {
      const counter = this.#counters.get(rule.id) ?? this.#create(rule);
      return {
        used: Math.max(0, Math.ceil(counter.used(rule.limit, now) - 1e-9)),
        held: counter.held(now),
        resetMs: counter.standing(rule.limit, now).resetMs,
      };
    });
  }

  problem(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#open.clear();
    this.#counters.clear();
  }

  /** One object, so that a call makes none. */
  #moment(): Moment {
    this.#now.wall = this.#wall();
    this.#now.steady = this.#steady();
    return this.#now;
  }

  #counter(rule: Rule): Counter {
    return this.#counters.get(rule.id) ?? this.#add(rule.id, this.#create(rule));
  }

  #create({ span }: Rule): Counter {
    if (span.kind === 'calendar') return new CalendarCounter(span.period, this.#periods);
    return span.kind === 'rate' ? rateCounter(span) : new Concurrent();
  }

  #add(id: string, counter: Counter): Counter {
    this.#counters.set(id, counter);
    return counter;
  }

  #sweep(now: Moment): void {
    for (const [id, counter] of this.#counters) if (counter.idle(now)) this.#counters.delete(id);
    let surplus = this.#counters.size - most;
    for (const [id, counter] of this.#counters) {
      if (surplus <= 0) break;
      if (counter instanceof CalendarCounter || counter instanceof Concurrent) continue;
      this.#counters.delete(id);
      surplus--;
    }
    this.#sweepAt = Math.max(firstSweep, 2 * this.#counters.size);
  }

  #end({ charges, counters, places }: OpenTake, actual: readonly (number | null)[], now: Moment): void {
    for (let at = 0; at < charges.length; at++) counters[at]!.settle(places[at]!, charges[at]!.amount, actual[at] ?? null, now);
  }

  #lapse(now: Moment): void {
    let next = Number.POSITIVE_INFINITY;
    for (const [id, open] of this.#open) {
      if (open.expires <= now.steady) {
        this.#open.delete(id);
        this.#end(open, [], now);
      } else if (open.expires < next) next = open.expires;
    }
    this.#nextLapse = next;
  }
}

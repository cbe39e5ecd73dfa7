import type { Span, Standing } from './contract.ts';
import type { Counter, Moment } from './counter.ts';

type Rate = Extract<Span, { kind: 'rate' }>;

/** Sums of parts of a window are not integers; this much may be missing of a whole one. */
const tolerance = (limit: number): number => 1e-9 + limit * 1e-12;

abstract class RateCounter implements Counter {
  protected readonly windowMs: number;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  fits(amount: number, limit: number, now: Moment): boolean {
    return this.used(limit, now) + amount <= limit + tolerance(limit);
  }

  standing(limit: number, now: Moment): Standing {
    const left = Math.max(0, Math.floor(limit - this.used(limit, now) + tolerance(limit)));
    return { left, resetMs: Math.max(0, Math.ceil(this.reset(limit, now) - 1e-6)) };
  }

  wait(amount: number, limit: number, now: Moment): number | null {
    if (amount > limit) return null;
    return this.fits(amount, limit, now) ? 0 : Math.max(1, Math.ceil(this.untilFits(amount, limit, now)));
  }

  settle(place: number, amount: number, actual: number | null, now: Moment): void {
    if (actual !== null && actual !== amount) this.correct(place, actual - amount, now);
  }

  held(): number {
    return 0;
  }

  abstract take(amount: number, now: Moment): number;
  abstract used(limit: number, now: Moment): number;
  abstract idle(now: Moment): boolean;
  protected abstract correct(place: number, by: number, now: Moment): void;
  protected abstract untilFits(amount: number, limit: number, now: Moment): number;
  /** Milliseconds until nothing is used. */
  protected abstract reset(limit: number, now: Moment): number;
}

/** Windows one after the other: what one has used the next one does not know. */
export class FixedWindow extends RateCounter {
  #window = -1;
  #count = 0;

  take(amount: number, now: Moment): number {
    this.#turn(now);
    this.#count += amount;
    return this.#window;
  }

  used(_limit: number, now: Moment): number {
    this.#turn(now);
    return this.#count;
  }

  idle(now: Moment): boolean {
    this.#turn(now);
    return this.#count === 0;
  }

  protected correct(place: number, by: number, now: Moment): void {
    this.#turn(now);
    if (place === this.#window) this.#count = Math.max(0, this.#count + by);
  }

  protected untilFits(_amount: number, _limit: number, now: Moment): number {
    return this.windowMs - (now.steady % this.windowMs);
  }

  protected reset(limit: number, now: Moment): number {
    return this.#count === 0 ? 0 : this.untilFits(0, limit, now);
  }

  #turn(now: Moment): void {
    const window = Math.floor(now.steady / this.windowMs);
    if (window === this.#window) return;
    this.#window = window;
    this.#count = 0;
  }
}

/** The window that ends now, taken from two fixed ones: of the earlier one the part that it still covers. */
export class SlidingWindow extends RateCounter {
  #window = -1;
  #current = 0;
  #earlier = 0;

  take(amount: number, now: Moment): number {
    this.#turn(now);
    this.#current += amount;
    return this.#window;
  }

  used(_limit: number, now: Moment): number {
    const elapsed = this.#turn(now);
    return this.#current + this.#earlier * (1 - elapsed / this.windowMs);
  }

  idle(now: Moment): boolean {
    this.#turn(now);
    return this.#current === 0 && this.#earlier === 0;
  }

  protected correct(place: number, by: number, now: Moment): void {
    this.#turn(now);
    if (place === this.#window) this.#current = Math.max(0, this.#current + by);
    else if (place === this.#window - 1) this.#earlier = Math.max(0, this.#earlier + by);
  }

  protected untilFits(amount: number, limit: number, now: Moment): number {
    const elapsed = this.#turn(now);
    const room = limit - this.#current - amount;
    if (room >= 0) return this.windowMs * (1 - room / this.#earlier) - elapsed;
    const next = this.windowMs - elapsed;
    return next + Math.max(0, this.windowMs * (1 - (limit - amount) / this.#current));
  }

  protected reset(_limit: number, now: Moment): number {
    const elapsed = this.#turn(now);
    if (this.#current > 0) return 2 * this.windowMs - elapsed;
    return this.#earlier > 0 ? this.windowMs - elapsed : 0;
  }

  /** Milliseconds of the current window that are over. */
  #turn(now: Moment): number {
    const window = Math.floor(now.steady / this.windowMs);
    if (window !== this.#window) {
      this.#earlier = window === this.#window + 1 ? this.#current : 0;
      this.#current = 0;
      this.#window = window;
    }
    return now.steady - window * this.windowMs;
  }
}

/** Holds `limit`, fills up evenly within a window. */
export class TokenBucket extends RateCounter {
  /** Missing of a full bucket, as of `#at`. */
  #missing = 0;
  #at = 0;
  /** The limit it last filled up to. */
  #limit = 0;
  /** When it was last seen full. */
  #fullAt = 0;

  take(amount: number, now: Moment): number {
    this.#missing += amount;
    return now.steady;
  }

  used(limit: number, now: Moment): number {
    this.#fill(limit, now);
    return this.#missing;
  }

  idle(now: Moment): boolean {
    this.#fill(this.#limit, now);
    return this.#missing === 0;
  }

  protected correct(place: number, by: number, now: Moment): void {
    this.#fill(this.#limit, now);
    // A bucket that was full since would be as full without this.
    if (by > 0) this.#missing += by;
    else if (this.#fullAt <= place) this.#missing = Math.max(0, this.#missing + by);
  }

  protected untilFits(amount: number, limit: number): number {
    return ((this.#missing + amount - limit) * this.windowMs) / limit;
  }

  protected reset(limit: number): number {
    return limit === 0 ? 0 : (this.#missing * this.windowMs) / limit;
  }

  #fill(limit: number, now: Moment): void {
    this.#limit = limit;
    const passed = Math.max(0, now.steady - this.#at);
    this.#at = now.steady;
    this.#missing -= (passed * limit) / this.windowMs;
    if (this.#missing > 0) return;
    this.#missing = 0;
    this.#fullAt = now.steady;
  }
}

export function rateCounter({ algorithm, windowMs }: Rate): Counter {
  if (algorithm === 'fixed_window') return new FixedWindow(windowMs);
  return algorithm === 'token_bucket' ? new TokenBucket(windowMs) : new SlidingWindow(windowMs);
}

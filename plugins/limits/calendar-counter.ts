import type { Period } from '../../schemas/limits-config.ts';
import type { Standing } from './contract.ts';
import { askAgainMs, type Counter, type Moment } from './counter.ts';
import type { PeriodClock } from './period-clock.ts';

interface Window {
  readonly start: number;
  /** By the ledger. */
  spent: number;
  /** For calls under way. */
  held: number;
}

/** Periods kept besides those in which calls are under way: a clock that is set back finds what was spent. */
const kept = 3;

/** A calendar period: what the ledger says was spent in it, and what is held for calls that were let in within it. */
export class CalendarCounter implements Counter {
  readonly #period: Period;
  readonly #clock: PeriodClock;
  /** The newest is last. */
  readonly #windows: Window[] = [];

  constructor(period: Period, clock: PeriodClock) {
    this.#period = period;
    this.#clock = clock;
  }

  /** What was spent in the period that begins at `start`: absolute. */
  spent(start: number, amount: number): void {
    this.#window(start).spent = amount;
  }

  fits(amount: number, limit: number, now: Moment): boolean {
    const window = this.#find(now);
    return (window === undefined ? amount : window.spent + window.held + amount) <= limit;
  }

  take(amount: number, now: Moment): number {
    const start = this.#clock.start(this.#period, now.wall);
    this.#window(start).held += amount;
    return start;
  }

  settle(place: number, amount: number): void {
    this.#window(place).held -= amount;
  }

  standing(limit: number, now: Moment): Standing {
    const window = this.#find(now);
    const left = window === undefined ? limit : Math.max(0, limit - window.spent - window.held);
    return { left, resetMs: this.#clock.end(this.#period, now.wall) - now.wall };
  }

  wait(amount: number, limit: number, now: Moment): number | null {
    const spent = this.#find(now)?.spent ?? 0;
    return spent + amount <= limit ? askAgainMs : null;
  }

  used(_limit: number, now: Moment): number {
    return this.#find(now)?.spent ?? 0;
  }

  held(now: Moment): number {
    return this.#find(now)?.held ?? 0;
  }

  idle(): boolean {
    return this.#windows.every(({ spent, held }) => spent === 0 && held === 0);
  }

  #find(now: Moment): Window | undefined {
    const start = this.#clock.start(this.#period, now.wall);
    for (let at = this.#windows.length - 1; at >= 0; at--) if (this.#windows[at]!.start === start) return this.#windows[at];
    return undefined;
  }

  #window(start: number): Window {
    const windows = this.#windows;
    let at = windows.length - 1;
    while (at >= 0 && windows[at]!.start > start) at--;
    if (at >= 0 && windows[at]!.start === start) return windows[at]!;
    const window = { start, spent: 0, held: 0 };
    windows.splice(at + 1, 0, window);
    if (windows.length > kept) {
      const oldest = windows.findIndex(({ held }, place) => held === 0 && place < windows.length - kept);
      if (oldest >= 0 && windows[oldest] !== window) windows.splice(oldest, 1);
    }
    return window;
  }
}

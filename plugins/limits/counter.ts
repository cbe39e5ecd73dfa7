import type { Standing } from './contract.ts';

/** One moment on the two clocks of a process, milliseconds. */
export interface Moment {
  /** Unix time: decides calendar periods. */
  wall: number;
  /** Unix time as it was at the start, and from there on steady: decides rates and leases, whatever is done to the wall clock. */
  steady: number;
}

/** What one counter keeps in memory. All amounts are integers, at least 0. */
export interface Counter {
  /** Whether `amount` is left of the limit. */
  fits(amount: number, limit: number, now: Moment): boolean;
  /** Counts it, whatever is left. The result says to `settle` where. */
  take(amount: number, now: Moment): number;
  /** Ends what `take` began: `place` is its result. `actual`: what it really was; null: as taken. */
  settle(place: number, amount: number, actual: number | null, now: Moment): void;
  standing(limit: number, now: Moment): Standing;
  /** Milliseconds until `amount` may fit; null when waiting does not help. */
  wait(amount: number, limit: number, now: Moment): number | null;
  used(limit: number, now: Moment): number;
  held(now: Moment): number;
  /** Says nothing that a new one would not say. */
  idle(now: Moment): boolean;
}

/** Of something that ends when calls end, of which nobody knows when: milliseconds until it is worth asking again. */
export const askAgainMs = 1_000;

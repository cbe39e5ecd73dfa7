export interface OverloadLimits {
  /** Milliseconds of delay above which no traffic should be sent here; 0 = never. */
  readonly unready_above: number;
  /** Milliseconds of delay above which new calls are refused; 0 = never. */
  readonly shed_above: number;
}

/** Milliseconds over which the delay is averaged: one pause of 0.2 s (a garbage collection) counts as 40 ms. */
const memory = 1_000;
/** A sample counts as no more than this many times the higher limit: after one stall, however long, it recovers in 2.1 s. */
const ceiling = 2;
/** A state ends when the delay is below this part of its limit, so that it does not come and go. */
const release = 0.5;

/**
 * Whether the event loop is too late to take calls. The delay is what a call that comes now waits for the loop, averaged
 * over the last second: each sample weighs as much as the time it stands for.
 */
export class Overload {
  /** No traffic should be sent here. */
  unready = false;
  /** New calls are refused. */
  shedding = false;
  /** Milliseconds. */
  delay = 0;
  readonly #limits: OverloadLimits;
  readonly #most: number;

  constructor(limits: OverloadLimits) {
    this.#limits = limits;
    this.#most = ceiling * Math.max(limits.unready_above, limits.shed_above);
  }

  /** The loop was `late` milliseconds late at the end of `elapsed` milliseconds. */
  sample(late: number, elapsed: number): void {
    this.delay += (Math.min(late, this.#most) - this.delay) * (1 - Math.exp(-elapsed / memory));
    this.shedding = this.#above(this.#limits.shed_above, this.shedding);
    this.unready = this.shedding || this.#above(this.#limits.unready_above, this.unready);
  }

  #above(limit: number, was: boolean): boolean {
    return limit > 0 && this.delay > (was ? limit * release : limit);
  }
}

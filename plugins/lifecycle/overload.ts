export interface OverloadLimits {
  /** Milliseconds of delay above which no traffic should be sent here; 0 = never. */
  readonly unready_above: number;
  /** Milliseconds of delay above which new calls are refused; 0 = never. */
  readonly shed_above: number;
  /** Milliseconds of delay to which it is brought back by refusing a part of the new calls; 0 = never. */
  readonly target: number;
}

/** Milliseconds over which the delay is averaged: one pause of 0.2 s (a garbage collection) counts as 40 ms. */
const memory = 1_000;
/** A sample counts as no more than this many times the higher limit: after one stall, however long, it recovers in 2.1 s. */
const ceiling = 2;
/** A state ends when the delay is below this part of its limit, so that it does not come and go. */
const release = 0.5;

/** Latest samples of which the middle one counts: two pauses among five (collections, a neighbour on the CPU) change nothing. */
const latest = 5;
/**
 * Times in which the part falls and grows by e, at twice the target and without delay. Simulated: with the delay's own share of the
 * answer (see `admitted`) 98 % of what the loop can do is served at twice its capacity, and 92 % at five times, the delay at 1.1
 * times the target; without it 78 %, because the part swings. Milliseconds.
 */
const fall = 1_500;
const growth = 700;
/** Beyond this many times the target it falls no faster. */
const steepest = 4;
/** Never fewer: what is refused costs time as well, and somebody has to find out that things are better. */
const leastPart = 0.05;

/**
 * Whether the event loop is too late to take calls. The delay is what a call that comes now waits for the loop. Averaged over the
 * last second, each sample weighing as much as the time it stands for, it makes the process unready, and refuse all calls in the
 * end. Before that a delay that stays above the target (as CoDel has it for queues) makes the part of the calls shrink that is
 * admitted, until the delay is at the target.
 */
export class Overload {
  /** No traffic should be sent here. */
  unready = false;
  /** New calls are refused. */
  shedding = false;
  /** Milliseconds. */
  delay = 0;
  /** Part of the new calls that is admitted, 0 to 1: what has proved right in the last seconds, less while the delay is above the target. */
  admitted = 1;
  readonly #limits: OverloadLimits;
  readonly #most: number;
  readonly #samples = new Float64Array(latest);
  readonly #sorted = new Float64Array(latest);
  #next = 0;
  #part = 1;
  #credit = 0;

  constructor(limits: OverloadLimits) {
    this.#limits = limits;
    this.#most = ceiling * Math.max(limits.unready_above, limits.shed_above);
  }

  /** The loop was `late` milliseconds late at the end of `elapsed` milliseconds. */
  sample(late: number, elapsed: number): void {
    this.delay += (Math.min(late, this.#most) - this.delay) * (1 - Math.exp(-elapsed / memory));
    this.shedding = this.#above(this.#limits.shed_above, this.shedding);
    this.unready = this.shedding || this.#above(this.#limits.unready_above, this.unready);
    if (this.#limits.target > 0) this.#steer(late, elapsed);
  }

  /** Whether one more call is taken; spreads those that are not evenly over those that come. */
  admit(): boolean {
    if (this.shedding) return false;
    if (this.admitted === 1) return true;
    this.#credit += this.admitted;
    if (this.#credit < 1) return false;
    this.#credit--;
    return true;
  }

  #steer(late: number, elapsed: number): void {
    this.#samples[this.#next] = late;
    this.#next = (this.#next + 1) % latest;
    this.#sorted.set(this.#samples);
    const times = this.#sorted.sort()[(latest - 1) / 2]! / this.#limits.target;
    const power = times > 1 ? -(Math.min(times, steepest) - 1) / fall : (1 - times) / growth;
    this.#part = Math.min(1, Math.max(leastPart, this.#part * Math.exp(power * elapsed)));
    this.admitted = Math.max(leastPart, this.#part / Math.max(1, times));
  }

  #above(limit: number, was: boolean): boolean {
    return limit > 0 && this.delay > (was ? limit * release : limit);
  }
}

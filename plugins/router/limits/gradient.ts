import type { ConcurrencyLimit } from '../target-state.ts';

// Where the requests under way queue up at the target, the time to the first byte grows with their number (Little's law: beyond
// the capacity C, n of them wait n/C as long as C of them). So two numbers of them are compared: the limit, and a lower one. Not
// the least time ever seen, as TCP Vegas has it: prompts differ in length, and the fastest answer is that to the shortest.

/** The limit nothing is known about. */
const firstLimit = 20;
/** Part of the limit at which the time without a queue is measured. */
const dip = 0.7;
/** Answers that are averaged: at least so many, and so many times the limit, until the mean is known this well; never more than `most`. */
const fewest = 24;
const perLimit = 4;
const most = 768;
const error = 0.04;
/** The smaller the limit, the larger its steps, and the less has to be known. */
const errorOfOne = 0.15;
/** Times at the limit are this many times those of the lower number: more means a queue, less means none. */
const queued = 1.1;
const free = 1.06;
/** Of a small limit one request more is felt more: half of what it would add. */
const queuedOfOne = 0.5;
/** Beyond this power of the ratio of the two numbers the times grow with them in full: both are above the capacity. */
const proportional = 0.75;
/** Growth per look: this part of the limit while it is being found; afterwards in small steps that get longer. */
const search = 0.5;
const step = 0.03;
const leastStep = 0.34;
const longestSteps = 5;
/** After a queue was found, so many looks without one come before the next step. */
const pause = 4;
/** After this many looks without one the time without a queue is measured again. */
const looksPerDip = 12;
/** A target that refuses gets this part of the limit, once for all refusals of one round. */
const backOff = 0.8;
/** Times are not told apart below this. Milliseconds. */
const leastMs = 0.5;
/** Shortest time between two such steps. Milliseconds. */
const refusalGap = 200;

const queuedAt = (limit: number): number => Math.max(queued, 1 + queuedOfOne / limit);

/** The logarithms of the times of one look: their mean is moved little by a few answers that took a minute. */
class Look {
  count = 0;
  sum = 0;
  squares = 0;
  peak = 0;
  /** Only answers to requests that were sent from here on count. */
  since = Number.POSITIVE_INFINITY;

  begin(now: number): void {
    this.count = this.sum = this.squares = this.peak = 0;
    this.since = now;
  }

  add(ms: number, inFlight: number): void {
    const log = Math.log(Math.max(ms, leastMs));
    this.count++;
    this.sum += log;
    this.squares += log * log;
    if (inFlight > this.peak) this.peak = inFlight;
  }

  /** Enough to judge a limit by. */
  isEnough(limit: number): boolean {
    const { count } = this;
    if (count < fewest || count < perLimit * limit) return false;
    if (count >= most) return true;
    const mean = this.sum / count;
    const allowed = Math.max(error, errorOfOne / limit);
    return this.squares / count - mean * mean <= allowed * allowed * count;
  }

  /** Milliseconds. */
  get mean(): number {
    return Math.exp(this.sum / this.count);
  }
}

/**
 * A limit found from how the time to the first byte grows with the requests under way: grows while the limit is used and is not
 * felt, goes back to where no queue is, and every now and then dips to measure the time without one. Milliseconds.
 */
export class GradientLimit implements ConcurrencyLimit {
  readonly #max: number;
  readonly #look = new Look();
  #limit: number;
  /** While the time without a queue is measured: the lower number. 0 otherwise. */
  #dip = 0;
  /** The dip has begun: those above the lower number have ended. */
  #settled = true;
  /** The number that the dip is compared with, and the time there. */
  #high = 0;
  #suspect = 0;
  /** Time without a queue; 0 = unknown. */
  #base = 0;
  /** Looks since `#base` was measured. */
  #age = 0;
  /** The highest limit that was not felt lately; 0 = unknown. */
  #good = 0;
  #searching = true;
  #grown = 0;
  #refusedAt = Number.NEGATIVE_INFINITY;

  /** `max`: the highest it may get. */
  constructor(max: number) {
    this.#max = max;
    this.#limit = Math.min(firstLimit, max);
  }

  get limit(): number {
    return this.#dip > 0 ? this.#dip : Math.floor(this.#limit);
  }

  answered(ms: number, inFlight: number, now: number): void {
    const look = this.#look;
    if (look.since === Number.POSITIVE_INFINITY) look.since = now;
    if (!this.#settled) {
      if (inFlight > this.#dip) return;
      this.#settled = true;
      look.begin(now);
      return;
    }
    if (now - ms < look.since) return;
    look.add(ms, inFlight);
    if (!look.isEnough(this.limit)) return;
    if (this.#dip > 0) this.#measured(look.mean);
    else this.#looked(look.mean, look.peak);
    look.begin(now);
  }

  refused(_inFlight: number, now: number): void {
    if (now - this.#refusedAt < Math.max(refusalGap, this.#base)) return;
    this.#refusedAt = now;
    this.#shrink(this.#limit * backOff);
    this.#good = 0;
    this.#leaveDip();
    this.#look.begin(now);
  }

  /** One look at the limit itself is over. */
  #looked(time: number, peak: number): void {
    const limit = Math.floor(this.#limit);
    this.#age++;
    const low = this.#lower(limit);
    if (peak <= low || limit === 1) {
      // No more was asked of it: that is the time without a queue.
      this.#base = time;
      this.#age = 0;
      if (peak >= limit) this.#grow();
      return;
    }
    if (peak < limit) return;
    const ratio = this.#base === 0 ? Number.POSITIVE_INFINITY : time / this.#base;
    if (ratio > queuedAt(limit) || this.#age >= looksPerDip) this.#dipTo(low, limit, time);
    else if (ratio < free) {
      this.#good = this.#limit;
      this.#grow();
    }
  }

  #dipTo(low: number, high: number, time: number): void {
    this.#dip = low;
    this.#high = high;
    this.#suspect = time;
    this.#settled = false;
  }

  /** The dip is over. */
  #measured(time: number): void {
    const low = this.#dip;
    const ratio = this.#suspect / time;
    const isQueued = ratio > queuedAt(this.#high);
    const power = Math.log(ratio) / Math.log(this.#high / low);
    const again = this.#high < Math.floor(this.#limit);
    if (again && !isQueued) this.#found(this.#high, this.#suspect);
    else {
      // The lower number of the dip before had a queue of its own.
      if (again) this.#shrink(this.#high);
      if (isQueued && power > proportional && low > 1) this.#dipTo(this.#lower(low), low, time);
      else {
        if (isQueued) this.#shrink(power > proportional ? low : Math.max(low, (this.#high * free) / ratio));
        this.#rest(time);
      }
    }
  }

  /** Without a queue at `low`, with one at the limit: the capacity is in between. */
  #found(low: number, time: number): void {
    const limit = Math.floor(this.#limit);
    const known = this.#good > low && this.#good < limit ? this.#good : 0;
    this.#shrink(known > 0 ? known : Math.sqrt(low * limit));
    this.#rest(time);
  }

  #rest(time: number): void {
    this.#base = time;
    this.#age = 0;
    this.#good = 0;
    this.#leaveDip();
  }

  #leaveDip(): void {
    this.#dip = 0;
    this.#settled = true;
  }

  #lower(limit: number): number {
    return Math.max(1, Math.min(limit - 1, Math.floor(limit * dip)));
  }

  #grow(): void {
    if (++this.#grown <= 0) return;
    this.#grown = Math.min(this.#grown, longestSteps);
    const by = this.#searching ? this.#limit * search : Math.max(leastStep, this.#limit * step * this.#grown);
    this.#limit = Math.min(this.#max, this.#limit + by);
  }

  #shrink(to: number): void {
    this.#searching = false;
    this.#grown = -pause;
    this.#limit = Math.max(1, Math.min(to, this.#limit));
  }
}

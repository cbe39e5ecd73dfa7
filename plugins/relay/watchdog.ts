/** Whose progress is measured. */
export interface Meter {
  /** Characters so far; only ever grows. */
  readonly progress: number;
}

/**
 * The clocks of one exchange on one timer: the total, the phase its attempt is in (connect, first byte, idle), and beside it the
 * time until the first content and the least rate of progress. A limit that moves away leaves the timer alone, which looks again when it fires: a timer for
 * each clock was five per call, 0.7 us each to arm and to clear.
 */
export class Watchdog {
  readonly #expire: (what: string) => void;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer fires; `performance.now()` milliseconds, like the others. */
  #fires = Infinity;
  #phase = '';
  #since = 0;
  #limit = Infinity;
  #contentDue = Infinity;
  #totalDue = Infinity;
  #meter: Meter | null = null;
  /** Progress that a window has to bring, and its length. */
  #least = 0;
  #window = 0;
  #windowDue = Infinity;
  #windowFrom = 0;

  /** `expire` is called with the name of the clock that ran out; it stands still from then on. */
  constructor(expire: (what: string) => void) {
    this.#expire = expire;
  }

  /** From `now` on the exchange may take `limit` milliseconds. */
  total(limit: number, now: number): void {
    this.#totalDue = now + limit;
    this.#arm(this.#totalDue, now);
  }

  /** From `now` on the attempt may stay `limit` milliseconds in this phase. */
  phase(name: string, limit: number, now: number): void {
    this.#phase = name;
    this.#since = now;
    this.#limit = limit;
    this.#arm(now + limit, now);
  }

  /** The phase begins anew. */
  touch(now: number): void {
    this.#since = now;
  }

  /** No phase runs and no rate is asked for: somebody else is the slow one now. */
  pause(): void {
    this.#limit = Infinity;
    this.#windowDue = Infinity;
  }

  /** From `now` on `meter` has to make `perSecond` characters of progress a second, in each window of `ms`; 0 = none. */
  rate(meter: Meter, perSecond: number, ms: number, now: number): void {
    if (perSecond <= 0 || ms <= 0) return;
    this.#meter = meter;
    this.#least = (perSecond * ms) / 1000;
    this.#window = ms;
    this.#windowFrom = meter.progress;
    this.#windowDue = now + ms;
    this.#arm(this.#windowDue, now);
  }

  content(limit: number, now: number): void {
    this.#contentDue = now + limit;
    this.#arm(this.#contentDue, now);
  }

  contentSeen(): void {
    this.#contentDue = Infinity;
  }

  /** The attempt is over; the total runs on. */
  rest(): void {
    this.pause();
    this.#meter = null;
    this.#contentDue = Infinity;
  }

  /** For good. */
  stop(): void {
    this.rest();
    this.#totalDue = Infinity;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(due: number, now: number): void {
    if (due >= this.#fires) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#fires = due;
    this.#timer = setTimeout(() => this.#look(), Math.ceil(due - now));
  }

  #look(): void {
    this.#timer = null;
    this.#fires = Infinity;
    const now = performance.now();
    const phaseDue = this.#since + this.#limit;
    if (this.#totalDue <= now) {
      this.#totalDue = Infinity;
      this.#expire('total');
    } else if (this.#contentDue <= now) {
      this.#contentDue = Infinity;
      this.#expire('first content');
    } else if (phaseDue <= now) {
      this.#limit = Infinity;
      this.#expire(this.#phase);
    } else if (this.#windowDue <= now) this.#measure(now);
    const next = Math.min(this.#since + this.#limit, this.#contentDue, this.#totalDue, this.#windowDue);
    if (next < this.#fires) this.#arm(next, performance.now());
  }

  #measure(now: number): void {
    const { progress } = this.#meter!;
    const tooSlow = progress - this.#windowFrom < this.#least;
    this.#windowFrom = progress;
    this.#windowDue = tooSlow ? Infinity : now + this.#window;
    if (tooSlow) this.#expire('minimum rate');
  }
}

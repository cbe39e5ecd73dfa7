// Figures that forget: what was measured long ago counts less. Times are milliseconds of the router's clock.

/** Time in which a measurement comes to count e times less. */
const memory = 10_000;
/** Time in which a figure that nothing is added to comes to count e times less, so that its target is tried again. */
const idleMemory = 60_000;

/**
 * Peak EWMA (Finagle, Linkerd): a worse measurement counts at once and in full, better ones wear it down. Milliseconds.
 */
export class PeakEwma {
  #value = 0;
  #at = Number.NEGATIVE_INFINITY;

  get known(): boolean {
    return this.#at !== Number.NEGATIVE_INFINITY;
  }

  /** 0 while nothing is known. */
  value(now: number): number {
    const idle = now - this.#at - memory;
    return idle > 0 ? this.#value * Math.exp(-idle / idleMemory) : this.#value;
  }

  /** As it was last measured, however long ago; 0 while nothing is known. */
  get measured(): number {
    return this.#value;
  }

  observe(ms: number, now: number): void {
    const before = this.value(now);
    const weight = Math.exp(-(now - this.#at) / memory);
    this.#value = ms > before ? ms : before * weight + ms * (1 - weight);
    this.#at = now;
  }
}

/** Mean of a share from 0 to 1, or of a size, each measurement weighing `gain`. */
export class Mean {
  #value: number;
  readonly #gain: number;
  #begun: boolean;
  #known = false;

  /** `assumed`: where it begins, and counts until it is worn down; without it the first measurement is the beginning. */
  constructor(gain: number, assumed?: number) {
    this.#value = assumed ?? 0;
    this.#gain = gain;
    this.#begun = assumed !== undefined;
  }

  get known(): boolean {
    return this.#known;
  }

  get value(): number {
    return this.#value;
  }

  observe(sample: number): void {
    this.#value = this.#begun ? this.#value + this.#gain * (sample - this.#value) : sample;
    this.#begun = this.#known = true;
  }
}

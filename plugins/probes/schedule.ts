/** What is asked again and again. */
export interface Probe {
  /** Never rejects. */
  run(): Promise<void>;
}

/** Part of the interval by which it varies, so that processes that started together do not ask together. */
const jitter = 0.2;

/** Runs a probe on an interval, the next one after the end of the last. */
export class Schedule {
  /** The run under way. */
  idle: Promise<void> = Promise.resolve();
  readonly #probe: Probe;
  readonly #interval: number;
  readonly #random: () => number;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** `interval`: milliseconds. `random`: numbers in [0, 1). */
  constructor(probe: Probe, interval: number, random: () => number) {
    this.#probe = probe;
    this.#interval = interval;
    this.#random = random;
    this.#next();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #next(): void {
    if (this.#stopped) return;
    const wait = this.#interval * (1 - jitter / 2 + jitter * this.#random());
    this.#timer = setTimeout(() => {
      this.idle = this.#probe.run();
      void this.idle.then(() => this.#next());
    }, wait).unref();
  }
}

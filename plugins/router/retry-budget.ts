import type { Config } from '../../schemas/config.ts';

const slices = 10;
/** Slices that are remembered. */
const kept = slices + 1;

/**
 * Bounds retries to a share of the requests, so that an outage is not multiplied (Finagle's RetryBudget): within the
 * window at most `ratio` x requests + `min_per_second` x window extra attempts. Counted in ten slices of the window; retries
 * in one more, because any window that ends within the running slice begins within the eleventh.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #floor: number;
  readonly #slice: number;
  readonly #requests = new Array<number>(kept).fill(0);
  readonly #retries = new Array<number>(kept).fill(0);
  readonly #now: () => number;
  #at = 0;

  /** `now`: monotonic milliseconds. */
  constructor(options: Config['retries']['budget'], now: () => number) {
    this.#ratio = options.ratio;
    this.#floor = options.min_per_second * (options.window / 1000);
    this.#slice = Math.max(1, options.window / slices);
    this.#now = now;
  }

  request(): void {
    this.#advance();
    this.#requests[this.#at % kept]!++;
  }

  /** Whether one more retry is in the budget. */
  has(): boolean {
    this.#advance();
    const oldest = (this.#at + 1) % kept;
    const requests = this.#requests.reduce((sum, each, slice) => (slice === oldest ? sum : sum + each), 0);
    const retries = this.#retries.reduce((sum, each) => sum + each, 0);
    return retries + 1 <= this.#floor + this.#ratio * requests;
  }

  /** Takes one retry out of the budget; false when it is empty. */
  take(): boolean {
    if (!this.has()) return false;
    this.#retries[this.#at % kept]!++;
    return true;
  }

  #advance(): void {
    const at = Math.floor(this.#now() / this.#slice);
    if (at === this.#at) return;
    for (let step = Math.min(kept, at - this.#at); step > 0; step--) {
      this.#requests[(at - step + 1) % kept] = 0;
      this.#retries[(at - step + 1) % kept] = 0;
    }
    this.#at = at;
  }
}

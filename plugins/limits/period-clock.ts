import { type Period, periods } from '../../schemas/limits-config.ts';
import { periodEnd, periodStart } from './periods.ts';

interface Known {
  start: number;
  end: number;
}

/** Starts and ends of calendar periods; remembers the last one of each, as calls come in the same ones. */
export class PeriodClock {
  readonly #known = Object.fromEntries(periods.map((each) => [each, { start: 1, end: 0 }])) as Record<Period, Known>;

  /** Unix milliseconds, as `at` is. */
  start(period: Period, at: number): number {
    return this.#at(period, at).start;
  }

  /** Exclusive; Infinity for `total`. */
  end(period: Period, at: number): number {
    return this.#at(period, at).end;
  }

  #at(period: Period, at: number): Known {
    const known = this.#known[period];
    if (at < known.start || at >= known.end) {
      known.start = periodStart(period, at);
      known.end = periodEnd(period, known.start);
    }
    return known;
  }
}

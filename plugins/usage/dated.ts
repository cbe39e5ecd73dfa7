import type { Config } from '../../schemas/config.ts';
import { type Rates, ratesFromConfig, type WrittenPrice } from './money.ts';

/** Prices of one name of the configuration over time. */
export interface DatedRates {
  /** At `at` (unix ms) the newest entry that has begun holds; null before the first. */
  at(at: number): Rates | null;
  /** One entry holds at any time. */
  readonly always: boolean;
}

/** Throws `RangeError`, see `picoPerUnit`. */
export function datedRates(written: Config['prices'][string]): DatedRates {
  const list = (Array.isArray(written) ? written : [written]) as readonly WrittenPrice[];
  const entries = list
    .map((entry) => ({ from: entry.from === undefined ? -Infinity : startOf(entry.from), rates: ratesFromConfig(entry) }))
    .sort((a, b) => a.from - b.from);
  return {
    at: (at) => entries.findLast(({ from }) => from <= at)?.rates ?? null,
    always: entries[0]?.from === -Infinity,
  };
}

/** Unix milliseconds of `2026-12-31` or `2026-12-31T18:00:00Z`. */
export function startOf(from: string): number {
  return Date.parse(from.includes('T') ? from : `${from}T00:00:00Z`);
}

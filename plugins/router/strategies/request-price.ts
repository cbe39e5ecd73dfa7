import type { RateSet, Rates } from '../../usage/money.ts';
import type { Candidate } from '../candidate.ts';
import type { Needs } from '../needs.ts';
import type { Facts, StrategyTools } from '../types.ts';

/** Tokens of an answer of which nothing is known. */
const usualOutput = 256;
/** Prices change by the day at most; they are looked up this often. Milliseconds. */
const lookedUpEvery = 5_000;

/** The rates that hold for a request with this much input. */
export function ratesFor({ base, tiers }: Rates, input: number): RateSet {
  let rates = base;
  for (const tier of tiers) if (input > tier.above) rates = tier.rates;
  return rates;
}

/** Tokens of the answer: as many as this target's answers have, and no more than the call allows. */
function expectedOutput({ outputTokens }: Needs, { state }: Candidate): number {
  const usual = state.outputTokens.known ? state.outputTokens.value : usualOutput;
  return outputTokens > 0 ? Math.min(outputTokens, usual) : usual;
}

/** What a request would cost at each candidate of a group, in pico-USD; infinite where the price is unknown. */
export class RequestPrices {
  readonly #ratesOf: StrategyTools['ratesOf'];
  readonly #known: (Rates | null)[] = [];
  readonly #at: number[] = [];

  constructor(ratesOf: StrategyTools['ratesOf']) {
    this.#ratesOf = ratesOf;
  }

  of(candidate: Candidate, { needs, now }: Facts): number {
    const known = this.#rates(candidate, now);
    if (known === null) return Number.POSITIVE_INFINITY;
    const { inputTokens } = needs;
    const rates = ratesFor(known, inputTokens);
    const { cacheShare } = candidate.state;
    const cached = cacheShare.known ? inputTokens * cacheShare.value : 0;
    const input = cached * (rates.cached ?? rates.input) + (inputTokens - cached) * rates.input;
    return input + expectedOutput(needs, candidate) * (rates.output ?? 0);
  }

  #rates(candidate: Candidate, now: number): Rates | null {
    const { slot } = candidate;
    const at = this.#at[slot];
    if (at !== undefined && now - at < lookedUpEvery) return this.#known[slot]!;
    const rates = this.#ratesOf(candidate.target);
    this.#known[slot] = rates;
    this.#at[slot] = now;
    return rates;
  }
}

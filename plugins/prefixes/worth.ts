import type { Price } from '../usage/index.ts';

/**
 * What storing a token for an hour and reading it from the store cost, as shares of reading it anew, where no price says it: in the
 * published price lists (2026) an hour is 3.3 to 4.5 times the price of the input, a cached token a tenth to a quarter.
 */
const storageShare = 4;
const cachedShare = 0.25;

const hour = 3_600_000;

/**
 * Whether keeping a prefix for another `ttl` milliseconds is cheaper than doing without, if it is used as often as in the last: what
 * those uses saved against what its storage costs. Tokens are on both sides, so they do not matter.
 */
export function isWorthKeeping(uses: number, ttl: number, price: Price | null): boolean {
  const input = price?.rates.base.input ?? 1;
  const cached = price === null ? cachedShare : (price.rates.base.cached ?? input);
  const storage = price?.rates.base.cache_storage_hour ?? input * storageShare;
  return uses * (input - cached) > storage * (ttl / hour);
}

import { expect, it } from 'vitest';
import { isWorthKeeping } from '../../../plugins/prefixes/worth.ts';
import { free, ratesFromConfig } from '../../../plugins/usage/money.ts';
import type { PriceConfig } from '../../../schemas/price-config.ts';

const minute = 60_000;
const hour = 60 * minute;
const price = (rates: Exclude<PriceConfig, unknown[]>) =>
  ({ rates: ratesFromConfig(rates), source: 'config', version: 'c' }) as const;

it.each([
  // Savings of 0.27 a use against a storage of 1: between three and four uses an hour.
  ['published prices, 3 uses an hour', 3, hour, price({ input: 0.3, cached: 0.03, cache_storage_hour: 1 }), false],
  ['published prices, 4 uses an hour', 4, hour, price({ input: 0.3, cached: 0.03, cache_storage_hour: 1 }), true],
  ['the same within five minutes, 1 use', 1, 5 * minute, price({ input: 0.3, cached: 0.03, cache_storage_hour: 1 }), true],
  ['no price of storage, 4 uses an hour', 4, hour, price({ input: 1, cached: 0.1 }), false],
  ['no price of storage, 5 uses an hour', 5, hour, price({ input: 1, cached: 0.1 }), true],
  ['no price at all, 5 uses an hour', 5, hour, null, false],
  ['no price at all, 6 uses an hour', 6, hour, null, true],
  ['no price of cached tokens: nothing is saved', 1_000, hour, price({ input: 1 }), false],
  ['nothing costs anything', 1_000, hour, { rates: free, source: 'sandbox', version: 'c' } as const, false],
  ['no use', 0, minute, price({ input: 1, cached: 0, cache_storage_hour: 0 }), false],
])('%s', (_name, uses, ttl, known, worth) => {
  expect(isWorthKeeping(uses, ttl, known)).toBe(worth);
});

import { describe, expect, it } from 'vitest';
import { cost, free, ratesFromConfig } from '../../../plugins/usage/money.ts';
import { account } from '../../../plugins/usage/settlement.ts';
import { settlement } from './sample.ts';

describe('tokens that a provider stores', () => {
  it('are priced by the token and hour, beside what was read', () => {
    // A published case: 100,000 tokens at 1.25 USD per million, kept for two hours at 4.50.
    const rates = ratesFromConfig({ input: 1.25, output: 10, cache_storage_hour: 4.5 });
    expect(cost({ input: 100_000, cache_storage_hour: 200_000 }, rates)).toBe(125_000_000n + 900_000_000n);
    expect(cost({ input: 0, cache_storage_hour: 200_000 }, rates)).toBe(900_000_000n);
  });

  it('have no price unless one is given: the cost is unknown then, not 0', () => {
    expect(cost({ input: 10, cache_storage_hour: 1 }, ratesFromConfig({ input: 1 }))).toBeNull();
    expect(cost({ input: 10, cache_storage_hour: 0 }, ratesFromConfig({ input: 1 }))).toBe(10_000n);
    expect(cost({ input: 10, cache_storage_hour: 9 }, free)).toBe(0n);
  });

  it('generate nothing: an estimate for a row of theirs has no output', () => {
    const intent = { estimatedInput: 8_000, operation: 'context_cache' } as const;
    const unknown = settlement({ usage: null, estimatedOutput: 0, firstContentMs: null });
    expect(account(intent, unknown)).toEqual({ quantities: { input: 8_000, output: 0 }, source: 'estimated' });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cost, free, maxQuantity, maxRate, picoPerUnit, plausible, ratesFromConfig } from '../../../plugins/usage/money.ts';

describe('a price in the configuration', () => {
  it.each([
    [0.075, 75_000],
    [0.1, 100_000],
    [0.3, 300_000],
    [1.25, 1_250_000],
    [12.5, 12_500_000],
    [0.0028, 2800],
    [2.8e-3, 2800],
    [1e-6, 1],
    [0, 0],
    [600, 600_000_000],
  ])('%d USD per million is exactly %d pico-USD per unit', (usd, pico) => {
    expect(picoPerUnit(usd)).toBe(pico);
  });

  it('is rounded half up at the seventh decimal', () => {
    expect(picoPerUnit(0.0000005)).toBe(1);
    expect(picoPerUnit(0.00000049)).toBe(0);
  });

  it.each([-1, 1e300, Number.NaN, Number.POSITIVE_INFINITY])('of %d is refused', (usd) => {
    expect(() => picoPerUnit(usd)).toThrow(RangeError);
  });

  it('takes the digits as written for every price with six decimals', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: maxRate / 1000 }), (pico) => {
        const written = `${Math.floor(pico / 1e6)}.${String(pico % 1e6).padStart(6, '0')}`;
        expect(picoPerUnit(Number(written))).toBe(pico);
      }),
    );
  });

  it('of a tier keeps what the tier does not say from the level below', () => {
    const rates = ratesFromConfig({
      input: 1,
      output: 4,
      tiers: [
        { above: 200, input: 3 },
        { above: 100, input: 2, output: 6 },
      ],
    });
    expect(rates.tiers).toEqual([
      { above: 100, rates: { input: 2_000_000, output: 6_000_000 } },
      { above: 200, rates: { input: 3_000_000, output: 6_000_000 } },
    ]);
  });
});

describe('the cost of an attempt', () => {
  const rates = ratesFromConfig({ input: 2, output: 10, cached: 0.5, cache_write_5m: 2.5, input_audio: 30, output_audio: 60 });

  it('prices cached tokens once, inside the input', () => {
    expect(cost({ input: 1000, cached: 400, output: 0 }, rates)).toBe(600n * 2000n + 400n * 500n);
  });

  it('prices cache writes and audio by their own rates and the rest of the input by its own', () => {
    expect(cost({ input: 1000, cache_write_5m: 200, input_audio: 100 }, rates)).toBe(
      700n * 2000n + 200n * 2500n + 100n * 30_000n,
    );
  });

  it('prices a 1 hour cache write as a 5 minute one when only that is known, and as input when neither is', () => {
    expect(cost({ input: 10, cache_write_1h: 10 }, rates)).toBe(25_000n);
    expect(cost({ input: 10, cache_write_1h: 10 }, ratesFromConfig({ input: 2 }))).toBe(20_000n);
  });

  it('prices reasoning as output, once', () => {
    expect(cost({ input: 0, output: 100, reasoning: 80 }, rates)).toBe(1_000_000n);
  });

  it('prices generated audio inside the output', () => {
    expect(cost({ input: 0, output: 100, output_audio: 40 }, rates)).toBe(60n * 10_000n + 40n * 60_000n);
  });

  it('prices the whole request by the tier above whose start its input lies', () => {
    const tiered = ratesFromConfig({ input: 1, output: 2, tiers: [{ above: 100, input: 10, output: 20 }] });
    expect(cost({ input: 100, output: 10 }, tiered)).toBe(120_000n);
    expect(cost({ input: 101, output: 10 }, tiered)).toBe(1_210_000n);
  });

  it('is rounded once, half up', () => {
    const cheap = { base: { input: 1, cached: 1, output: 1 }, tiers: [] };
    expect(cost({ input: 250, output: 249 }, cheap)).toBe(0n);
    expect(cost({ input: 250, output: 250 }, cheap)).toBe(1n);
  });

  it('is null, not 0, when output has no price', () => {
    expect(cost({ input: 10, output: 1 }, ratesFromConfig({ input: 2 }))).toBeNull();
    expect(cost({ input: 10, output: 0 }, ratesFromConfig({ input: 2 }))).toBe(20_000n);
  });

  it('is null, not 0, for a unit that has no price', () => {
    expect(cost({ input: 10, output: 0, second: 12 }, rates)).toBeNull();
  });

  it('is 0, and known, where everything is free', () => {
    expect(cost({ input: 10, cached: 5, output: 7, output_audio: 2 }, free)).toBe(0n);
  });

  it('equals the sum in exact fractions for every plausible attempt', () => {
    const amount = fc.integer({ min: 0, max: maxQuantity });
    const rate = fc.integer({ min: 0, max: maxRate });
    const set = fc.record({
      input: rate,
      output: rate,
      cached: rate,
      cache_write_5m: rate,
      cache_write_1h: rate,
      input_audio: rate,
      output_audio: rate,
    });
    const quantities = fc.record({
      input: amount,
      cached: amount,
      cache_write_5m: amount,
      cache_write_1h: amount,
      input_audio: amount,
      output: amount,
      reasoning: amount,
      output_audio: amount,
    });
    const within = (value: bigint) => (value < 0n ? 0n : value);
    fc.assert(
      fc.property(quantities, set, set, amount, (used, base, upper, above) => {
        expect(plausible(used)).toBe(true);
        const at = used.input > above ? upper : base;
        const q = (kind: keyof typeof used) => BigInt(used[kind]);
        const r = (kind: keyof typeof at) => BigInt(at[kind]);
        const parts = ['cached', 'cache_write_5m', 'cache_write_1h', 'input_audio'] as const;
        let pico = within(q('input') - parts.reduce((sum, kind) => sum + q(kind), 0n)) * r('input');
        for (const kind of parts) pico += q(kind) * r(kind);
        pico += within(q('output') - q('output_audio')) * r('output') + q('output_audio') * r('output_audio');
        const nano = cost(used, { base, tiers: [{ above, rates: upper }] });
        expect(nano).toBe((pico * 2n + 1000n) / 2000n);
        expect(nano! >= 0n && Number.isFinite(Number(nano))).toBe(true);
      }),
    );
  });
});

describe('quantities no attempt can have', () => {
  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, maxQuantity + 1])('%d is not plausible', (value) => {
    expect(plausible({ input: 1, output: value })).toBe(false);
  });
});

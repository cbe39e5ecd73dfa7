import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cost,
  free,
  type Kind,
  kinds,
  maxQuantity,
  maxRate,
  picoPerUnit,
  plausible,
  ratesFromConfig,
} from '../../../plugins/usage/money.ts';

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

  it('prices a token that is both cached and sound once, as cached sound', () => {
    const audio = ratesFromConfig({ input: 1, cached: 0.25, input_audio: 4, cached_audio: 0.5 });
    // 1000 read, 800 of them sound; 500 from the cache, 400 of them sound.
    const used = { input: 1000, input_audio: 800, cached: 500, cached_audio: 400, output: 0 };
    expect(cost(used, audio)).toBe(400n * 4000n + 400n * 500n + 100n * 250n + 100n * 1000n);
    // Nobody says what the two share: at least 300 of them have to be the same.
    expect(cost({ ...used, cached_audio: 0 }, audio)).toBe(500n * 4000n + 500n * 250n);
  });

  it('prices cached sound as cached where it has no price of its own', () => {
    const used = { input: 100, input_audio: 100, cached: 100, cached_audio: 100 };
    expect(cost(used, rates)).toBe(100n * 500n);
  });

  it('believes no more cached sound than there is of both', () => {
    expect(cost({ input: 100, input_audio: 10, cached: 20, cached_audio: 1000 }, rates)).toBe(
      10n * 500n + 10n * 500n + 80n * 2000n,
    );
  });

  it('prices generated pictures and video by their own rates, and does not know the cost where they have none', () => {
    const pictures = ratesFromConfig({ input: 0.3, output: 2.5, output_image: 30, output_video: 17.5 });
    expect(cost({ input: 0, output: 1500, output_image: 1290, output_video: 10 }, pictures)).toBe(
      200n * 2500n + 1290n * 30_000n + 10n * 17_500n,
    );
    expect(cost({ input: 0, output: 1500, output_image: 1290 }, rates)).toBeNull();
    expect(cost({ input: 0, output: 1500, output_video: 1 }, rates)).toBeNull();
  });

  it('prices pictures and video that were read as the input they are, where they have no price', () => {
    expect(cost({ input: 100, input_image: 50, input_video: 50 }, rates)).toBe(200_000n);
    expect(cost({ input: 100, input_image: 50 }, ratesFromConfig({ input: 2, input_image: 5 }))).toBe(350_000n);
  });

  it('adds the searches of the provider, and does not know the cost where they have no price', () => {
    // 10 USD per thousand searches.
    const searching = ratesFromConfig({ input: 2, output: 10, web_search: 10_000 });
    expect(cost({ input: 100, output: 10, web_search: 3 }, searching)).toBe(300_000n + 30_000_000n);
    expect(cost({ input: 100, output: 10, web_search: 3 }, rates)).toBeNull();
    expect(cost({ input: 100, output: 10, web_search: 0 }, rates)).toBe(300_000n);
  });

  it('is null, not 0, when output has no price', () => {
    expect(cost({ input: 10, output: 1 }, ratesFromConfig({ input: 2 }))).toBeNull();
    expect(cost({ input: 10, output: 0 }, ratesFromConfig({ input: 2 }))).toBe(20_000n);
  });

  it('is null, not 0, for a unit that has no price', () => {
    expect(cost({ input: 10, output: 0, second: 12 }, rates)).toBeNull();
  });

  it('is 0, and known, where everything is free', () => {
    expect(cost({ input: 10, cached: 5, output: 7, output_audio: 2, output_image: 3, web_search: 1 }, free)).toBe(0n);
  });

  it('equals the sum in exact fractions for every plausible attempt', () => {
    const amount = fc.integer({ min: 0, max: maxQuantity });
    const all = <T>(value: fc.Arbitrary<T>) =>
      fc.record(Object.fromEntries(kinds.map((kind) => [kind, value])) as Record<Kind, fc.Arbitrary<T>>);
    const set = all(fc.integer({ min: 0, max: maxRate }));
    fc.assert(
      fc.property(all(amount), set, set, amount, (used, base, upper, above) => {
        expect(plausible(used)).toBe(true);
        const at = used.input > above ? upper : base;
        // Each token of the input is at one place, the first that has room for it; what has no room is priced nevertheless
        // where the parts cannot overlap.
        const shared = Math.min(used.cached_audio, used.cached, used.input_audio);
        const parts: [Kind, number][] = [
          ['cached_audio', shared],
          ['cached', used.cached - shared],
        ];
        parts.push(['cache_write_5m', used.cache_write_5m], ['cache_write_1h', used.cache_write_1h]);
        let room = used.input - parts.reduce((sum, [, count]) => sum + count, 0);
        const media = { ...used, input_audio: used.input_audio - shared };
        for (const kind of ['input_audio', 'input_image', 'input_video'] as const) {
          const count = Math.max(0, Math.min(media[kind], room));
          room -= count;
          parts.push([kind, count]);
        }
        const generated = used.output_audio + used.output_image + used.output_video;
        parts.push(['input', Math.max(0, room)], ['output', Math.max(0, used.output - generated)]);
        const alone = ['output_audio', 'output_image', 'output_video', 'web_search', 'cache_storage_hour'] as const;
        for (const kind of alone) parts.push([kind, used[kind]]);
        const pico = parts.reduce((sum, [kind, count]) => sum + BigInt(count) * BigInt(at[kind]), 0n);
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

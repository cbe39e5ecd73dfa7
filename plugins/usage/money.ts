import type { Quantities } from '../../providers/unified.ts';
import type { Config } from '../../schemas/config.ts';

// Money: amounts are integer nano-USD (1e-9 USD), prices integer pico-USD (1e-12 USD) per unit. A price of 1 USD per
// million units is 1,000,000 pico-USD per unit, so six decimals of a published price are exact.

/** Parts of `input` by what became of them. They do not overlap. */
const keptParts = ['cached', 'cache_write_5m', 'cache_write_1h'] as const;

/** Parts of `input` by what they are; cached ones are among them. They do not overlap. */
const inputMedia = ['input_audio', 'input_image', 'input_video'] as const;

/** Parts of `output` by what they are. */
const outputMedia = ['output_audio', 'output_image', 'output_video'] as const;

/** Kinds that are inside `output` (or `input`) and have no price of their own. */
const unpriced: ReadonlySet<string> = new Set(['reasoning', 'accepted_prediction', 'rejected_prediction']);

/** Beside all tokens of the call: searches, and tokens times the hours that the provider stores them. */
const apart = ['web_search', 'cache_storage_hour'] as const;

/** `cached_audio` is what `cached` and `input_audio` share. */
export const kinds = ['input', 'output', ...keptParts, ...inputMedia, 'cached_audio', ...outputMedia, ...apart] as const;
export type Kind = (typeof kinds)[number];
const known: ReadonlySet<string> = new Set<string>(kinds);

/**
 * Integer pico-USD per unit, by kind. `input` is always known; a missing part of it is priced as the whole. Of `output` only sound
 * is: where it has no price of its own, the model generates nothing else. Generated images and video cost many times the text.
 */
export type RateSet = Readonly<Partial<Record<Kind, number>> & { input: number }>;

/** Prices of one model. A request with more than `above` input tokens is priced whole by that tier; tiers ascend. */
export interface Rates {
  readonly base: RateSet;
  readonly tiers: readonly { readonly above: number; readonly rates: RateSet }[];
}

/** One entry of the configuration's `prices`. */
export type WrittenPrice = Exclude<Config['prices'][string], readonly unknown[]>;

/** Largest price taken: 1,000,000 USD per million units. */
export const maxRate = 1_000_000_000_000;
/** Largest quantity of one attempt that is believed. */
export const maxQuantity = 1_000_000_000;

/** Every value is an integer from 0 to `maxQuantity`, so `cost` is defined for it. */
export function plausible(quantities: Quantities): boolean {
  for (const kind in quantities) {
    const value = quantities[kind];
    if (!Number.isInteger(value) || value! < 0 || value! > maxQuantity) return false;
  }
  return true;
}

/**
 * USD per million units as written in decimal -> integer pico-USD per unit, half up at the seventh decimal. Works on the
 * digits: `0.075 * 1e6` is not an integer in binary floating point for every such price, its digits are.
 * Throws `RangeError` for anything below 0 or above `maxRate`.
 */
export function picoPerUnit(usdPerMillion: number): number {
  const [mantissa = '', exponent = '0'] = String(usdPerMillion).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  if (!/^\d+$/.test(whole))
    throw new RangeError(`a price is a number from 0 to ${maxRate / 1e6} USD per million units, not ${usdPerMillion}`);
  // 6 decimals from dollars per million to pico-dollars per unit, one more to round by.
  const shift = Number(exponent) - fraction.length + 7;
  const digits = BigInt(whole + fraction);
  const scaled = shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
  const pico = (scaled + 5n) / 10n;
  if (pico > BigInt(maxRate))
    throw new RangeError(`a price of ${usdPerMillion} USD per million units is above the limit of ${maxRate / 1e6}`);
  return Number(pico);
}

/**
 * Rates of a `prices` entry of the configuration. A kind that a tier leaves out keeps its price from the level below.
 * Throws `RangeError`, see `picoPerUnit`.
 */
export function ratesFromConfig(written: WrittenPrice): Rates {
  const convert = (rates: Readonly<Partial<Record<Kind, number>>>, below: Partial<RateSet>): RateSet => {
    const set: Partial<Record<Kind, number>> = { ...below };
    for (const kind of kinds) if (rates[kind] !== undefined) set[kind] = picoPerUnit(rates[kind]);
    return set as RateSet;
  };
  const base = convert(written, {});
  const ascending = [...(written.tiers ?? [])].sort((a, b) => a.above - b.above);
  let below = base;
  const tiers = ascending.map((tier) => {
    below = convert(tier, below);
    return { above: tier.above, rates: below };
  });
  return { base, tiers };
}

/** Everything costs nothing, and that is known. */
export const free: Rates = {
  base: { input: 0, output: 0, output_image: 0, output_video: 0, web_search: 0, cache_storage_hour: 0 },
  tiers: [],
};

/**
 * Cost of one attempt in integer nano-USD, rounded once, half up. Parts are subtracted from the whole they are inside of before
 * the rest is priced; parts larger than their whole leave a rest of 0. A token that is both cached and sound is priced once, as
 * `cached_audio`; where that is not said, media beyond what the cached tokens leave of the input are taken to be among them. Null
 * when a quantity above 0 has no price: unknown is never 0. Defined for `plausible` quantities.
 */
export function cost(quantities: Quantities, rates: Rates): bigint | null {
  const input = quantities.input ?? 0;
  let at = rates.base;
  for (const tier of rates.tiers) if (input > tier.above) at = tier.rates;

  for (const kind in quantities) {
    if (quantities[kind]! > 0 && !known.has(kind) && !unpriced.has(kind)) return null;
  }
  const generated = outputCost(quantities, at);
  if (generated === null) return null;
  let pico = inputCost(quantities, at) + generated;
  for (const kind of apart) {
    const amount = quantities[kind] ?? 0;
    const rate = at[kind];
    if (amount > 0 && rate === undefined) return null;
    pico += BigInt(amount) * BigInt(rate ?? 0);
  }
  return (pico + 500n) / 1000n;
}

function inputCost(quantities: Quantities, at: RateSet): bigint {
  const cachedAudio = Math.min(quantities.cached_audio ?? 0, quantities.cached ?? 0, quantities.input_audio ?? 0);
  let pico = cachedAudio === 0 ? 0n : BigInt(cachedAudio) * BigInt(at.cached_audio ?? at.cached ?? at.input);
  let rest = (quantities.input ?? 0) - cachedAudio;
  for (const kind of keptParts) {
    const amount = (quantities[kind] ?? 0) - (kind === 'cached' ? cachedAudio : 0);
    if (amount === 0) continue;
    rest -= amount;
    pico += BigInt(amount) * BigInt(at[kind] ?? (kind === 'cache_write_1h' ? at.cache_write_5m : undefined) ?? at.input);
  }
  for (const kind of inputMedia) {
    const amount = Math.min((quantities[kind] ?? 0) - (kind === 'input_audio' ? cachedAudio : 0), rest);
    if (amount <= 0) continue;
    rest -= amount;
    pico += BigInt(amount) * BigInt(at[kind] ?? at.input);
  }
  return rest > 0 ? pico + BigInt(rest) * BigInt(at.input) : pico;
}

function outputCost(quantities: Quantities, at: RateSet): bigint | null {
  let pico = 0n;
  let rest = quantities.output ?? 0;
  for (const kind of outputMedia) {
    const amount = quantities[kind] ?? 0;
    if (amount === 0) continue;
    const rate = at[kind] ?? (kind === 'output_audio' ? at.output : undefined);
    if (rate === undefined) return null;
    rest -= amount;
    pico += BigInt(amount) * BigInt(rate);
  }
  if (rest <= 0) return pico;
  return at.output === undefined ? null : pico + BigInt(rest) * BigInt(at.output);
}

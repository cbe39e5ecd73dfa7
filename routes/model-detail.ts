import type { Static } from '@sinclair/typebox';
import type { DescribedModel } from '../plugins/router/index.ts';
import type { Price } from '../plugins/usage/index.ts';
import type { ModelInfo, Target } from '../providers/provider.ts';
import type { AbilitiesSchema, Prices } from '../schemas/models.ts';

// A model's abilities and prices as routes show them.

/** What a target costs now; null when unknown. */
export type PriceOf = (target: Target) => Price | null;

/** USD per million units: rates are pico-USD per unit, so six decimals are exact. */
export function shownPrices(price: Price | null): Prices | null {
  if (price === null) return null;
  const { rates, source, version } = price;
  const usd = (set: object): { input: number } =>
    Object.fromEntries(Object.entries(set).map(([kind, pico]) => [kind, pico / 1e6])) as { input: number };
  const tiers = rates.tiers.map((tier) => ({ above: tier.above, ...usd(tier.rates) }));
  return { ...usd(rates.base), ...(tiers.length === 0 ? {} : { tiers }), source, version };
}

/** Prices of a model: one for all its targets, or that of each. */
export function pricesOf({ targets }: DescribedModel, priceOf: PriceOf) {
  const each = targets.map((target) => ({ id: target.id, prices: shownPrices(priceOf(target)) }));
  const [first] = each;
  const same = each.every(({ prices }) => JSON.stringify(prices) === JSON.stringify(first?.prices));
  return { ...(same ? { prices: first?.prices ?? null } : {}), ...(each.length > 1 ? { targets: each } : {}) };
}

/** Without what is unknown. */
export function abilitiesOf(model: Partial<ModelInfo>): Static<typeof AbilitiesSchema> {
  const { tools, structuredOutput, reasoning, sampling } = model;
  return defined({
    context_window: model.contextWindow,
    max_output_tokens: model.maxOutputTokens,
    input_modalities: copied(model.input),
    output_modalities: copied(model.output),
    operations: copied(model.operations),
    min_cache_tokens: model.minCacheTokens,
    capabilities: filled(defined({ tools, structured_output: structuredOutput, reasoning, sampling })),
  });
}

const copied = (list: readonly string[] | undefined): string[] | undefined => list && [...list];

function defined<T extends object>(members: T): { [Member in keyof T]?: NonNullable<T[Member]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Member in keyof T]?: NonNullable<T[Member]>;
  };
}

function filled<T extends object>(members: T): T | undefined {
  return Object.keys(members).length === 0 ? undefined : members;
}

import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import type { ConditionalPrice, ModelInfo as Entry, ModelPrice, Provider, TieredPrices } from '@pydantic/genai-prices';
import type { ModelInfo } from '../../providers/provider.ts';
import { describes } from './match.ts';
import { type Kind, picoPerUnit, type RateSet, type Rates } from './money.ts';

// Published prices as data: @pydantic/genai-prices. Only its data is used; the arithmetic is ours, because that package
// computes in binary floating point (300,000 tokens came to 1.7100000000000002) and prices relatives of a model as the model.

const dataPackage = '@pydantic/genai-prices';

/** Kind -> key of the data, USD per million tokens, searches per thousand. */
const keys: Readonly<Partial<Record<Kind, string>>> = {
  input: 'input_mtok',
  output: 'output_mtok',
  cached: 'cache_read_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  input_audio: 'input_audio_mtok',
  input_image: 'input_image_mtok',
  input_video: 'input_video_mtok',
  cached_audio: 'cache_audio_read_mtok',
  output_audio: 'output_audio_mtok',
  output_image: 'output_image_mtok',
  output_video: 'output_video_mtok',
  web_search: 'web_searches_kcount',
};

/** Prices of one model, each from a time on or within hours of the day; the last that holds wins. */
export interface PriceHistory {
  readonly entries: readonly { readonly holds: (at: number) => boolean; readonly rates: Rates | null }[];
}

/** The built-in data, loaded. */
export interface BuiltinData {
  /** Version of the data package. */
  readonly version: string;
  /** Null when the data does not have exactly this model. */
  find(priceProvider: string, model: string): PriceHistory | null;
  models(priceProvider: string): readonly ModelInfo[];
}

function ratesOf(prices: ModelPrice): Rates | null {
  const at = (above: number): RateSet | null => {
    const set: Partial<Record<Kind, number>> = {};
    for (const [kind, key] of Object.entries(keys) as [Kind, string][]) {
      const price: number | TieredPrices | undefined = prices[key];
      if (price === undefined) continue;
      const tier = typeof price === 'number' ? undefined : price.tiers.findLast(({ start }) => start <= above);
      const usd = typeof price === 'number' ? price : (tier?.price ?? price.base);
      set[kind] = picoPerUnit(key.endsWith('_kcount') ? usd * 1000 : usd);
    }
    return set.input === undefined ? null : (set as RateSet);
  };
  try {
    const base = at(-1);
    if (base === null) return null;
    const starts = new Set<number>();
    for (const price of Object.values(prices))
      if (typeof price === 'object') for (const tier of price.tiers) starts.add(tier.start);
    const tiers = [...starts].sort((a, b) => a - b).map((above) => ({ above, rates: at(above) ?? base }));
    return { base, tiers };
  } catch {
    // A price out of range is no price; the attempt it is for still has to settle.
    return null;
  }
}

/** `00:30:00Z` -> milliseconds of the UTC day. */
function timeOfDay(text: string): number {
  return Date.parse(`1970-01-01T${text}`);
}

function condition(constraint: ConditionalPrice['constraint']): (at: number) => boolean {
  if (constraint === undefined) return () => true;
  if (constraint.type === 'start_date') {
    const start = Date.parse(`${constraint.start_date}T00:00:00Z`);
    return (at) => at >= start;
  }
  const start = timeOfDay(constraint.start_time);
  const end = timeOfDay(constraint.end_time);
  return (at) => {
    const now = at % 86_400_000;
    return end < start ? now >= start || now < end : now >= start && now < end;
  };
}

function historyOf(entry: Entry): PriceHistory {
  const dated: readonly ConditionalPrice[] = Array.isArray(entry.prices) ? entry.prices : [{ prices: entry.prices }];
  return { entries: dated.map(({ constraint, prices }) => ({ holds: condition(constraint), rates: ratesOf(prices) })) };
}

/** Rates that hold at `at` (unix ms); null when the data has the model but no price per token for it. */
export function ratesAt(history: PriceHistory, at: number): Rates | null {
  return (history.entries.findLast((entry) => entry.holds(at)) ?? history.entries[0])?.rates ?? null;
}

async function packageVersion(): Promise<string> {
  const path = findPackageJSON(dataPackage, import.meta.url);
  if (path === undefined) return 'unknown';
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}

/** Imports the data (831 kB of JavaScript, 42 ms measured), so never on the way to being ready. */
export async function loadBuiltin(): Promise<BuiltinData> {
  const [{ findProvider }, version] = await Promise.all([import('@pydantic/genai-prices'), packageVersion()]);
  const provider = (id: string): Provider | undefined => {
    const found = findProvider({ providerId: id });
    // The package also guesses by pattern.
    return found?.id === id ? found : undefined;
  };
  const findIn = (from: Provider, model: string): Entry | undefined =>
    from.models.find(({ id }) => id.toLowerCase() === model.toLowerCase()) ??
    from.models.find(({ match }) => describes(match, model));
  return {
    version,
    find(priceProvider, model) {
      const from = provider(priceProvider);
      if (from === undefined) return null;
      for (const id of [priceProvider, ...(from.fallback_model_providers ?? [])]) {
        const place = provider(id);
        const entry = place && findIn(place, model);
        if (entry !== undefined) return historyOf(entry);
      }
      return null;
    },
    models(priceProvider) {
      return (provider(priceProvider)?.models ?? []).map(({ id, context_window }) => ({
        id,
        created: 0,
        ownedBy: priceProvider,
        ...(context_window === undefined ? {} : { contextWindow: context_window }),
      }));
    },
  };
}

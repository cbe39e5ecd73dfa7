import { LRUCache } from 'lru-cache';
import type { ModelInfo, Target } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { type BuiltinData, loadBuiltin, type PriceHistory, ratesAt } from './builtin.ts';
import { type DatedRates, datedRates } from './dated.ts';
import { free, type Rates } from './money.ts';

export type PriceSource = 'config' | 'builtin' | 'sandbox';

/** What one target costs, and where that was found. */
export interface Price {
  readonly rates: Rates;
  readonly source: PriceSource;
  /** Version of the configuration or of the data package. */
  readonly version: string;
}

/** What a price is looked up by; all of it is known when an attempt is opened, and kept with its row. */
export interface PriceKey {
  /** Name in the configuration. */
  readonly provider: string;
  /** Key of the built-in data, `inProcess` for a provider without a server, null when there is none. */
  readonly priceProvider: string | null;
  /** Upstream model. */
  readonly model: string;
}

/** `PriceKey.priceProvider` of a provider that answers in process: it costs nothing. */
export const inProcess = 'sandbox';

/** Models whose entry in the built-in data is remembered. Model ids come from callers, so there is a bound. */
const remembered = 1000;

export function priceKey(target: Target): PriceKey {
  const { name, type, config } = target.provider;
  // A preset is another vendor than its type's own, so it does not inherit that vendor's prices.
  const preset = config.preset === undefined ? undefined : type.presets[config.preset];
  const priceProvider = type.serve !== undefined ? inProcess : ((preset ?? type.defaults).priceProvider ?? null);
  return { provider: name, priceProvider, model: target.model };
}

export interface PriceBookOptions {
  readonly prices: Config['prices'];
  /** Version of the configuration the prices are from. */
  readonly version: string;
  readonly load?: () => Promise<BuiltinData>;
}

/**
 * Prices: those of the configuration first (the exact name, then the longest pattern), then the built-in data for the exact model
 * at the time asked. A configured price that has not begun leaves the built-in one in force. Built-in prices are there once
 * `ready()` has resolved; `find` never waits.
 */
export class PriceBook {
  readonly #configured = new Map<string, DatedRates>();
  /** Names that end in an asterisk, without it, the longest first. */
  readonly #patterns: readonly { readonly prefix: string; readonly rates: DatedRates }[];
  readonly #version: string;
  readonly #load: () => Promise<BuiltinData>;
  readonly #found = new LRUCache<string, { readonly history: PriceHistory | null }>({ max: remembered });
  #data: BuiltinData | null = null;
  #loading: Promise<void> | null = null;

  /** Throws an error that names the entry when a configured price is out of range. */
  constructor(options: PriceBookOptions) {
    this.#version = options.version;
    this.#load = options.load ?? loadBuiltin;
    for (const [name, written] of Object.entries(options.prices)) {
      try {
        this.#configured.set(name, datedRates(written));
      } catch (cause) {
        throw new Error(`prices."${name}": ${(cause as Error).message}. Prices are in USD per million units.`, { cause });
      }
    }
    this.#patterns = [...this.#configured]
      .filter(([name]) => name.endsWith('*'))
      .map(([name, rates]) => ({ prefix: name.slice(0, -1), rates }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Loads the built-in data, once. A failed load is tried again by the next call. */
  ready(): Promise<void> {
    this.#loading ??= this.#load().then(
      (data) => {
        this.#data = data;
      },
      (error: unknown) => {
        this.#loading = null;
        throw error;
      },
    );
    return this.#loading;
  }

  /** `find` cannot answer before `ready()` has resolved. */
  waits(key: PriceKey): boolean {
    return this.#data === null && !this.#known(key);
  }

  /** Null when unknown. `at`: unix milliseconds. */
  find(key: PriceKey, at: number): Price | null {
    const configured = this.#written(key)?.at(at);
    if (configured) return { rates: configured, source: 'config', version: this.#version };
    if (key.priceProvider === inProcess) return { rates: free, source: 'sandbox', version: this.#version };
    if (key.priceProvider === null || this.#data === null) return null;
    const history = this.#history(this.#data, key.priceProvider, key.model);
    const rates = history === null ? null : ratesAt(history, at);
    return rates === null ? null : { rates, source: 'builtin', version: this.#data.version };
  }

  /** Models the built-in data has for a provider; empty before `ready()`. */
  builtinModels(priceProvider: string): readonly ModelInfo[] {
    return this.#data?.models(priceProvider) ?? [];
  }

  #known(key: PriceKey): boolean {
    return key.priceProvider === null || key.priceProvider === inProcess || this.#written(key)?.always === true;
  }

  /** The exact name, else the longest pattern. */
  #written({ provider, model }: PriceKey): DatedRates | undefined {
    const name = `${provider}/${model}`;
    return this.#configured.get(name) ?? this.#patterns.find(({ prefix }) => name.startsWith(prefix))?.rates;
  }

  #history(data: BuiltinData, priceProvider: string, model: string): PriceHistory | null {
    const name = `${priceProvider}\n${model}`;
    let found = this.#found.get(name);
    if (found === undefined) {
      found = { history: data.find(priceProvider, model) };
      this.#found.set(name, found);
    }
    return found.history;
  }
}

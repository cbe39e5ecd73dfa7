import type { ModelInfo, ProviderInstance, ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';

type Written = NonNullable<Config['providers'][string]['model_info']>[string];

/** What is known of the models of providers, from four places. Nothing here waits or asks anybody. */
export class Knowledge {
  /** Models the built-in data lists for a provider of that data. */
  readonly #builtin: (priceProvider: string) => readonly ModelInfo[];
  /** Every registered type. */
  readonly #types: readonly ProviderType[];
  readonly #fetched = new Map<string, ReadonlyMap<string, ModelInfo>>();

  constructor(builtin: (priceProvider: string) => readonly ModelInfo[], types: readonly ProviderType[]) {
    this.#builtin = builtin;
    this.#types = types;
  }

  setFetched(provider: ProviderInstance, models: readonly ModelInfo[]): void {
    this.#fetched.set(provider.name, new Map(models.map((info) => [info.id, info])));
  }

  /** What the upstream lists; undefined before it was asked. */
  fetched(provider: ProviderInstance): ReadonlyMap<string, ModelInfo> | undefined {
    return this.#fetched.get(provider.name);
  }

  /** Models a provider is known to have without asking it: its entry's list, its own, the built-in data. */
  listedBy(provider: ProviderInstance): readonly ModelInfo[] {
    const written = (provider.config.models ?? []).map((id) => ({ id, created: 0, ownedBy: provider.name }));
    const data = this.#data(provider).filter(({ id }) => !this.#isForeign(provider.type, id));
    return [...written, ...(provider.type.builtin ?? []), ...data];
  }

  /**
   * A price of another vendor's model: another type knows it, its own does not. Price data list what a vendor's cloud sells of
   * others, and bare names of those went to the vendor's own API, which answers 404.
   */
  #isForeign(type: ProviderType, id: string): boolean {
    return type.describe?.(id) === null && this.#types.some((each) => (each.describe?.(id) ?? null) !== null);
  }

  /**
   * Everything known of one model, member by member: the configuration's `model_info`, the type's own data, what the upstream
   * lists, the built-in price data. Undefined when nothing is.
   */
  of(provider: ProviderInstance, model: string): ModelInfo | undefined {
    const listed = this.fetched(provider)?.get(model);
    const data = this.#data(provider).find((info) => info.id === model);
    const own = provider.type.builtin?.find((info) => info.id === model);
    const layers = [data, listed, own, provider.type.describe?.(model) ?? undefined, written(provider, model)];
    if (layers.every((layer) => layer === undefined)) return undefined;
    const created = [listed, own, data].find((layer) => layer !== undefined && layer.created > 0)?.created ?? 0;
    const ownedBy = [listed, own, data].find((layer) => layer !== undefined && layer.ownedBy !== '')?.ownedBy ?? provider.name;
    return { ...merged(layers), id: model, created, ownedBy };
  }

  #data({ type, config }: ProviderInstance): readonly ModelInfo[] {
    const preset = config.preset === undefined ? undefined : type.presets[config.preset];
    const data = preset?.priceProvider ?? type.defaults.priceProvider;
    return data === undefined ? [] : this.#builtin(data);
  }
}

/** Later layers win; a member that is undefined says nothing. */
function merged(layers: readonly (Partial<ModelInfo> | undefined)[]): Partial<ModelInfo> {
  const result: Record<string, unknown> = {};
  for (const layer of layers) {
    for (const [member, value] of Object.entries(layer ?? {})) if (value !== undefined) result[member] = value;
  }
  return result;
}

/** The entry of `model_info` for a model: the exact id, else the longest pattern. */
function written({ config }: ProviderInstance, model: string): Partial<ModelInfo> | undefined {
  const entries: Readonly<Record<string, Written>> = config.model_info ?? {};
  const name = Object.hasOwn(entries, model) ? model : longestPattern(Object.keys(entries), model);
  return name === undefined ? undefined : fromConfig(entries[name]!);
}

function longestPattern(names: readonly string[], model: string): string | undefined {
  let longest: string | undefined;
  for (const name of names) {
    if (!name.endsWith('*') || !model.startsWith(name.slice(0, -1))) continue;
    if (longest === undefined || name.length > longest.length) longest = name;
  }
  return longest;
}

function fromConfig(entry: Written): Partial<ModelInfo> {
  const { context_window, max_output_tokens, structured_output, ...same } = entry;
  return {
    ...same,
    ...(context_window === undefined ? {} : { contextWindow: context_window }),
    ...(max_output_tokens === undefined ? {} : { maxOutputTokens: max_output_tokens }),
    ...(structured_output === undefined ? {} : { structuredOutput: structured_output }),
  };
}

/**
 * What a model with several targets can do, as a request goes to one that can take it: whatever one of them can. A member that
 * is not known of each of them is not known of the model.
 */
export function together(infos: readonly (Partial<ModelInfo> | undefined)[]): Partial<ModelInfo> {
  if (infos.length === 1) return infos[0] ?? {};
  const each = <T>(read: (info: Partial<ModelInfo>) => T | undefined): readonly T[] | null => {
    const values = infos.map((info) => (info === undefined ? undefined : read(info)));
    return values.every((value) => value !== undefined) ? (values as readonly T[]) : null;
  };
  const largest = (member: 'contextWindow' | 'maxOutputTokens') => {
    const values = each((info) => info[member]);
    return values === null || values.length === 0 ? {} : { [member]: Math.max(...values) };
  };
  const all = (member: 'input' | 'output' | 'operations') => {
    const values = each<readonly string[]>((info) => info[member]);
    return values === null || values.length === 0 ? {} : { [member]: [...new Set(values.flat())] };
  };
  const any = (member: 'tools' | 'structuredOutput' | 'reasoning' | 'sampling') => {
    const values = infos.map((info) => info?.[member]);
    if (values.includes(true)) return { [member]: true };
    return values.length > 0 && values.every((value) => value === false) ? { [member]: false } : {};
  };
  return {
    ...largest('contextWindow'),
    ...largest('maxOutputTokens'),
    ...all('operations'),
    ...all('input'),
    ...all('output'),
    ...any('tools'),
    ...any('structuredOutput'),
    ...any('reasoning'),
    ...any('sampling'),
  };
}

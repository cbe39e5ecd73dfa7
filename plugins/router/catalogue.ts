import { LRUCache } from 'lru-cache';
import type { ModelInfo, ProviderInstance, ProviderType, Target } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { ModelNotFoundError } from '../errors/classes.ts';
import { nearest } from './nearest.ts';
import { strategies } from './strategies/index.ts';
import type { CatalogueModel, Route, TargetGroup } from './types.ts';

/** Names resolved by pattern or prefix that are remembered; callers choose them, so there is a bound. */
const rememberedRoutes = 2_000;
/** Characters of a name that is not configured; the longest ids of the large providers have about 100. */
const longestName = 512;
/** Names looked at for "did you mean". */
const comparedNames = 5_000;

export interface CatalogueOptions {
  readonly models: Config['models'];
  readonly providers: ReadonlyMap<string, ProviderInstance>;
  readonly types: readonly ProviderType[];
  /** Models the built-in data lists for a provider of that data. */
  readonly builtin: (priceProvider: string) => readonly ModelInfo[];
  readonly random: () => number;
}

interface Pattern {
  readonly prefix: string;
  readonly name: string;
}

/** What every model name stands for: configured names, patterns, `provider/model`, and bare ids that a provider is known to have. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #configured = new Map<string, Route>();
  readonly #patterns: readonly Pattern[];
  /** Bare id -> provider, first in file order. Built-in knowledge and what was fetched are apart, the first wins. */
  readonly #known = new Map<string, { provider: ProviderInstance; info: ModelInfo }>();
  readonly #fetched = new Map<string, Map<string, ModelInfo>>();
  readonly #remembered = new LRUCache<string, Route>({ max: rememberedRoutes });
  readonly #targets = new Map<string, Target>();

  constructor(options: CatalogueOptions) {
    this.#options = options;
    const names = Object.keys(options.models);
    this.#patterns = names
      .filter((name) => name.endsWith('*'))
      .map((name) => ({ prefix: name.slice(0, -1), name }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    for (const provider of options.providers.values()) {
      for (const info of this.#listedBy(provider)) {
        if (!this.#known.has(info.id)) this.#known.set(info.id, { provider, info });
      }
    }
    for (const name of names) {
      if (!name.endsWith('*')) this.#configured.set(name, this.#fromConfig(name, name, ''));
    }
  }

  /** Throws `ModelNotFoundError`. */
  resolve(model: string): Route {
    const route = this.#configured.get(model) ?? this.#remembered.get(model) ?? this.#find(model);
    if (route === null) throw new ModelNotFoundError(this.#notFound(model));
    return route;
  }

  /** Targets the configuration names, and those asked for so far. */
  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  setFetched(provider: ProviderInstance, models: readonly ModelInfo[]): void {
    this.#fetched.set(provider.name, new Map(models.map((info) => [info.id, info])));
    // A bare id may belong to another provider now, or to none.
    this.#remembered.clear();
  }

  models(): CatalogueModel[] {
    const list = new Map<string, CatalogueModel>();
    const add = (model: CatalogueModel): void => {
      if (!list.has(model.id)) list.set(model.id, model);
    };
    for (const name of this.#configured.keys()) add({ id: name, created: 0, ownedBy: 'postern', source: 'configured' });
    for (const provider of this.#options.providers.values()) {
      const fetched = this.#fetched.get(provider.name);
      // What the upstream lists is what this credential can use; without it, what is known of the provider.
      const infos = fetched === undefined ? this.#listedBy(provider) : fetched.values();
      const source = fetched === undefined ? 'provider' : 'upstream';
      for (const info of infos) add({ ...info, id: `${provider.name}/${info.id}`, source });
      for (const id of provider.config.models ?? [])
        add({ id: `${provider.name}/${id}`, created: 0, ownedBy: provider.name, source: 'provider' });
    }
    return [...list.values()];
  }

  model(id: string): CatalogueModel | null {
    if (this.#configured.has(id)) return { id, created: 0, ownedBy: 'postern', source: 'configured' };
    const slash = id.indexOf('/');
    const provider = slash > 0 ? this.#options.providers.get(id.slice(0, slash)) : undefined;
    const bare = provider === undefined ? id : id.slice(slash + 1);
    const owner = provider ?? this.#ownerOf(id);
    if (owner === null || bare === '') return null;
    const fetched = this.#fetched.get(owner.name)?.get(bare);
    if (fetched !== undefined) return { ...fetched, id, source: 'upstream' };
    const listed = this.#listedBy(owner).find((info) => info.id === bare);
    return listed === undefined ? null : { ...listed, id, source: 'provider' };
  }

  /** Models a provider is known to have without asking it: its entry's list, its own, the built-in data. */
  #listedBy(provider: ProviderInstance): readonly ModelInfo[] {
    const written = (provider.config.models ?? []).map((id) => ({ id, created: 0, ownedBy: provider.name }));
    const own = provider.type.builtin ?? [];
    const preset = provider.config.preset === undefined ? undefined : provider.type.presets[provider.config.preset];
    const data = preset?.priceProvider ?? provider.type.defaults.priceProvider;
    return data === undefined ? [...written, ...own] : [...written, ...own, ...this.#options.builtin(data)];
  }

  #find(model: string): Route | null {
    if (model.length > longestName) return null;
    const pattern = this.#patterns.find(({ prefix }) => model.startsWith(prefix) && model.length > prefix.length);
    let route: Route | null = null;
    if (pattern !== undefined) route = this.#fromConfig(pattern.name, model, model.slice(pattern.prefix.length));
    else {
      const slash = model.indexOf('/');
      const provider = slash > 0 ? this.#options.providers.get(model.slice(0, slash)) : undefined;
      if (provider !== undefined && slash < model.length - 1) route = this.#single(model, provider, model.slice(slash + 1));
      else {
        const owner = this.#ownerOf(model);
        if (owner !== null) route = this.#single(model, owner, model);
      }
    }
    if (route !== null) this.#remembered.set(model, route);
    return route;
  }

  #ownerOf(id: string): ProviderInstance | null {
    const known = this.#known.get(id);
    if (known !== undefined) return known.provider;
    for (const provider of this.#options.providers.values()) {
      if (this.#fetched.get(provider.name)?.has(id) === true) return provider;
    }
    return null;
  }

  #single(model: string, provider: ProviderInstance, upstream: string): Route {
    const targets = [this.#target(provider, upstream, 1, undefined)];
    const selector = strategies.get('priority')!.create(targets, this.#options.random);
    return { model, groups: [{ name: model, strategy: 'priority', targets, selector }], timeouts: {} };
  }

  #fromConfig(name: string, asked: string, rest: string): Route {
    const groups: TargetGroup[] = [];
    const visit = (each: string, wildcard: string): void => {
      const config = this.#options.models[each];
      if (config === undefined || groups.some((group) => group.name === each)) return;
      const targets = config.targets.flatMap((target) => {
        const provider = this.#options.providers.get(target.provider);
        if (provider === undefined) return [];
        return [this.#target(provider, target.model === '*' ? wildcard : target.model, target.weight ?? 1, target.dimensions)];
      });
      const strategy = config.strategy ?? 'weighted';
      groups.push({ name: each, strategy, targets, selector: strategies.get(strategy)!.create(targets, this.#options.random) });
      for (const fallback of config.fallbacks ?? []) visit(fallback, wildcard);
    };
    visit(name, rest);
    return { model: asked, groups, timeouts: this.#options.models[name]?.timeouts ?? {} };
  }

  #target(provider: ProviderInstance, model: string, weight: number, dimensions: number | undefined): Target {
    const id = `${provider.name}/${model}`;
    const target: Target = { id, provider, model, weight, ...(dimensions === undefined ? {} : { dimensions }) };
    if (this.#targets.size < rememberedRoutes) this.#targets.set(id, target);
    return target;
  }

  #notFound(model: string): string {
    const shown = model.length > 100 ? `${model.slice(0, 100)}…` : model;
    const first = `The model \`${shown}\` does not exist here.`;
    if (model.length > longestName) return `${first} Names have at most ${longestName} characters.`;
    const slash = model.indexOf('/');
    const bare = slash > 0 ? model.slice(slash + 1) : model;
    for (const type of this.#options.types) {
      for (const entry of type.environment) {
        if (this.#options.providers.has(entry.provider)) continue;
        const data = type.presets[entry.preset ?? '']?.priceProvider ?? type.defaults.priceProvider;
        const named = slash > 0 && model.slice(0, slash) === entry.provider;
        const listed = slash < 0 && data !== undefined && this.#options.builtin(data).some((info) => info.id === bare);
        if (named || listed) {
          const variable = entry.apiKey[0] ?? entry.baseUrl[0];
          return `${first} It is served by the provider ${entry.provider}, which is off: set ${variable} to turn it on.`;
        }
      }
    }
    const names = [...this.models().map((each) => each.id), ...this.#known.keys()].slice(0, comparedNames);
    const near = nearest(model, new Set(names));
    if (near.length > 0) return `${first} Did you mean ${near.map((name) => `\`${name}\``).join(' or ')}?`;
    const prefixes = [...this.#options.providers.keys()].map((name) => `\`${name}/…\``).join(', ');
    return `${first} GET /v1/models lists what does; any upstream model can be named with its provider: ${prefixes}.`;
  }
}

import { LRUCache } from 'lru-cache';
import type { ModelInfo, ProviderInstance, ProviderType, Target } from '../../providers/provider.ts';
import type { Config, ShadowConfig } from '../../schemas/config.ts';
import { ModelNotFoundError } from '../errors/classes.ts';
import { Candidate } from './candidate.ts';
import { Knowledge, together } from './knowledge.ts';
import { Limits } from './limits/index.ts';
import { nearest } from './nearest.ts';
import { type RatesOf, restrictionsOf } from './restrictions.ts';
import { strategies } from './strategies/index.ts';
import type { TargetState } from './target-state.ts';
import type { CatalogueModel, DescribedModel, FallbackCause, Route, Shadow, TargetGroup } from './types.ts';

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
  /** Prices of a target now; null when unknown. */
  readonly ratesOf: RatesOf;
  /** What is remembered of a target. */
  readonly stateOf: (target: Target, configured: boolean) => TargetState;
}

interface Pattern {
  readonly prefix: string;
  readonly name: string;
}

/** A target whose `info` follows what is learned of its model. */
type LivingTarget = { -readonly [Member in keyof Target]: Target[Member] };

/** What every model name stands for: configured names, patterns, `provider/model`, and bare ids that a provider is known to have. */
export class Catalogue {
  readonly #options: CatalogueOptions;
  readonly #configured = new Map<string, Route>();
  readonly #patterns: readonly Pattern[];
  /** Bare id -> provider, first in file order. Built-in knowledge and what was fetched are apart, the first wins. */
  readonly #known = new Map<string, ProviderInstance>();
  readonly #knowledge: Knowledge;
  readonly #remembered = new LRUCache<string, Route>({ max: rememberedRoutes });
  readonly #targets = new Map<string, Target>();
  readonly #limits: Limits;

  constructor(options: CatalogueOptions) {
    this.#options = options;
    this.#knowledge = new Knowledge(options.builtin, options.types);
    this.#limits = new Limits(options.models);
    const names = Object.keys(options.models);
    this.#patterns = names
      .filter((name) => name.endsWith('*'))
      .map((name) => ({ prefix: name.slice(0, -1), name }))
      .sort((a, b) => b.prefix.length - a.prefix.length);
    for (const provider of options.providers.values()) {
      for (const info of this.#knowledge.listedBy(provider)) {
        if (!this.#known.has(info.id)) this.#known.set(info.id, provider);
      }
    }
    for (const name of names) {
      if (!name.endsWith('*')) this.#configured.set(name, this.#noted(this.#fromConfig(name, name, '')));
    }
  }

  /** Throws `ModelNotFoundError`. */
  resolve(model: string): Route {
    const known = this.#configured.get(model) ?? this.#remembered.get(model);
    if (known !== undefined) return known;
    const route = this.#find(model);
    if (route === null) throw new ModelNotFoundError(this.#notFound(model));
    this.#remembered.set(model, this.#noted(route));
    return route;
  }

  /** Targets the configuration names, and those asked for so far. */
  targets(): Iterable<Target> {
    return this.#targets.values();
  }

  setFetched(provider: ProviderInstance, models: readonly ModelInfo[]): void {
    this.#knowledge.setFetched(provider, models);
    for (const { groups } of this.#configured.values()) {
      for (const target of groups.flatMap((group) => group.targets)) {
        if (target.provider === provider) (target as LivingTarget).info = this.#knowledge.of(provider, target.model);
      }
    }
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
      const fetched = this.#knowledge.fetched(provider);
      // What the upstream lists is what this credential can use; without it, what is known of the provider.
      const infos = fetched === undefined ? this.#knowledge.listedBy(provider) : fetched.values();
      const source = fetched === undefined ? 'provider' : 'upstream';
      for (const info of infos) add({ ...info, id: `${provider.name}/${info.id}`, source });
      for (const id of provider.config.models ?? [])
        add({ id: `${provider.name}/${id}`, created: 0, ownedBy: provider.name, source: 'provider' });
    }
    return [...list.values()];
  }

  /** One model by the id a caller may name, with all that is known of it. */
  model(id: string): DescribedModel | null {
    const listed = this.#listed(id);
    const route = listed === null ? null : (this.#configured.get(id) ?? this.#find(id));
    if (listed === null || route === null) return null;
    const able = together(route.groups.flatMap(({ targets }) => targets.map(({ info }) => info)));
    return { ...able, ...listed, targets: route.groups[0]?.targets ?? [] };
  }

  #listed(id: string): CatalogueModel | null {
    if (this.#configured.has(id)) return { id, created: 0, ownedBy: 'postern', source: 'configured' };
    const slash = id.indexOf('/');
    const provider = slash > 0 ? this.#options.providers.get(id.slice(0, slash)) : undefined;
    const bare = provider === undefined ? id : id.slice(slash + 1);
    const owner = provider ?? this.#ownerOf(id);
    if (owner === null || bare === '') return null;
    const fetched = this.#knowledge.fetched(owner)?.get(bare);
    const info = fetched ?? this.#knowledge.listedBy(owner).find((each) => each.id === bare);
    if (info === undefined) return null;
    return { id, created: info.created, ownedBy: info.ownedBy, source: fetched === undefined ? 'provider' : 'upstream' };
  }

  #find(model: string): Route | null {
    if (model.length > longestName) return null;
    const pattern = this.#patterns.find(({ prefix }) => model.startsWith(prefix) && model.length > prefix.length);
    if (pattern !== undefined) return this.#fromConfig(pattern.name, model, model.slice(pattern.prefix.length));
    const slash = model.indexOf('/');
    const provider = slash > 0 ? this.#options.providers.get(model.slice(0, slash)) : undefined;
    if (provider !== undefined && slash < model.length - 1) return this.#single(model, provider, model.slice(slash + 1));
    const owner = this.#ownerOf(model);
    return owner === null ? null : this.#single(model, owner, model);
  }

  /** The route, its targets from now on among those whose health is shown. */
  #noted(route: Route): Route {
    for (const target of route.groups.flatMap((group) => group.targets)) {
      if (this.#targets.size < rememberedRoutes) this.#targets.set(target.id, target);
    }
    return route;
  }

  #ownerOf(id: string): ProviderInstance | null {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    for (const provider of this.#options.providers.values()) {
      if (this.#knowledge.fetched(provider)?.has(id) === true) return provider;
    }
    return null;
  }

  #single(model: string, provider: ProviderInstance, upstream: string): Route {
    const target = this.#target(provider, upstream, 1, undefined);
    return { model, groups: [this.#group(model, 'priority', [target], null, 'exhausted')], timeouts: {} };
  }

  #fromConfig(name: string, asked: string, rest: string): Route {
    const groups: TargetGroup[] = [];
    const visit = (each: string, wildcard: string, cause: FallbackCause): void => {
      const config = this.#options.models[each];
      if (config === undefined || groups.some((group) => group.name === each && group.cause === cause)) return;
      const targets = config.targets.flatMap((target) => {
        const provider = this.#options.providers.get(target.provider);
        if (provider === undefined) return [];
        return [this.#target(provider, target.model === '*' ? wildcard : target.model, target.weight ?? 1, target.dimensions)];
      });
      groups.push(this.#group(each, config.strategy ?? 'weighted', targets, config, cause, rest === ''));
      for (const fallback of config.fallbacks ?? []) visit(fallback, wildcard, cause);
    };
    visit(name, rest, 'exhausted');
    const config = this.#options.models[name];
    const shadow = this.#shadow(config?.shadow, rest);
    if (shadow !== null && groups[0] !== undefined) groups[0] = { ...groups[0], shadow };
    for (const fallback of config?.context_window_fallbacks ?? []) visit(fallback, rest, 'context_length');
    for (const fallback of config?.content_policy_fallbacks ?? []) visit(fallback, rest, 'content_policy');
    return { model: asked, groups, timeouts: config?.timeouts ?? {} };
  }

  #group(
    name: string,
    strategy: string,
    targets: readonly Target[],
    config: TargetGroup['config'],
    cause: FallbackCause,
    configured = false,
  ): TargetGroup {
    const { random, ratesOf, stateOf } = this.#options;
    const candidates = targets.map((target, slot) => {
      const state = stateOf(target, configured);
      this.#limits.apply(target, state);
      return new Candidate(target, slot, state);
    });
    const selector = strategies.get(strategy)!.create(candidates, { random, config, ratesOf });
    const limits = config === null ? null : restrictionsOf({ maxPrice: config.max_price }, ratesOf);
    return { name, strategy, targets, candidates, selector, config, limits, cause };
  }

  #shadow(config: ShadowConfig | undefined, wildcard: string): Shadow | null {
    const provider = config === undefined ? undefined : this.#options.providers.get(config.provider);
    if (provider === undefined) return null;
    const target = this.#target(provider, config!.model === '*' ? wildcard : config!.model, 1, undefined);
    const state = this.#options.stateOf(target, wildcard === '');
    this.#limits.apply(target, state);
    return { candidate: new Candidate(target, 0, state), share: config!.share ?? 1, config: config! };
  }

  #target(provider: ProviderInstance, model: string, weight: number, dimensions: number | undefined): Target {
    const length = dimensions === undefined ? {} : { dimensions };
    return { id: `${provider.name}/${model}`, provider, model, weight, ...length, ...this.#infoOf(provider, model) };
  }

  #infoOf(provider: ProviderInstance, model: string): { readonly info?: ModelInfo } {
    const info = this.#knowledge.of(provider, model);
    return info === undefined ? {} : { info };
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

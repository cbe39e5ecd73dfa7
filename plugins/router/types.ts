import type { FailureReason, ModelInfo, ProviderInstance, ProviderType, Target } from '../../providers/provider.ts';
import type { Config, ShadowConfig, Timeouts } from '../../schemas/config.ts';
import type { Rates } from '../usage/money.ts';
import type { Candidate } from './candidate.ts';
import type { Exclusion } from './decision.ts';
import type { Needs } from './needs.ts';
import type { Restrictions } from './restrictions.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** Why a target is not offered to any caller. */
export type Unavailability = Extract<Exclusion, 'breaker' | 'probe' | 'rest' | 'keys'>;

/** An API key that is not used for a while. */
export interface ParkedCredential {
  /** Its name in the configuration; nothing of the secret. */
  readonly id: string;
  readonly reason: FailureReason;
  /** Milliseconds. */
  readonly wait: number;
}

/** Health of one target as admin, metrics and health routes show it. Times are unix milliseconds. */
export interface TargetHealth {
  readonly target: string;
  readonly provider: string;
  readonly model: string;
  readonly breaker: BreakerState;
  /** Not offered to callers until then (Retry-After, an open breaker, no key that may be used); null when available. */
  readonly unavailableUntil: number | null;
  /** Why it is not offered now; null when it is. */
  readonly exclusion: Unavailability | null;
  readonly consecutiveFailures: number;
  readonly inFlight: number;
  readonly lastFailure: { readonly reason: FailureReason; readonly at: number } | null;
  /** Milliseconds to the first content, peak EWMA; null while nothing is known. */
  readonly latencyMs: number | null;
  /** Share of the latest attempts that did not fail through the target, 0 to 1; null while nothing is known. */
  readonly uptime: number | null;
  /** Share of the input tokens that the upstream had cached, 0 to 1; null while nothing is known. */
  readonly cacheShare: number | null;
  /** Requests it may work on at once; null for any number. */
  readonly limit: number | null;
  /** Part of its share that it gets while it comes back, 0 to 1; 1 when it is back. */
  readonly share: number;
  readonly parked: readonly ParkedUntil[];
}

/** With its end, unix milliseconds. */
export interface ParkedUntil extends Omit<ParkedCredential, 'wait'> {
  readonly until: number;
}

/** API keys of one provider. */
export interface ProviderKeys {
  readonly total: number;
  /** Those that are used nowhere for a while. */
  readonly parked: readonly ParkedUntil[];
}

/** What a choice may go by beside the candidates. */
export interface Facts {
  readonly needs: Needs;
  /** Milliseconds of the router's clock. */
  readonly now: number;
}

/** Chooses among the targets of one group; keeps what its strategy has to remember. */
export interface Selector {
  /** One of `candidates`, which is never empty and in the order of the file. Changes nothing: it may be asked without consequence. */
  pick(candidates: readonly Candidate[], facts: Facts): Candidate;
  /** The pick was acted on. */
  chosen?(candidate: Candidate, candidates: readonly Candidate[]): void;
  /** What it compares candidates by, the lowest is best; absent where it goes by shares or order. */
  score?(candidate: Candidate, facts: Facts): number;
}

/** What a strategy is made with. */
export interface StrategyTools {
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** The group's entry in the configuration; null for a target that a caller named. */
  readonly config: Config['models'][string] | null;
  /** Prices now; null when unknown. */
  readonly ratesOf: (target: Target) => Rates | null;
}

/** One selection policy. */
export interface SelectionStrategy {
  /** The value of `models.*.strategy`. */
  readonly name: string;
  create(candidates: readonly Candidate[], tools: StrategyTools): Selector;
}

/** What makes a group of targets take its turn. */
export type FallbackCause = 'exhausted' | 'context_length' | 'content_policy';

/** A second target that gets copies of a model's calls; nobody sees its answers. */
export interface Shadow {
  readonly candidate: Candidate;
  /** Of the calls, 0 to 1. */
  readonly share: number;
  /** The entry that asks for it. */
  readonly config: ShadowConfig;
}

/** Targets among which one strategy chooses; the next group is tried when every target of this one is out. */
export interface TargetGroup {
  readonly name: string;
  readonly strategy: string;
  readonly targets: readonly Target[];
  /** The same, with what is remembered of each. */
  readonly candidates: readonly Candidate[];
  readonly selector: Selector;
  readonly config: Config['models'][string] | null;
  /** What the configuration allows of them; null for all. */
  readonly limits: Restrictions | null;
  /** Who gets copies of the calls; only of the model's own group. */
  readonly shadow?: Shadow;
  /** `exhausted` for the model's own group and its plain fallbacks. */
  readonly cause: FallbackCause;
}

/** What a model name stands for. */
export interface Route {
  /** The name asked for. */
  readonly model: string;
  /** The model's own group, then those of its fallbacks. */
  readonly groups: readonly TargetGroup[];
  readonly timeouts: Readonly<Partial<Timeouts>>;
}

/** A model that callers may name. */
export interface CatalogueModel extends ModelInfo {
  /** `configured`: written in `models`; `provider`: known of a provider without asking; `upstream`: fetched from it. */
  readonly source: 'configured' | 'provider' | 'upstream';
}

/** One model with all that is known of it. */
export interface DescribedModel extends CatalogueModel {
  /** Where requests for it go, those of its fallbacks left out. */
  readonly targets: readonly Target[];
}

/** `fastify.router`. */
export interface Router {
  /** Makes a provider type known; called by provider plugins. Its instances are made from the configuration. */
  register(type: ProviderType): void;
  readonly providers: ReadonlyMap<string, ProviderInstance>;
  /** Throws `ModelNotFoundError`. Never waits. */
  resolve(model: string): Route;
  /** Models for the list, without patterns, each id once. */
  models(): readonly CatalogueModel[];
  /** One model by the id a caller may name; null when it is none. */
  model(id: string): DescribedModel | null;
  health(): readonly TargetHealth[];
  keys(provider: ProviderInstance): ProviderKeys;
}

import type { FailureReason, ModelInfo, ProviderInstance, ProviderType, Target } from '../../providers/provider.ts';
import type { Strategy, Timeouts } from '../../schemas/config.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** Health of one target as admin, metrics and health routes show it. Times are unix milliseconds. */
export interface TargetHealth {
  readonly target: string;
  readonly provider: string;
  readonly model: string;
  readonly breaker: BreakerState;
  /** Not offered to callers until then (Retry-After or an open breaker); null when available. */
  readonly unavailableUntil: number | null;
  readonly consecutiveFailures: number;
  readonly inFlight: number;
  readonly lastFailure: { readonly reason: FailureReason; readonly at: number } | null;
}

/** Chooses among the targets of one group; keeps what its strategy has to remember. */
export interface Selector {
  /** One of `available`, which is never empty. */
  pick(available: readonly Target[]): Target;
}

/** One selection policy. `random` gives numbers in [0, 1). */
export interface SelectionStrategy {
  readonly name: Strategy;
  create(targets: readonly Target[], random: () => number): Selector;
}

/** Targets among which one strategy chooses; the next group is tried when every target of this one is out. */
export interface TargetGroup {
  readonly name: string;
  readonly strategy: Strategy;
  readonly targets: readonly Target[];
  readonly selector: Selector;
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
}

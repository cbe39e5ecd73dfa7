import { LRUCache } from 'lru-cache';
import type { ProviderInstance, Target } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { CredentialPool } from './credentials.ts';
import { TargetState } from './target-state.ts';

/** Callers name models freely (`provider/anything`), so what is remembered of their targets has a bound. */
const rememberedTargets = 10_000;

/** What is remembered of every target, and of the keys of every provider. */
export class TargetStates {
  /** Those the configuration names are never forgotten: routes hold them for good. */
  readonly #configured = new Map<string, TargetState>();
  readonly #named = new LRUCache<string, TargetState>({ max: rememberedTargets });
  readonly #pools = new Map<ProviderInstance, CredentialPool>();
  readonly #options: Config['health'];

  constructor(options: Config['health']) {
    this.#options = options;
  }

  get size(): number {
    return this.#configured.size + this.#named.size;
  }

  /** Made when first asked for. */
  of(target: Target, configured: boolean): TargetState {
    const { id } = target;
    const state = this.#configured.get(id) ?? this.#named.get(id) ?? this.#made(target);
    if (configured) this.#configured.set(id, state);
    else if (!this.#configured.has(id)) this.#named.set(id, state);
    return state;
  }

  /** What is used is not forgotten. */
  used({ id }: Target): void {
    if (!this.#configured.has(id)) this.#named.get(id);
  }

  /** To be shown: a target of which nothing is remembered is as one that was never asked. */
  shown(target: Target): TargetState {
    return this.#configured.get(target.id) ?? this.#named.peek(target.id) ?? this.#made(target);
  }

  *all(): Iterable<TargetState> {
    yield* this.#configured.values();
    yield* this.#named.values();
  }

  pool(provider: ProviderInstance): CredentialPool {
    const known = this.#pools.get(provider);
    if (known !== undefined) return known;
    const pool = new CredentialPool(provider, this.#options);
    this.#pools.set(provider, pool);
    return pool;
  }

  #made({ provider }: Target): TargetState {
    return new TargetState(this.pool(provider), this.#options.slow_start);
  }
}

import type { ProviderInstance, Target } from '../../../providers/provider.ts';
import type { ConcurrencyConfig, Config } from '../../../schemas/config.ts';
import type { ConcurrencyLimit, TargetState } from '../target-state.ts';
import { FixedLimit } from './fixed.ts';
import { GradientLimit } from './gradient.ts';
import { Sockets } from './sockets.ts';

/** An adaptive limit without `max` gets no higher. */
const highest = 1_000;

type Concurrency = Readonly<ConcurrencyConfig>;

/** The limit an entry asks for; null for none. */
export function limitOf(config: Concurrency | undefined): ConcurrencyLimit | null {
  if (config?.adaptive === true) return new GradientLimit(config.max ?? highest);
  return config?.max === undefined ? null : new FixedLimit(config.max);
}

/**
 * Gives targets their limits. A target has one, whichever model it is asked for through: that of the first entry of the file that
 * names it and a limit, else that of the first with "*" in the place of its model, else its provider's.
 */
export class Limits {
  readonly #written = new Map<string, Concurrency>();
  readonly #sockets = new Map<ProviderInstance, Sockets>();

  constructor(models: Config['models']) {
    for (const { targets } of Object.values(models)) {
      for (const { provider, model, concurrency } of targets) {
        const id = `${provider}/${model}`;
        if (concurrency !== undefined && !this.#written.has(id)) this.#written.set(id, concurrency);
      }
    }
  }

  /** Once for each state; later calls change nothing. */
  apply({ id, provider }: Target, state: TargetState): void {
    if (state.sockets !== null) return;
    state.sockets = this.#socketsOf(provider);
    state.limit = limitOf(this.#written.get(id) ?? this.#written.get(`${provider.name}/*`) ?? provider.config.concurrency);
  }

  #socketsOf(provider: ProviderInstance): Sockets {
    const known = this.#sockets.get(provider);
    if (known !== undefined) return known;
    const sockets = new Sockets(provider);
    this.#sockets.set(provider, sockets);
    return sockets;
  }
}

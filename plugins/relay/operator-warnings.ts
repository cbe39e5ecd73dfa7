import type { FastifyBaseLogger } from 'fastify';
import type { FailureReason, ProviderInstance, Target } from '../../providers/provider.ts';
import type { Route } from '../router/index.ts';

/** Milliseconds between two warnings about the same thing. */
const quiet = 60_000;

/** Tells the operator of what only the operator can mend: keys that providers refuse, models that are gone. `now`: milliseconds. */
export class OperatorWarnings {
  readonly #log: Pick<FastifyBaseLogger, 'warn'>;
  readonly #now: () => number;
  /** When each was told last; as many as the configuration has keys and targets. */
  readonly #told = new Map<string, number>();

  constructor(log: Pick<FastifyBaseLogger, 'warn'>, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** A send failed. `credential`: id of the key. */
  failed(route: Route, target: Target, credential: string, reason: FailureReason): void {
    if (reason === 'authentication' || reason === 'quota') this.#key(target, credential, reason);
    else if (reason === 'not_found') this.#gone(route, target);
  }

  #key({ provider }: Target, credential: string, reason: 'authentication' | 'quota'): void {
    const { name } = provider;
    if (!this.#isDue(`${name} ${credential} ${reason}`)) return;
    const what = reason === 'quota' ? 'has no quota left for this key: see' : 'refuses this key: check';
    this.#log.warn({ provider: name, credential, reason }, `the provider ${what} ${placeOf(provider, credential)}`);
  }

  /** Names that callers made up are their own affair. */
  #gone({ model, groups }: Route, { id, provider, model: upstream }: Target): void {
    const written = groups.some(({ config }) =>
      config?.targets.some((each) => each.provider === provider.name && each.model === upstream),
    );
    if (!written || !this.#isDue(id)) return;
    this.#log.warn(
      { provider: provider.name, target: upstream, model },
      'the provider does not have this model any more: change the targets that name it',
    );
  }

  #isDue(what: string): boolean {
    const now = this.#now();
    if (now - (this.#told.get(what) ?? Number.NEGATIVE_INFINITY) < quiet) return false;
    this.#told.set(what, now);
    return true;
  }
}

/** Where the operator finds a key. */
function placeOf({ name, config: { api_keys: list } }: ProviderInstance, credential: string): string {
  if (list?.some((each, at) => (each.name ?? String(at + 1)) === credential)) {
    return list.length > 1 ? `the key ${credential} of providers.${name}.api_keys` : `providers.${name}.api_keys`;
  }
  return list === undefined && credential === '1'
    ? `providers.${name}.api_key`
    : `the key ${credential} of /admin/v1/providers/${name}/keys`;
}

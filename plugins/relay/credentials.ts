import type { FastifyBaseLogger } from 'fastify';

/** Milliseconds between two warnings about one provider. */
const quiet = 60_000;

/** Tells the operator of a provider that refuses its credential, which only the operator can mend. `now`: milliseconds. */
export class CredentialWarnings {
  readonly #log: Pick<FastifyBaseLogger, 'warn'>;
  readonly #now: () => number;
  /** By provider; as many as the configuration names. */
  readonly #told = new Map<string, number>();

  constructor(log: Pick<FastifyBaseLogger, 'warn'>, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  refused(provider: string): void {
    const now = this.#now();
    if (now - (this.#told.get(provider) ?? -Infinity) < quiet) return;
    this.#told.set(provider, now);
    this.#log.warn({ provider }, `the provider refuses its credential: check providers.${provider}.api_key`);
  }
}

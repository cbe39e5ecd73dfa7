import type { CredentialPool } from './credentials.ts';

/** Providers whose probes fail, each known by its keys. Times are milliseconds of the router's clock. */
export class DownProviders {
  readonly #again = new Map<CredentialPool, number>();

  /** `again`: when the next probe is sent. */
  add(pool: CredentialPool, again: number): void {
    this.#again.set(pool, again);
  }

  /** False when it was not down. */
  remove(pool: CredentialPool): boolean {
    return this.#again.delete(pool);
  }

  has(pool: CredentialPool): boolean {
    return this.#again.size > 0 && this.#again.has(pool);
  }

  /** Milliseconds until it may be worth asking again; 0 when it is not down. */
  wait(pool: CredentialPool, now: number): number {
    return this.has(pool) ? Math.max(this.#again.get(pool)! - now, 100) : 0;
  }
}

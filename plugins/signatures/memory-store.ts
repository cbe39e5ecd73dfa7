import { LRUCache } from 'lru-cache';
import type { Kept } from '../../providers/provider.ts';
import type { Entry, SignatureStore, StoreLimits } from './contract.ts';

/** Bytes of an entry beside its text, about. */
const overhead = 300;

interface Held {
  readonly kept: Kept;
  /** Unix milliseconds after which it is not told any more. */
  readonly until: number;
}

/** Entries in memory: in front of another backend, and in tests. */
export class MemorySignatureStore implements SignatureStore {
  readonly #entries: LRUCache<string, Held>;
  readonly #age: number;
  readonly #now: () => number;

  /** `now`: unix milliseconds. */
  constructor(limits: StoreLimits, now: () => number) {
    this.#entries = new LRUCache({ max: limits.entries, maxSize: limits.bytes });
    this.#age = limits.age;
    this.#now = now;
  }

  find(keys: readonly string[]): ReadonlyMap<string, Kept> {
    const found = new Map<string, Kept>();
    const now = this.#now();
    for (const key of keys) {
      const held = this.#entries.get(key);
      if (held === undefined) continue;
      if (held.until > now) found.set(key, held.kept);
      else this.#entries.delete(key);
    }
    return found;
  }

  keep(entries: readonly Entry[]): void {
    const until = this.#now() + this.#age;
    for (const { key, kept, text } of entries) {
      this.#entries.set(key, { kept, until }, { size: 2 * text.length + overhead });
    }
  }

  close(): void {
    this.#entries.clear();
  }
}

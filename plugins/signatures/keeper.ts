import type { FastifyBaseLogger } from 'fastify';
import type { Kept } from '../../providers/provider.ts';
import type { Entry, SignatureCounts, SignatureStore, Signatures } from './contract.ts';
import type { MemorySignatureStore } from './memory-store.ts';
import { recordKey, toText } from './record.ts';

export interface KeeperOptions {
  /** In memory, asked first. */
  readonly front: MemorySignatureStore;
  readonly store: SignatureStore;
  readonly counts: SignatureCounts;
  /** Bytes of one entry at most. */
  readonly entryBytes: number;
  /** Milliseconds an answer waits for its entries to be durable. */
  readonly wait: number;
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'info'>;
}

/** Ids looked up per request, the newest of a history; dialects ask for signatures of the current turn. */
const maxIds = 500;
/** Characters; longer ids are nobody's. */
const longestId = 256;
const ignore = (): void => {};

/** The entries of all tenants: in memory, and in a backend that outlives the process. */
export class SignatureKeeper implements Signatures {
  readonly #options: KeeperOptions;
  #failing = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  find(tenant: string, ids: readonly string[]): ReadonlyMap<string, Kept> | Promise<ReadonlyMap<string, Kept>> {
    const keys = new Map<string, string>();
    for (let at = ids.length - 1; at >= 0 && keys.size < maxIds; at--) {
      const id = ids[at]!;
      if (id.length <= longestId) keys.set(recordKey(tenant, id), id);
    }
    const wanted = [...keys.keys()];
    const held = this.#options.front.find(wanted);
    const missing = held.size === wanted.length ? [] : wanted.filter((key) => !held.has(key));
    const found = new Map<string, Kept>();
    for (const [key, kept] of held) found.set(keys.get(key)!, kept);
    if (missing.length === 0) return this.#counted(wanted.length, found);
    const take = (stored: ReadonlyMap<string, Kept>): ReadonlyMap<string, Kept> => {
      const entries: Entry[] = [];
      for (const [key, kept] of stored) {
        found.set(keys.get(key)!, kept);
        entries.push({ key, kept, text: toText(kept) });
      }
      this.#options.front.keep(entries);
      return this.#counted(wanted.length, found);
    };
    const failed = (error: unknown): ReadonlyMap<string, Kept> => {
      this.#failed(0, error);
      return this.#counted(wanted.length, found);
    };
    try {
      const stored = this.#options.store.find(missing);
      return stored instanceof Promise ? stored.then(take, failed) : take(stored);
    } catch (error) {
      return failed(error);
    }
  }

  keep(tenant: string, kept: readonly Kept[]): void | Promise<void> {
    const { front, store, counts, entryBytes } = this.#options;
    const entries: Entry[] = [];
    for (const each of kept) {
      const text = toText(each);
      if (each.id.length > longestId || Buffer.byteLength(text) > entryBytes) counts.tooLarge++;
      else entries.push({ key: recordKey(tenant, each.id), kept: each, text });
    }
    if (entries.length === 0) return;
    front.keep(entries);
    try {
      const stored = store.keep(entries);
      if (stored instanceof Promise) return this.#waited(stored, entries.length);
      this.#stored(entries.length);
    } catch (error) {
      this.#failed(entries.length, error);
    }
  }

  #counted(asked: number, found: ReadonlyMap<string, Kept>): ReadonlyMap<string, Kept> {
    const { counts } = this.#options;
    counts.hits += found.size;
    counts.misses += asked - found.size;
    return found;
  }

  /** The answer waits, but not for a disk that does not answer: the entries are in memory already. */
  #waited(stored: Promise<void>, entries: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#failed(entries, new Error('it does not answer in time'));
      resolve();
    }, this.#options.wait);
    stored
      .then(
        () => this.#stored(late ? 0 : entries),
        (error: unknown) => this.#failed(late ? 0 : entries, error),
      )
      .then(() => {
        clearTimeout(timer);
        resolve();
      }, ignore);
    return promise;
  }

  #stored(entries: number): void {
    this.#options.counts.kept += entries;
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.log.info('signatures are kept again');
  }

  #failed(entries: number, error: unknown): void {
    this.#options.counts.failed += entries;
    if (this.#failing) return;
    this.#failing = true;
    this.#options.log.warn(
      { problem: (error as Error).message },
      'signatures of tool calls cannot be kept or read: after a restart models are told a stand-in for them; look at the disk',
    );
  }
}

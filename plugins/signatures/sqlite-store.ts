import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { FastifyBaseLogger } from 'fastify';
import type { Kept } from '../../providers/provider.ts';
import type { Entry, SignatureStore, StoreLimits } from './contract.ts';
import { fromText } from './record.ts';
import type { Sealer } from './seal.ts';
import { isCorruption, openSignatures, renewSignatures } from './sqlite-file.ts';
import { Writer } from './writer.ts';

export interface SqliteStoreOptions {
  readonly path: string;
  readonly sealer: Sealer;
  readonly limits: StoreLimits;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
  readonly onPruned: (rows: number) => void;
}

/** Milliseconds between two looks at the age of the oldest entry, where no writes make them. */
const lookEvery = 3_600_000;

/**
 * Entries in a file of their own (SQLite, WAL), encrypted. Read on the event loop by one statement per `find`, written by a
 * thread. A file found damaged is moved aside and a new one begun.
 */
export class SqliteSignatureStore implements SignatureStore {
  readonly #options: SqliteStoreOptions;
  #database: DatabaseSync | null = null;
  #select: StatementSync | null = null;
  #oldest: StatementSync | null = null;
  #writer: Writer;
  readonly #timer: NodeJS.Timeout;
  #renewal: Promise<void> | null = null;
  #toldOfLoss = false;

  /** Throws an error that says what to do when the file cannot be opened. */
  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#use(openSignatures(options.path, options.now(), options.log));
    this.#writer = this.#newWriter();
    this.#look();
    this.#timer = setInterval(() => this.#look(), lookEvery).unref();
  }

  find(keys: readonly string[]): ReadonlyMap<string, Kept> {
    const found = new Map<string, Kept>();
    if (this.#select === null) return found;
    const since = this.#options.now() - this.#options.limits.age;
    const unreadable: string[] = [];
    let rows: { key: string; kept_at: number; value: Uint8Array }[];
    try {
      rows = this.#select.all(JSON.stringify(keys)) as unknown as typeof rows;
    } catch (error) {
      if (isCorruption(error)) this.#renew((error as Error).message);
      throw error;
    }
    for (const { key, kept_at: keptAt, value } of rows) {
      if (keptAt < since) continue;
      const text = this.#options.sealer.open(key, value);
      const kept = text === null ? null : fromText(text);
      if (kept === null) unreadable.push(key);
      else found.set(key, kept);
    }
    if (unreadable.length > 0) this.#lost(unreadable);
    return found;
  }

  #lost(keys: readonly string[]): void {
    this.#writer.forget(keys);
    if (this.#toldOfLoss) return;
    this.#toldOfLoss = true;
    this.#options.log.warn(
      'kept signatures cannot be read and are given up: they were written with another key (ENCRYPTION_KEY, encryption.key), or are damaged',
    );
  }

  keep(entries: readonly Entry[]): Promise<void> {
    return this.#writer.keep(entries.map(({ key, text }) => ({ key, value: this.#options.sealer.seal(key, text) })));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewal;
    // Ours goes first: whoever closes last brings the journal into the file, and waits for the disk.
    this.#release();
    await this.#writer.close();
  }

  #use(database: DatabaseSync): void {
    this.#select = database.prepare('SELECT key, kept_at, value FROM kept WHERE key IN (SELECT value FROM json_each(?))');
    this.#oldest = database.prepare('SELECT kept_at FROM kept ORDER BY id LIMIT 1');
    this.#database = database;
  }

  #release(): void {
    this.#select = null;
    this.#oldest = null;
    this.#database?.close();
    this.#database = null;
  }

  #newWriter(): Writer {
    const { path, limits, now, onPruned } = this.#options;
    const onCorrupt = (problem: string): void => this.#renew(problem);
    return new Writer({ setup: { path, ...limits }, now, onPruned, onCorrupt });
  }

  #look(): void {
    if (this.#oldest === null) {
      this.#renew('it could not be opened');
      return;
    }
    try {
      const row = this.#oldest.get() as { kept_at: number } | undefined;
      if (row !== undefined && row.kept_at < this.#options.now() - this.#options.limits.age) this.#writer.prune();
    } catch (error) {
      if (isCorruption(error)) this.#renew((error as Error).message);
    }
  }

  /** The damaged file goes aside; until the new one is there nothing is found and nothing kept. */
  #renew(problem: string): void {
    if (this.#renewal !== null) return;
    this.#release();
    this.#renewal = this.#writer.destroy().then(() => {
      const { path, now, log } = this.#options;
      try {
        this.#use(renewSignatures(path, now(), log, problem));
        this.#writer = this.#newWriter();
      } catch (err) {
        log.warn({ err }, 'the file of kept signatures cannot be begun anew: it is tried again in an hour');
      }
      this.#renewal = null;
    });
  }
}

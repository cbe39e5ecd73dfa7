import type { FastifyBaseLogger } from 'fastify';
import {
  type Collection,
  collections,
  type Document,
  RecordConflict,
  type RecordStore,
  RecordStoreError,
  type Records,
  type StoredRecord,
} from './contract.ts';
import type { Envelope, Place } from './envelope.ts';

export interface KeeperOptions {
  readonly store: RecordStore;
  readonly envelope: Envelope;
  readonly log: Pick<FastifyBaseLogger, 'warn' | 'error' | 'info'>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A document whose data key is wrapped under a previous key. */
export interface Outdated {
  readonly record: StoredRecord & { readonly sealed: Uint8Array };
}

/** A newer version than the one in memory, or one of a document that memory does not have. */
interface Unreadable {
  readonly version: number;
  /** `kek_…`; null: damaged or forged. */
  readonly unknownKey: string | null;
}

/** Milliseconds without news from a shared store after which documents may be out of date: what the outside is promised of revocation. */
const staleAfter = 2_000;
/** Missing keys that are told of in the log; whoever may write to the store can name any number. */
const mostTold = 100;

/** All documents in memory, by what a store tells. What does not open is left out: memory stays as it was before. */
export class RecordKeeper implements Records {
  readonly #options: KeeperOptions;
  readonly #documents = new Map<Collection, Map<string, Document>>(collections.map((each) => [each, new Map()]));
  readonly #listeners = new Map<Collection, ((ids: readonly string[]) => void)[]>();
  /** By place: the newest version that was opened, removals included. What is older never counts again. */
  readonly #versions = new Map<string, number>();
  readonly #outdated = new Map<string, Outdated>();
  readonly #unreadable = new Map<string, Unreadable>();
  /** Names of encryption keys that the log has said are missing. */
  readonly #toldMissing = new Set<string>();
  #sequence = 0;
  #loaded = false;
  /** When the store last answered. */
  #heardAt = Number.NEGATIVE_INFINITY;
  #writeFailure: string | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** By place, in no particular order. */
  get outdated(): ReadonlyMap<string, Outdated> {
    return this.#outdated;
  }

  get counts(): { readonly documents: number; readonly unreadable: number; readonly underPreviousKeys: number } {
    let documents = 0;
    for (const each of this.#documents.values()) documents += each.size;
    return { documents, unreadable: this.#unreadable.size, underPreviousKeys: this.#outdated.size };
  }

  /** Reads what has changed. Rejects with `RecordStoreError`. */
  async refresh(): Promise<void> {
    const asked = this.#options.now();
    const { sequence, records } = await this.#options.store.changes(this.#sequence);
    this.#take(records);
    this.#sequence = sequence;
    this.#loaded = true;
    this.#heardAt = asked;
    this.#writeFailure = null;
  }

  /** Keys that are needed and not configured, with the number of documents under each. */
  missingKeys(): ReadonlyMap<string, number> {
    const missing = new Map<string, number>();
    for (const { unknownKey } of this.#unreadable.values()) {
      if (unknownKey !== null) missing.set(unknownKey, (missing.get(unknownKey) ?? 0) + 1);
    }
    return missing;
  }

  all<T>(collection: Collection): ReadonlyMap<string, Document<T>> {
    return this.#documents.get(collection) as ReadonlyMap<string, Document<T>>;
  }

  async create<T>(collection: Collection, id: string, value: T): Promise<Document<T>> {
    const record = this.#sealed({ collection, id, version: 1 }, value);
    try {
      await this.put(record);
    } catch (error) {
      // Replicas that start at once all make the same document: those that were slower have to see it before they look again.
      if (error instanceof RecordConflict) await this.refresh().catch(() => undefined);
      throw error;
    }
    return this.#applied(record);
  }

  async replace<T>(collection: Collection, id: string, version: number, value: T): Promise<Document<T>> {
    const record = await this.#after(collection, id, version, (next) => this.#sealed({ collection, id, version: next }, value));
    return this.#applied(record);
  }

  async remove(collection: Collection, id: string, version: number): Promise<void> {
    const record = await this.#after(collection, id, version, (next) => ({ collection, id, version: next, sealed: null }));
    this.#take([record]);
  }

  onChange(collection: Collection, listener: (ids: readonly string[]) => void): void {
    const listeners = this.#listeners.get(collection) ?? [];
    this.#listeners.set(collection, listeners);
    listeners.push(listener);
  }

  stale(): boolean {
    const { store, now } = this.#options;
    return !this.#loaded || (store.shared && now() - this.#heardAt > staleAfter);
  }

  problem(): string | null {
    if (!this.#loaded) return 'the keys and teams of the admin API could not be read yet: their store does not answer';
    if (this.stale()) {
      return 'the store of the keys and teams of the admin API does not answer: they are as they were, and cannot be changed';
    }
    const missing = [...this.missingKeys().keys()];
    if (missing.length > 0) return `documents are under an encryption key that is not configured (${missing.join(', ')})`;
    if (this.#unreadable.size > 0) return `${this.#unreadable.size} documents do not open and are left out`;
    return this.#writeFailure;
  }

  /** Writes a version and remembers whether that worked. Memory is not changed. */
  async put(record: StoredRecord): Promise<void> {
    try {
      await this.#options.store.write(record);
      this.#writeFailure = null;
    } catch (error) {
      if (error instanceof RecordConflict) throw error;
      this.#writeFailure = 'the keys and teams of the admin API cannot be changed: their store does not take it';
      throw error instanceof RecordStoreError ? error : new RecordStoreError((error as Error).message, { cause: error });
    }
  }

  /** What was written here is there at once, not with the next look at the store. */
  written(records: readonly StoredRecord[]): void {
    this.#take(records);
  }

  #sealed<T>(place: Place, value: T): StoredRecord {
    const json = JSON.stringify(value);
    if (json === undefined) throw new TypeError('A document has to be JSON.');
    return { ...place, sealed: this.#options.envelope.seal(place, json) };
  }

  /** What was written, as everyone has it now; a newer version where another process was as quick. */
  #applied<T>(record: StoredRecord): Document<T> {
    this.#take([record]);
    const document = this.all<T>(record.collection).get(record.id);
    if (document === undefined) throw new RecordConflict(`${record.collection} ${record.id} was removed at once`);
    return document;
  }

  /** Writes what follows a version. A forgery put over that does not keep the owner from writing over it in turn. */
  async #after(
    collection: Collection,
    id: string,
    version: number,
    make: (version: number) => StoredRecord,
  ): Promise<StoredRecord> {
    const current = this.#documents.get(collection)!.get(id)?.version;
    if (current !== version) throw new RecordConflict(`${collection} ${id} is at version ${current ?? 'none'}, not ${version}`);
    const next = make(version + 1);
    try {
      await this.put(next);
      return next;
    } catch (error) {
      const found = this.#unreadable.get(placeOf(collection, id));
      // What another key sealed may be the newer truth.
      if (!(error instanceof RecordConflict) || found === undefined || found.unknownKey !== null) throw error;
      const over = make(found.version + 1);
      await this.put(over);
      return over;
    }
  }

  #take(records: readonly StoredRecord[]): void {
    const changed = new Map<Collection, Set<string>>();
    for (const record of records) {
      if (!this.#takeOne(record)) continue;
      const ids = changed.get(record.collection);
      if (ids === undefined) changed.set(record.collection, new Set([record.id]));
      else ids.add(record.id);
    }
    for (const [collection, ids] of changed) this.#tell(collection, [...ids]);
  }

  /** False where nothing changed. */
  #takeOne(record: StoredRecord): boolean {
    const { collection, id, version, sealed } = record;
    const documents = this.#documents.get(collection);
    if (documents === undefined) return false;
    const place = placeOf(collection, id);
    const have = this.#versions.get(place) ?? 0;
    if (!(version > have || (record.instead === true && version === have))) return false;
    if (sealed === null) {
      documents.delete(id);
      this.#outdated.delete(place);
    } else {
      const opened = this.#options.envelope.open(record, sealed);
      if (!opened.ok) {
        this.#leaveOut(place, record, opened.unknownKey);
        return false;
      }
      documents.set(id, Object.freeze({ id, version, value: frozen(JSON.parse(opened.json)) }));
      if (opened.outdated) this.#outdated.set(place, { record: { ...record, sealed } });
      else this.#outdated.delete(place);
    }
    this.#versions.set(place, version);
    this.#unreadable.delete(place);
    return true;
  }

  #leaveOut(place: string, { collection, id, version }: StoredRecord, unknownKey: string | null): void {
    const known = this.#unreadable.has(place);
    this.#unreadable.set(place, { version, unknownKey });
    if (known) return;
    if (unknownKey === null) {
      const why =
        'a document does not open and is left out: it is damaged, or was not written by a gateway with this encryption key';
      this.#options.log.error({ collection, id, version }, why);
      return;
    }
    // Once for all documents under it: a line for each of 29 stood below the reason why the start was refused, and hid it.
    if (this.#toldMissing.has(unknownKey) || this.#toldMissing.size >= mostTold) return;
    this.#toldMissing.add(unknownKey);
    this.#options.log.error(
      { kek_id: unknownKey },
      'documents are left out: the encryption key they are under is not configured (PREVIOUS_ENCRYPTION_KEYS)',
    );
  }

  #tell(collection: Collection, ids: readonly string[]): void {
    for (const listener of this.#listeners.get(collection) ?? []) {
      try {
        listener(ids);
      } catch (err) {
        this.#options.log.error({ err, collection }, 'a change of documents could not be used');
      }
    }
  }
}

export const placeOf = (collection: Collection, id: string): string => `${collection}\0${id}`;

/** Everyone is given the same object. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

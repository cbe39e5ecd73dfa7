// Documents that are made through the admin API: keys, teams, admin keys, provider keys. They are few (tens of thousands), read on every
// call and changed rarely, so every process has all of them in memory; a store keeps them, sealed, and tells what others changed.

export const collections = ['secret', 'team', 'key', 'admin_key', 'provider_key'] as const;
export type Collection = (typeof collections)[number];

/** One document as a store has it. */
export interface StoredRecord {
  readonly collection: Collection;
  readonly id: string;
  /** Grows by one with each change, from 1. */
  readonly version: number;
  /** Authenticated and encrypted, bound to collection, id and version; null: the document was removed. */
  readonly sealed: Uint8Array | null;
  /** From a store that had lost it: stands in the place of what was told as this version before. */
  readonly instead?: true;
}

export interface RecordChanges {
  /** Everything up to here is in `records`; what `changes` is asked from next. */
  readonly sequence: number;
  readonly records: readonly StoredRecord[];
}

/** Someone else changed the document first. */
export class RecordConflict extends Error {
  override readonly name = 'RecordConflict';
}

/** The store cannot be reached or written. */
export class RecordStoreError extends Error {
  override readonly name = 'RecordStoreError';
}

/** Every backend behaves alike (test/plugins/records/store-suite.ts). */
export interface RecordStore {
  readonly kind: 'memory' | 'sqlite' | 'redis';
  /** What has changed after a sequence number; 0 for everything there is. */
  changes(after: number): Promise<RecordChanges>;
  /** Writes a version; `record.version` - 1 has to be the newest there is (0: none), else rejects with `RecordConflict`. */
  write(record: StoredRecord): Promise<void>;
  /** Others may write to it: it has to be asked for changes again and again. */
  readonly shared: boolean;
  close(): Promise<void>;
}

/** A document with its place. */
export interface Document<T = unknown> {
  readonly id: string;
  readonly version: number;
  readonly value: T;
}

/** `fastify.records`. What a document is, its collection's owner knows; it is JSON. */
export interface Records {
  /** All of a collection, by id. Read from memory. */
  all<T>(collection: Collection): ReadonlyMap<string, Document<T>>;
  /** Version 1 of a new document. Resolves when it is kept. Rejects with `RecordConflict` or `RecordStoreError`. */
  create<T>(collection: Collection, id: string, value: T): Promise<Document<T>>;
  /** The next version. `version`: the one it was made from. */
  replace<T>(collection: Collection, id: string, version: number, value: T): Promise<Document<T>>;
  remove(collection: Collection, id: string, version: number): Promise<void>;
  /** Calls `listener` after each change of a collection, its own ones included, with the ids that changed; until then memory has the state before. */
  onChange(collection: Collection, listener: (ids: readonly string[]) => void): void;
  /** What others have made or changed may be unknown here: the store has not answered for longer than changes may take to arrive. */
  stale(): boolean;
  /** Why documents may be out of date, or cannot be changed; null while all is well. */
  problem(): string | null;
}

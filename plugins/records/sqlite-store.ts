import type { DatabaseSync, StatementSync } from 'node:sqlite';
import {
  type Collection,
  type RecordChanges,
  RecordConflict,
  type RecordStore,
  RecordStoreError,
  type StoredRecord,
} from './contract.ts';
import { openState } from './sqlite-file.ts';

interface Row {
  readonly collection: Collection;
  readonly id: string;
  readonly version: number;
  readonly sequence: number;
  readonly sealed: Uint8Array | null;
}

/**
 * Records in a file of their own (SQLite, WAL). A write is on the disk when it resolves, after a power loss too: they are made by
 * operators, some a day, and a key that was shown once has to work. Waits for the disk on the event loop.
 */
export class SqliteRecordStore implements RecordStore {
  readonly kind = 'sqlite';
  readonly shared = false;
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  readonly #newest: StatementSync;
  readonly #last: StatementSync;
  readonly #put: StatementSync;

  /** Throws an error that says what to do when the file cannot be opened or is damaged. */
  constructor(path: string) {
    this.#database = openState(path);
    this.#select = this.#database.prepare(
      'SELECT collection, id, version, sequence, sealed FROM records WHERE sequence > ? ORDER BY sequence',
    );
    this.#newest = this.#database.prepare('SELECT version FROM records WHERE collection = ? AND id = ?');
    this.#last = this.#database.prepare('SELECT max(sequence) AS sequence FROM records');
    this.#put = this.#database.prepare(
      'INSERT OR REPLACE INTO records (collection, id, version, sequence, sealed) VALUES (?, ?, ?, ?, ?)',
    );
  }

  async changes(after: number): Promise<RecordChanges> {
    return saying(() => {
      const rows = this.#select.all(after) as unknown as Row[];
      const records = rows.map(({ collection, id, version, sealed }) => ({ collection, id, version, sealed }));
      return { sequence: rows.at(-1)?.sequence ?? this.#sequence(), records };
    });
  }

  async write({ collection, id, version, sealed }: StoredRecord): Promise<void> {
    saying(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        const newest = (this.#newest.get(collection, id) as { version: number } | undefined)?.version ?? 0;
        if (version !== newest + 1) throw new RecordConflict(`${collection} ${id} is at version ${newest}`);
        this.#put.run(collection, id, version, this.#sequence() + 1, sealed);
        this.#database.exec('COMMIT');
      } catch (error) {
        // A COMMIT that failed for the disk has ended the transaction already.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Rows are only ever replaced by newer ones, so the greatest is the last that was given. */
  #sequence(): number {
    return (this.#last.get() as { sequence: number | null }).sequence ?? 0;
  }
}

function saying<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RecordConflict) throw cause;
    throw new RecordStoreError(`the file of records does not work: ${(cause as Error).message}`, { cause });
  }
}

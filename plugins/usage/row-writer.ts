import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Write } from './rows.ts';
import { insertIntent, insertSettlement } from './tables.ts';

/** Bytes a probe writes: more than any batch of small rows, so that "works again" is not one lucky page. */
const probeBytes = 65_536;

/** Writes rows over one connection to the ledger's file. A row that is there is left as it is. Synchronous. */
export class RowWriter {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #settle: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#insert = database.prepare(insertIntent);
    this.#settle = database.prepare(insertSettlement);
  }

  /** All of it, or nothing and an error. */
  write(rows: readonly Write[]): void {
    this.#transaction(() => {
      for (const { kind, values } of rows) (kind === 'open' ? this.#insert : this.#settle).run(...values);
    });
  }

  /** Every row below `id` is settled. */
  settledBelow(id: number): void {
    this.#database.prepare("UPDATE progress SET value = ? WHERE name = 'settled_below'").run(id);
  }

  /** Throws while the file cannot grow. */
  probe(): void {
    this.#transaction(() => this.#database.prepare('INSERT INTO probe (filler) VALUES (zeroblob(?))').run(probeBytes));
    this.#transaction(() => this.#database.exec('DELETE FROM probe'));
  }

  #transaction(work: () => void): void {
    try {
      this.#begin.run();
      work();
      this.#commit.run();
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #rollback(): void {
    // SQLite has rolled back by itself after some errors (disk full), not after others.
    if (!this.#database.isTransaction) return;
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // The error that led here is the one to report.
    }
  }
}

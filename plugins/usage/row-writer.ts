import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Write } from './rows.ts';
import { insertIntent, insertSettlement } from './tables.ts';

/** Bytes a probe writes: more than any batch of small rows, so that "works again" is not one lucky page. */
const probeBytes = 65_536;

/** SQLITE_CONSTRAINT, _MISMATCH, _RANGE, _TOOBIG: what a row holds. Values that cannot be bound have no such code at all. */
const ofTheRow: ReadonlySet<number> = new Set([18, 19, 20, 25]);

function isOfTheDisk(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && !ofTheRow.has(code % 256);
}

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

  /**
   * All of it, or nothing and the disk's error. A row that the file refuses for what it holds is left out, because it would be
   * refused for ever; the ids of such rows are returned.
   */
  write(rows: readonly Write[]): readonly number[] {
    try {
      this.#transaction(() => {
        for (const row of rows) this.#run(row);
      });
      return [];
    } catch (error) {
      if (isOfTheDisk(error)) throw error;
    }
    const refused: number[] = [];
    this.#transaction(() => {
      for (const row of rows) {
        try {
          this.#run(row);
        } catch (error) {
          if (isOfTheDisk(error)) throw error;
          refused.push(row.id);
        }
      }
    });
    return refused;
  }

  #run({ kind, values }: Write): void {
    (kind === 'open' ? this.#insert : this.#settle).run(...values);
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

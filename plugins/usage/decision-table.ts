import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Decisions kept, the newest: 240 MB of calls with two targets, and 0.16 s of the check at every start. */
export const keptDecisions = 500_000;
/** Rows between two removals of the oldest. */
const removedEvery = 1_000;

/** The exchange that a record is of, which comes second in it; empty for what is no record. */
export function exchangeOf(record: string): string {
  return /^\[\d{1,3},"(ex_[0-9a-z]{1,60})"/.exec(record)?.[1] ?? '';
}

/** Decisions in the ledger's file, in the order of the time at which they came there. Synchronous. */
export class DecisionTable {
  readonly #database: DatabaseSync;
  readonly #kept: number;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  /** A process may be short-lived: its first write removes what earlier ones left. */
  #sinceRemoval = removedEvery;
  /** Time of the newest row; the clock is never followed backwards. */
  #at: number;

  /** Keeps `kept` of them, and up to 1,000 more. */
  constructor(database: DatabaseSync, kept = keptDecisions) {
    this.#database = database;
    this.#kept = kept;
    this.#insert = database.prepare('INSERT INTO decisions (at, decision) VALUES (?, ?)');
    this.#at = (database.prepare('SELECT at FROM decisions ORDER BY id DESC LIMIT 1').get()?.at ?? 0) as number;
    this.#remove = database.prepare('DELETE FROM decisions WHERE id <= (SELECT max(id) FROM decisions) - ?');
  }

  /** All of them, or nothing and the file's error. `now`: unix milliseconds. */
  write(records: readonly string[], now = Date.now()): void {
    this.#at = Math.max(this.#at, now);
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const record of records) this.#insert.run(this.#at, record);
      this.#sinceRemoval += records.length;
      const removes = this.#sinceRemoval >= removedEvery;
      if (removes) this.#remove.run(this.#kept);
      this.#database.exec('COMMIT');
      if (removes) this.#sinceRemoval = 0;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full), not after others.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

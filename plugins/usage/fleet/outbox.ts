import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import { intentColumns, settlementColumns } from '../tables.ts';

// The order in which rows were settled, kept in the ledger's file by a trigger: so a row and its place are one transaction, whoever
// writes it. Sequence numbers only grow, also where a power loss has taken the newest of them: every start begins at its own time.

/** Where a start began. Sums before it are in the base of this replica alone: nobody can have them by the rows. */
const gapMark = 0;
/** Where a start began after another that kept the order too. */
const startMark = -1;

/** Sequence numbers in a millisecond; 2^53 of them end in the year 2255. */
const perMillisecond = 1_000;

const table = 'CREATE TABLE IF NOT EXISTS outbox (sequence INTEGER PRIMARY KEY, id INTEGER NOT NULL) STRICT;';
const trigger = `CREATE TRIGGER outbox_settled AFTER INSERT ON settlements BEGIN INSERT INTO outbox (id) VALUES (NEW.id); END`;

function hasTrigger(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name = 'outbox_settled'").get() !== undefined;
}

/** From now on the order of settlements is kept. Before the first row of this process. `now`: unix milliseconds. */
export function keepOutbox(database: DatabaseSync, now: number): void {
  database.exec(table);
  const kept = hasTrigger(database);
  const { last } = database.prepare('SELECT coalesce(max(sequence), 0) AS last FROM outbox').get() as { last: number };
  const mark = Math.max(last + 1, Math.round(now) * perMillisecond);
  database.prepare('INSERT INTO outbox VALUES (?, ?)').run(mark, kept ? startMark : gapMark);
  if (!kept) database.exec(trigger);
}

/** The order is not kept any more; who reads it later has to begin with the sums. */
export function dropOutbox(database: DatabaseSync): void {
  if (hasTrigger(database)) database.exec('DROP TRIGGER outbox_settled');
}

/** One settled attempt with its place. */
export interface OutboxRow {
  readonly sequence: number;
  /** Who has everything up to here misses nothing before this row. */
  readonly previous: number;
  /** By `intentColumns`; empty, and `previous` its own sequence: rows up to here are in the sums alone. */
  readonly intent: readonly SQLOutputValue[];
  /** By `settlementColumns`. */
  readonly settlement: readonly SQLOutputValue[];
}

export interface OutboxPage {
  readonly rows: readonly OutboxRow[];
  /** Where the next page begins; the same as asked from: there is nothing more. */
  readonly through: number;
  /** Sequence that `previous` of the next row is. */
  readonly previous: number;
}

/** Reads the order over a connection to the ledger's file. */
export class Outbox {
  readonly #after: StatementSync;
  readonly #intent: StatementSync;
  readonly #settlement: StatementSync;
  readonly #has: StatementSync;
  readonly #before: StatementSync;
  readonly #waiting: StatementSync;
  readonly #prune: StatementSync;

  constructor(database: DatabaseSync) {
    this.#after = database.prepare('SELECT sequence, id FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?');
    this.#intent = database.prepare(`SELECT ${intentColumns.join(', ')} FROM intents WHERE id = ?`);
    this.#settlement = database.prepare(`SELECT ${settlementColumns.join(', ')} FROM settlements WHERE id = ?`);
    for (const each of [this.#intent, this.#settlement]) each.setReturnArrays(true);
    this.#has = database.prepare('SELECT 1 FROM outbox WHERE sequence = ?');
    this.#before = database.prepare('SELECT sequence FROM outbox ORDER BY sequence DESC LIMIT 1 OFFSET ?');
    this.#waiting = database.prepare(
      'SELECT count(*) AS count FROM (SELECT 1 FROM outbox WHERE sequence > ? AND id > 0 LIMIT ?)',
    );
    this.#prune = database.prepare(
      'DELETE FROM outbox WHERE sequence IN (SELECT sequence FROM outbox WHERE sequence < ? ORDER BY sequence LIMIT ?)',
    );
  }

  /** `previous`: of the row that was read last. */
  after(sequence: number, previous: number, limit: number): OutboxPage {
    const rows: OutboxRow[] = [];
    let through = sequence;
    let before = previous;
    let hole = false;
    for (const place of this.#after.all(sequence, limit) as { sequence: number; id: number }[]) {
      through = place.sequence;
      if (place.id === startMark) continue;
      const intent = place.id === gapMark ? undefined : (this.#intent.get(place.id) as unknown as SQLOutputValue[] | undefined);
      const settlement = this.#settlement.get(place.id) as unknown as SQLOutputValue[] | undefined;
      // Retention has removed it, or it was written without its order.
      const kept = intent !== undefined && settlement !== undefined;
      if (kept) rows.push({ sequence: through, previous: before, intent, settlement });
      hole = !kept && before > 0;
      before = through;
    }
    // By no row would the others learn of what is gone, and what they have would look whole.
    if (hole) rows.push({ sequence: before, previous: before, intent: [], settlement: [] });
    return { rows, through, previous: before };
  }

  has(sequence: number): boolean {
    return this.#has.get(sequence) !== undefined;
  }

  /** Behind which the newest `count` places are; 0 for all there are. */
  newest(count: number): number {
    return (this.#before.get(count) as { sequence: number } | undefined)?.sequence ?? 0;
  }

  last(): number {
    return this.newest(0);
  }

  /** Rows behind a place, counted up to `most`. */
  waiting(sequence: number, most: number): number {
    return (this.#waiting.get(sequence, most) as { count: number }).count;
  }

  /** Forgets places before a sequence, at most `most` of them. How many it were. */
  prune(before: number, most: number): number {
    return Number(this.#prune.run(before, most).changes);
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { ChainWriter } from './chain.ts';
import { type RolledIntent, type RolledSettlement, RollupWriter } from './rollup.ts';
import type { Write } from './rows.ts';
import { insertIntent, insertSettlement, intentColumns, settlementColumns } from './tables.ts';

/** Bytes a probe writes: more than any batch of small rows, so that "works again" is not one lucky page. */
const probeBytes = 65_536;

/** SQLITE_CONSTRAINT, _MISMATCH, _RANGE, _TOOBIG: what a row holds. Values that cannot be bound have no such code at all. */
const ofTheRow: ReadonlySet<number> = new Set([18, 19, 20, 25]);

function isOfTheDisk(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && !ofTheRow.has(code % 256);
}

/** Places of what sums are made of in the values of a write. */
const places = (columns: readonly string[], names: readonly string[]): readonly (readonly [string, number])[] =>
  names.map((name) => [name, columns.indexOf(name)] as const);
const rolledIntent = places(intentColumns, [
  'attempt',
  'charged_at',
  'key_id',
  'team',
  'model',
  'provider',
  'target',
  'metadata',
]);
const rolledSettlement = places(settlementColumns, ['input', 'output', 'cached', 'reasoning', 'cost_nano']);

function pick<T>(write: Write, from: readonly (readonly [string, number])[]): T {
  const picked: Record<string, unknown> = {};
  for (const [name, place] of from) picked[name] = write.values[place];
  return picked as T;
}

/**
 * Writes rows over one connection to the ledger's file, and with them, in one transaction, what they add to sums and chain. A row
 * that is there is left as it is, and counts no second time. Synchronous.
 */
export class RowWriter {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #settle: StatementSync;
  readonly #intent: StatementSync;
  readonly #settlement: StatementSync;
  readonly #lastSettled: StatementSync;
  readonly #rollup: RollupWriter;
  readonly #chain: ChainWriter;
  readonly #now: () => number;
  /** Written in this transaction. */
  #opened: Write[] = [];
  #settled: Write[] = [];
  /** The largest id that had a settlement before. */
  #settledTo = 0;

  constructor(database: DatabaseSync, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#insert = database.prepare(insertIntent);
    this.#settle = database.prepare(insertSettlement);
    this.#intent = database.prepare(
      `SELECT ${rolledIntent.map(([name]) => name).join(', ')} FROM intents WHERE id = ?`.replace(
        'charged_at',
        'coalesce(charged_at, started_at) AS charged_at',
      ),
    );
    this.#settlement = database.prepare(
      `SELECT ${rolledSettlement.map(([name]) => name).join(', ')} FROM settlements WHERE id = ?`,
    );
    this.#lastSettled = database.prepare('SELECT coalesce(max(id), 0) AS id FROM settlements');
    this.#rollup = new RollupWriter(database);
    this.#chain = new ChainWriter(database);
  }

  /**
   * All of it, or nothing and the disk's error. A row that the file refuses for what it holds is left out, because it would be
   * refused for ever; the ids of such rows are returned.
   */
  write(rows: readonly Write[]): readonly number[] {
    try {
      this.#transaction(() => {
        for (const row of rows) this.#run(row);
        this.#sum();
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
      this.#sum();
    });
    return refused;
  }

  #run(write: Write): void {
    const [insert, written] = write.kind === 'open' ? [this.#insert, this.#opened] : [this.#settle, this.#settled];
    if (insert.run(...write.values).changes === 1) written.push(write);
  }

  /** What the rows of this transaction add to sums and chain. */
  #sum(): void {
    this.#rollup.begin();
    const opened = new Map(this.#opened.map((write) => [write.id, write]));
    const settled = new Map(this.#settled.map((write) => [write.id, write]));
    for (const [id, write] of settled) {
      const its = opened.get(id);
      const intent = its === undefined ? this.#intent.get(id) : pick<RolledIntent>(its, rolledIntent);
      // Without an intent nobody knows whose it is: its journal was damaged.
      if (intent !== undefined) this.#rollup.add(intent as unknown as RolledIntent, pick(write, rolledSettlement));
    }
    this.#sumLate(opened, settled);
    this.#rollup.write();
    this.#rollup.fold(this.#now());
    this.#chain.add(this.#opened, this.#settled, this.#now());
  }

  /** Intents that came after their settlements: the two journals of a process that died are read one after the other. */
  #sumLate(opened: ReadonlyMap<number, Write>, settled: ReadonlyMap<number, Write>): void {
    for (const [id, write] of opened) {
      if (id > this.#settledTo || settled.has(id)) continue;
      const settlement = this.#settlement.get(id) as unknown as RolledSettlement | undefined;
      if (settlement !== undefined) this.#rollup.add(pick(write, rolledIntent), settlement);
    }
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
    this.#opened = [];
    this.#settled = [];
    try {
      this.#begin.run();
      this.#settledTo = (this.#lastSettled.get() as { id: number }).id;
      work();
      this.#commit.run();
    } catch (error) {
      this.#rollup.forget();
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

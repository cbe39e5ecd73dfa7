import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { parseRanges } from './chain.ts';

/** Rows that are removed in one transaction, about: 5 ms. */
const bite = 1_000;
/** Entries at the beginning that are looked through for an old one where a clock was ahead. */
const lookedThrough = 100_000;

interface Oldest {
  readonly sequence: number;
  readonly at: number;
  readonly opened: string;
  readonly settled: string;
  readonly hash: Uint8Array;
}

/**
 * Removes what is old, over one connection to the ledger's file: batches of rows from the chain's beginning, and decisions. Sums stay, and
 * so does the hash of the last batch removed, which the rest of the chain goes on from. The file's space is used again. Synchronous.
 */
export class Retention {
  readonly #database: DatabaseSync;
  readonly #oldest: StatementSync;
  readonly #newest: StatementSync;
  readonly #settledBelow: StatementSync;
  readonly #removes: Readonly<Record<'intents' | 'settlements', StatementSync>>;
  readonly #removeBatch: StatementSync;
  readonly #anchor: StatementSync;
  readonly #through: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#oldest = database.prepare('SELECT * FROM chain ORDER BY sequence LIMIT 1');
    this.#newest = database.prepare('SELECT sequence, at FROM chain ORDER BY sequence DESC LIMIT 1');
    this.#settledBelow = database.prepare("SELECT value FROM progress WHERE name = 'settled_below'");
    this.#removes = {
      intents: database.prepare('DELETE FROM intents WHERE id BETWEEN ? AND ?'),
      settlements: database.prepare('DELETE FROM settlements WHERE id BETWEEN ? AND ?'),
    };
    this.#removeBatch = database.prepare('DELETE FROM chain WHERE sequence = ?');
    this.#anchor = database.prepare('UPDATE anchor SET sequence = ?, hash = ?');
    this.#through = database.prepare("UPDATE progress SET value = max(value, ?) WHERE name = 'removed_through'");
  }

  /** Removes a little of what was written before `cutoff`, unix milliseconds. Returns whether there may be more. */
  removeSome(cutoff: number): boolean {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const rows = this.#removeBatches(cutoff);
      const decisions = this.#removeDecisions(cutoff);
      this.#database.exec('COMMIT');
      return rows >= bite || decisions >= bite;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (disk full), not after others.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #removeBatches(cutoff: number): number {
    const settled = (this.#settledBelow.get() as { value: number }).value;
    const newest = this.#newest.get() as { sequence: number; at: number } | undefined;
    let removed = 0;
    let through: number | undefined;
    while (removed < bite) {
      const batch = this.#oldest.get() as Oldest | undefined;
      // The newest batch stays: the next id, and the next hash, follow from it.
      if (batch === undefined || newest === undefined || batch.sequence === newest.sequence) break;
      if (batch.at >= cutoff) {
        through ??= this.#oldThrough('chain', batch.at, newest.at, cutoff);
        if (batch.sequence > through) break;
      }
      const opened = parseRanges(batch.opened);
      const ended = parseRanges(batch.settled);
      if (opened === null || ended === null) break;
      // An attempt may be under way for days: its batch waits for it.
      const last = opened.at(-1)?.[1] ?? 0;
      if (last >= settled) break;
      for (const [from, to] of opened) removed += Number(this.#removes.intents.run(from, to).changes);
      for (const [from, to] of ended) removed += Number(this.#removes.settlements.run(from, to).changes);
      this.#through.run(last);
      this.#anchor.run(batch.sequence, batch.hash);
      this.#removeBatch.run(batch.sequence);
    }
    return removed;
  }

  /**
   * The last entry near the beginning that is old, -1 for none: those before it are old, too, whatever they say. A clock that was ahead
   * for a while would keep everything behind it until that time comes. `newest`: time of the newest entry.
   */
  #oldThrough(table: 'chain' | 'decisions', at: number, newest: number, cutoff: number): number {
    if (at <= newest) return -1;
    const order = table === 'chain' ? 'sequence' : 'id';
    const first = `SELECT ${order} AS place, at FROM ${table} ORDER BY ${order} LIMIT ${lookedThrough}`;
    const sql = `SELECT coalesce(max(place), -1) AS place FROM (${first}) WHERE at < ?`;
    return (this.#database.prepare(sql).get(cutoff) as { place: number }).place;
  }

  #removeDecisions(cutoff: number): number {
    const oldest = this.#database.prepare('SELECT id, at FROM decisions ORDER BY id LIMIT ?').all(bite) as {
      id: number;
      at: number;
    }[];
    const newest =
      (this.#database.prepare('SELECT at FROM decisions ORDER BY id DESC LIMIT 1').get() as { at: number } | undefined)?.at ?? 0;
    let through: number | undefined;
    let last = -1;
    let count = 0;
    for (const { id, at } of oldest) {
      if (at >= cutoff) {
        through ??= this.#oldThrough('decisions', at, newest, cutoff);
        if (id > through) break;
      }
      last = id;
      count++;
    }
    if (count > 0) this.#database.prepare('DELETE FROM decisions WHERE id <= ?').run(last);
    return count;
  }
}

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { AttemptRow } from './ledger-file.ts';

export interface AttemptsRequest {
  readonly kind: 'attempts';
  /** Only rows with a smaller id. */
  readonly before: number | null;
  readonly limit: number;
  /** Unix milliseconds, of `started_at`: [from, to). */
  readonly from: number;
  readonly to: number;
  /** By column; absent: all. */
  readonly filters: { readonly [Name in 'key_id' | 'team' | 'model' | 'provider' | 'outcome']?: string };
}

export interface AttemptPage {
  /** The newest first. */
  readonly data: readonly AttemptRow[];
  /** `before` of the next page; null: there is none. */
  readonly next: number | null;
}

/** Rows that are looked through for one page: what finds little must not read a whole ledger. */
export const scannedRows = 50_000;

/** Ids are in the order of `started_at` but for a wall clock that is set back so far. Milliseconds. */
const clockSlack = 2_000;

/** One page of attempts. `first`: an id that no row of that time or later is below; see `LedgerFile`. Synchronous. */
export function readAttempts(database: DatabaseSync, request: AttemptsRequest, first: (since: number) => number): AttemptPage {
  const { before, limit, from, to, filters } = request;
  const end = Math.min(before ?? Number.MAX_SAFE_INTEGER, first(to + clockSlack));
  const lowest = first(from - clockSlack);
  const start = Math.max(lowest, end - scannedRows);
  const conditions = ['id >= ?', 'id < ?', 'started_at >= ?', 'started_at < ?'];
  const values: SQLInputValue[] = [start, end, from, to];
  for (const [column, value] of Object.entries(filters)) {
    conditions.push(`${column} = ?`);
    values.push(value);
  }
  const found = database
    .prepare(`SELECT * FROM attempts WHERE ${conditions.join(' AND ')} ORDER BY id DESC LIMIT ?`)
    .all(...values, limit) as unknown as AttemptRow[];
  const data = found.map((row) => ({ ...row }));
  const reached = data.length === limit ? data.at(-1)!.id : start;
  return { data, next: reached > lowest && end > lowest ? reached : null };
}

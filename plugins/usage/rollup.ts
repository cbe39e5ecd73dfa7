import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { type SeriesIds, type SeriesLimits, SeriesTable } from './series.ts';
import {
  addDay,
  addHour,
  addTotal,
  foldDays,
  foldTotals,
  hourMs,
  keptHours,
  type Measure,
  measures,
  settlesWithin,
} from './sum-tables.ts';

/** What of an intent its sums are by. */
export interface RolledIntent {
  readonly attempt: number;
  readonly charged_at: number;
  readonly key_id: string | null;
  readonly team: string | null;
  readonly model: string;
  readonly provider: string;
  readonly target: string;
  /** JSON. */
  readonly metadata: string | null;
}

export interface RolledSettlement {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
  readonly cost_nano: number | null;
}

type Sums = Record<Measure, number>;

interface Group {
  readonly hour: number;
  readonly label: number;
  readonly series: SeriesIds;
  readonly key: string;
  readonly team: string;
  readonly sums: Sums;
}

/** Pairs of metadata that are summed by; a row of another program may hold anything. */
function pairsOf(metadata: string): [string, string][] {
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
    return Object.entries(value)
      .filter(([, each]) => each !== null && typeof each !== 'object')
      .map(([name, each]) => [name, String(each)]);
  } catch {
    return [];
  }
}

function add(sums: Sums, intent: RolledIntent, settlement: RolledSettlement): void {
  if (intent.attempt === 1) sums.requests++;
  sums.attempts++;
  sums.prompt += settlement.input;
  sums.completion += settlement.output;
  sums.cached += settlement.cached;
  sums.reasoning += settlement.reasoning;
  if (settlement.cost_nano === null) sums.unpriced++;
  else sums.cost_nano += settlement.cost_nano;
}

const nothing = (): Sums =>
  ({ requests: 0, attempts: 0, prompt: 0, completion: 0, cached: 0, reasoning: 0, cost_nano: 0, unpriced: 0 }) satisfies Sums;

/**
 * Sums over settled rows, by hour, day, and for ever. `begin`, `add` for each row, `write`, all inside one transaction over the
 * connection, together with the rows: so the sums are of exactly those. `forget` after a rollback.
 */
export class RollupWriter {
  readonly #database: DatabaseSync;
  readonly #table: SeriesTable;
  readonly #addHour: StatementSync;
  readonly #addDay: StatementSync;
  readonly #addTotal: StatementSync;
  readonly #progress: StatementSync;
  readonly #note: StatementSync;
  readonly #version: StatementSync;
  readonly #groups = new Map<string, Group>();
  #dataVersion = -1;
  /** Hours before it are in the sums by the day. */
  #folded = 0;
  #hoursFrom = 0;

  constructor(database: DatabaseSync, limits?: SeriesLimits) {
    this.#database = database;
    this.#table = new SeriesTable(database, limits);
    this.#addHour = database.prepare(addHour);
    this.#addDay = database.prepare(addDay);
    this.#addTotal = database.prepare(addTotal);
    this.#progress = database.prepare('SELECT value FROM progress WHERE name = ?');
    this.#note = database.prepare('UPDATE progress SET value = ? WHERE name = ?');
    this.#version = database.prepare('PRAGMA data_version');
  }

  begin(): void {
    this.#groups.clear();
    // Changes when another connection has written: it may have folded hours.
    const { data_version: version } = this.#version.get() as { data_version: number };
    if (version === this.#dataVersion) return;
    this.#table.forget();
    this.#folded = this.#value('folded_below');
    this.#hoursFrom = this.#value('hours_from');
    this.#dataVersion = version;
  }

  forget(): void {
    this.#groups.clear();
    this.#dataVersion = -1;
  }

  add(intent: RolledIntent, settlement: RolledSettlement): void {
    const hour = Math.floor(intent.charged_at / hourMs);
    const day = Math.floor(hour / 24);
    const { key_id, team, model, provider, target, metadata } = intent;
    const series = this.#table.series(day, [key_id ?? '', team ?? '', model, provider, target]);
    this.#count(hour, 0, series, intent, settlement);
    if (metadata === null) return;
    for (const [name, value] of pairsOf(metadata)) {
      const label = this.#table.label(day, name, value);
      if (label !== null) this.#count(hour, label, series, intent, settlement);
    }
  }

  #count(hour: number, label: number, series: SeriesIds, intent: RolledIntent, settlement: RolledSettlement): void {
    const name = `${hour} ${label} ${series[0]}`;
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { hour, label, series, key: intent.key_id ?? '', team: intent.team ?? '', sums: nothing() };
      this.#groups.set(name, group);
    }
    add(group.sums, intent, settlement);
  }

  write(): void {
    for (const { hour, label, series, key, team, sums } of this.#groups.values()) {
      const values: SQLInputValue[] = measures.map((name) => sums[name]);
      if (hour >= this.#hoursFrom) this.#addHour.run(hour, label, series[0], ...values);
      if (hour >= this.#folded) continue;
      for (const [level, id] of series.entries()) this.#addDay.run(level, label, Math.floor(hour / 24), id, ...values);
      if (label === 0) this.#addTotal.run(key, team, ...values);
    }
    this.#groups.clear();
  }

  /**
   * Adds hours that are over to their days and totals, and removes those that are long over. `now`: unix milliseconds. Inside a
   * transaction, after `begin` or `write`.
   */
  fold(now: number): void {
    const until = Math.floor(now / hourMs) - settlesWithin;
    if (until <= this.#folded) return;
    for (const sql of [...foldDays, foldTotals]) this.#database.prepare(sql).run(this.#folded, until);
    const from = Math.max(this.#hoursFrom, until - keptHours);
    this.#database.prepare('DELETE FROM usage_hours WHERE hour < ?').run(from);
    this.#table.removeDaysBefore(Math.floor(from / 24));
    this.#note.run(until, 'folded_below');
    this.#note.run(from, 'hours_from');
    this.#folded = until;
    this.#hoursFrom = from;
  }

  #value(name: string): number {
    return (this.#progress.get(name) as { value: number }).value;
  }
}

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { dimensions, levelColumns, levels } from './sum-tables.ts';

/** Different values of one name of metadata in one day that are summed apart; further ones are summed as `other`. */
export const valuesPerDay = 10_000;
/** Names of metadata in one day that are summed by; further ones are not. */
export const namesPerDay = 100;
/** New combinations of key, model and target in one day; what further calls name is summed as `other`. Callers choose model names. */
export const newSeriesPerDay = 200_000;
/** What does not get a sum of its own. */
export const other = 'other';

/** Ids kept in memory. */
const remembered = 50_000;

/** By `dimensions`; empty for none. */
type Values = readonly [string, string, string, string, string];
/** Ids of a series and of those it is part of, by `levels`. */
export type SeriesIds = readonly [number, number, number, number];

/** What stands at each level for a series. */
const atLevels = (values: Values): readonly Values[] =>
  levels.map((kept) => values.map((value, at) => (kept.includes(dimensions[at]!) ? value : '')) as unknown as Values);

export interface SeriesLimits {
  readonly values: number;
  readonly names: number;
  readonly series: number;
}

const limits: SeriesLimits = { values: valuesPerDay, names: namesPerDay, series: newSeriesPerDay };

/** Numbers for what sums are by, over one connection, inside its transactions. */
export class SeriesTable {
  readonly #database: DatabaseSync;
  readonly #limits: SeriesLimits;
  readonly #find: StatementSync;
  readonly #insert: StatementSync;
  readonly #findLabel: StatementSync;
  readonly #insertLabel: StatementSync;
  readonly #findDay: StatementSync;
  readonly #insertDay: StatementSync;
  readonly #namesOf: StatementSync;
  readonly #part: StatementSync;
  readonly #series = new Map<string, SeriesIds>();
  /** Label by day, name and value. */
  readonly #labels = new Map<string, number>();
  /** Values by name, by day. */
  readonly #counts = new Map<number, Map<string, number>>();
  #newOn = 0;
  #new = 0;

  constructor(database: DatabaseSync, among: SeriesLimits = limits) {
    this.#database = database;
    this.#limits = among;
    this.#find = database.prepare(
      `SELECT ${levelColumns.join(', ')} FROM series WHERE ${dimensions.map((name) => `${name} = ?`).join(' AND ')}`,
    );
    this.#insert = database.prepare(
      `INSERT INTO series (${dimensions.join(', ')}, by_key, by_model, by_team) VALUES (?, ?, ?, ?, ?, 0, 0, 0)`,
    );
    this.#part = database.prepare('UPDATE series SET by_key = ?, by_model = ?, by_team = ? WHERE id = ?');
    this.#findLabel = database.prepare('SELECT id FROM labels WHERE name = ? AND value = ?');
    this.#insertLabel = database.prepare('INSERT INTO labels (name, value) VALUES (?, ?)');
    this.#findDay = database.prepare('SELECT 1 FROM label_days WHERE day = ? AND label = ?');
    this.#insertDay = database.prepare('INSERT INTO label_days VALUES (?, ?) ON CONFLICT DO NOTHING');
    this.#namesOf = database.prepare(
      'SELECT name, count(*) AS count FROM label_days JOIN labels ON labels.id = label WHERE day = ? GROUP BY name',
    );
  }

  /** Forgets what a rolled back transaction, or another connection, may have changed. */
  forget(): void {
    this.#series.clear();
    this.#labels.clear();
    this.#counts.clear();
  }

  series(day: number, values: Values): SeriesIds {
    const name = values.join('\0');
    const known = this.#series.get(name);
    if (known !== undefined) return known;
    if (this.#series.size >= remembered) this.#series.clear();
    const ids = this.#found(values) ?? this.#add(day, values);
    this.#series.set(name, ids);
    return ids;
  }

  #found(values: Values): SeriesIds | null {
    const found = this.#find.get(...values) as Record<(typeof levelColumns)[number], number> | undefined;
    return found === undefined ? null : [found.id, found.by_key, found.by_model, found.by_team];
  }

  #add(day: number, values: Values): SeriesIds {
    if (day !== this.#newOn) {
      this.#newOn = day;
      this.#new = 0;
    }
    const [key, team, model, provider] = values;
    if (++this.#new > this.#limits.series && model !== other) return this.series(day, [key, team, other, provider, other]);
    return this.#write(values);
  }

  /** What it is part of may be itself, and is part of others in its turn. */
  #write(values: Values): SeriesIds {
    const id = Number(this.#insert.run(...values).lastInsertRowid);
    const name = values.join('\0');
    const [, ...coarser] = atLevels(values);
    const [byKey, byModel, byTeam] = coarser.map((each) =>
      each.join('\0') === name ? id : (this.#found(each) ?? this.#write(each))[0],
    ) as [number, number, number];
    this.#part.run(byKey, byModel, byTeam, id);
    return [id, byKey, byModel, byTeam];
  }

  /** Null when there are too many names in that day. */
  label(day: number, name: string, value: string): number | null {
    const key = `${day}\0${name}\0${value}`;
    const known = this.#labels.get(key);
    if (known !== undefined) return known;
    if (this.#labels.size >= remembered) this.#labels.clear();
    const id = this.#labelOf(day, name, value);
    if (id !== null) this.#labels.set(key, id);
    return id;
  }

  #labelOf(day: number, name: string, value: string): number | null {
    const found = this.#findLabel.get(name, value) as { id: number } | undefined;
    if (found !== undefined && this.#findDay.get(day, found.id) !== undefined) return found.id;
    const counts = this.#countsOf(day);
    const values = counts.get(name) ?? 0;
    if (values === 0 && counts.size >= this.#limits.names) return null;
    // The last place is for what has none of its own.
    if (values >= this.#limits.values - 1 && value !== other) return this.label(day, name, other);
    const id = found?.id ?? Number(this.#insertLabel.run(name, value).lastInsertRowid);
    this.#insertDay.run(day, id);
    counts.set(name, values + 1);
    return id;
  }

  #countsOf(day: number): Map<string, number> {
    const known = this.#counts.get(day);
    if (known !== undefined) return known;
    // Rows of many days come together only where an old ledger is taken over.
    if (this.#counts.size >= 16) this.#counts.clear();
    const rows = this.#namesOf.all(day) as { name: string; count: number }[];
    const counts = new Map(rows.map(({ name, count }) => [name, count]));
    this.#counts.set(day, counts);
    return counts;
  }

  /** Days before it get no more rows, but for a few. */
  removeDaysBefore(day: number): void {
    this.#database.prepare('DELETE FROM label_days WHERE day < ?').run(day);
  }
}

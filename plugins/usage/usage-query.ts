import type { DatabaseSync } from 'node:sqlite';
import { type Chosen, dimensionsOf, seriesInTurn, seriesWhere } from './series-choice.ts';
import { type Measure, measures } from './sum-tables.ts';
import { type Folded, foldedOf, highestHour, levelFor, type Parts, partsOf, selectionSql, summedDays } from './sums.ts';

export const usageGroups = ['key', 'team', 'model', 'provider', 'day'] as const;
export type UsageGroup = (typeof usageGroups)[number] | 'label';

export interface UsageRequest {
  readonly kind: 'usage';
  /** Hours of unix time: [from, to). Read to whole days where the sums by the hour do not reach. */
  readonly from: number;
  readonly to: number;
  /** In the order asked for; `label` at most once. */
  readonly groups: readonly UsageGroup[];
  /** Name of the metadata that `label` stands for. */
  readonly label: string | null;
  /** Only this team; null: all. */
  readonly team: string | null;
  /** Only this key; empty: what no key was asked for; null: all. */
  readonly key: string | null;
  /** Values of the groups of the last row of the page before. */
  readonly after: readonly (string | number)[] | null;
  readonly limit: number;
}

/** `cost_nano`: a decimal integer, as long as it is. */
export type UsageSums = { readonly [Name in Exclude<Measure, 'cost_nano'>]: number } & { readonly cost_nano: string };

export interface UsageRow extends UsageSums {
  /** By the groups: day as days of unix time; a label with `=` before it, or empty for rows that have none of that name; empty for no key or team. */
  readonly groups: readonly (string | number)[];
}

export interface UsagePage {
  /** Hours that were read. */
  readonly from: number;
  readonly to: number;
  readonly rows: readonly UsageRow[];
  /** Of everything, not only of the page. */
  readonly total: UsageSums;
  /** Whether more rows follow. */
  readonly more: boolean;
}

const expressions: Readonly<Record<UsageGroup, string>> = {
  key: 'series.key',
  team: 'series.team',
  model: 'series.model',
  provider: 'series.provider',
  day: 'day',
  label: 'value',
};

const summed = measures
  .map((name) =>
    name === 'cost_nano' ? 'CAST(coalesce(sum(cost_nano), 0) AS TEXT) AS cost_nano' : `coalesce(sum(${name}), 0) AS ${name}`,
  )
  .join(', ');
const list = measures.join(', ');
const negative = measures.map((name) => `-${name} AS ${name}`).join(', ');
const folded = measures.map((name) => `sum(${name}) AS ${name}`).join(', ');

function totalOf(rows: readonly UsageRow[]): UsageSums {
  const total = Object.fromEntries(measures.map((name) => [name, 0])) as Record<Measure, number>;
  let cost = 0n;
  for (const row of rows) {
    for (const name of measures) if (name !== 'cost_nano') total[name] += row[name];
    cost += BigInt(row.cost_nano);
  }
  return { ...total, cost_nano: String(cost) };
}

/** SQL, and the values of its parameters in order. */
interface Query {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

/** The rows of sums that a request is made of, by groups. */
class Source {
  readonly #request: UsageRequest;
  readonly #parts: Parts;
  readonly #series: Chosen | null;

  constructor(request: UsageRequest, parts: Parts, series: Chosen | null) {
    this.#request = request;
    this.#parts = parts;
    this.#series = series;
  }

  #selected(groups: readonly UsageGroup[], label: string | null): Query {
    const labels = label === null ? '= 0' : 'IN (SELECT id FROM labels WHERE name = ?)';
    const level = levelFor(dimensionsOf(this.#request, groups));
    const { sql, selects } = selectionSql({ parts: this.#parts, labels, level, series: this.#series });
    const values = [...(label === null ? [] : [label]), ...(this.#series?.values ?? [])];
    return { sql, values: Array.from({ length: selects }, () => values).flat() };
  }

  /** Of a series first: a number sorts faster than names, and there are fewer afterwards. */
  all(groups: readonly UsageGroup[]): Query {
    const by = groups.includes('day') ? 'day, ' : '';
    const { sql, values } = this.#selected(groups, null);
    return { sql: `SELECT ${by}series, ${folded} FROM (${sql}) GROUP BY ${by}series`, values };
  }

  /** With `value` of the label; what has none is everything without what has one. */
  labelled(groups: readonly UsageGroup[], label: string): Query {
    const by = groups.includes('day') ? 'day, ' : '';
    const all = this.all(groups);
    const { sql, values } = this.#selected(groups, label);
    return {
      sql: `WITH named AS MATERIALIZED (SELECT ${by}label, series, ${folded} FROM (${sql}) GROUP BY ${by}label, series)
        SELECT ${by}series, '' AS value, ${list} FROM (${all.sql})
        UNION ALL SELECT ${by}series, '=' || labels.value AS value, ${list} FROM named CROSS JOIN labels ON labels.id = label
        UNION ALL SELECT ${by}series, '' AS value, ${negative} FROM named`,
      values: [...values, ...all.values],
    };
  }

  filters(): Query {
    const conditions: string[] = [];
    const values: string[] = [];
    for (const name of ['team', 'key'] as const) {
      const value = this.#request[name];
      if (value === null) continue;
      conditions.push(`series.${name} = ?`);
      values.push(value);
    }
    return { sql: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
  }
}

/** Parts of a range that are no longer than what there is: nobody reads ten years by asking for them. */
function partsThatAre(database: DatabaseSync, from: number, to: number, done: Folded): Parts {
  const highest = highestHour(database);
  const days = summedDays(database);
  const last = Math.max(Math.floor(highest / 24), days?.[1] ?? 0);
  // Nothing is behind the last hour: its day is read whole, where hours that are over are one sum.
  const end = to > highest ? Math.min(Math.ceil(to / 24), last + 1) * 24 : to;
  return partsOf(days === null ? from : Math.max(from, days[0] * 24), end, done, highest);
}

/** Sums by groups from the tables of sums: what it costs depends on how many sums there are, not on how many rows. Synchronous. */
export function readUsage(database: DatabaseSync, request: UsageRequest): UsagePage {
  const done = foldedOf(database);
  const { groups, label, after, limit, key } = request;
  let { from, to } = request;
  if (from < done.hoursFrom) from = Math.floor(from / 24) * 24;
  if (to < done.hoursFrom) to = Math.ceil(to / 24) * 24;
  const parts = partsThatAre(database, from, to, done);
  const chosen = key === null ? null : seriesWhere(database, ['key = ?'], [key]);
  const source = new Source(request, parts, chosen);
  const where = source.filters();

  const total = (): UsageSums => {
    const all = source.all([]);
    const sql = `SELECT ${summed} FROM (${all.sql}) CROSS JOIN series ON series.id = series ${where.sql}`;
    return { ...(database.prepare(sql).get(...all.values, ...where.values) as unknown as UsageSums) };
  };
  if (groups.length === 0) {
    const sums = total();
    return { from, to, rows: [{ groups: [], ...sums }], total: sums, more: false };
  }
  const names = groups.map((group) => expressions[group]).join(', ');
  const behind = after === null ? '' : `AND (${names}) > (${after.map(() => '?').join(', ')})`;
  const read = (part: Source, most: number): (string | number)[][] => {
    const rowsOf = label === null ? part.all(groups) : part.labelled(groups, label);
    const statement = database.prepare(
      `SELECT ${names}, ${summed} FROM (${rowsOf.sql}) CROSS JOIN series ON series.id = series ${where.sql}
       GROUP BY ${names} HAVING sum(attempts) > 0 ${behind} ORDER BY ${names} LIMIT ?`,
    );
    statement.setReturnArrays(true);
    return statement.all(...rowsOf.values, ...where.values, ...(after ?? []), most) as unknown as (string | number)[][];
  };
  const found: (string | number)[][] = [];
  for (const each of chosen === null ? seriesInTurn(database, request, parts) : [chosen]) {
    found.push(...read(each === chosen ? source : new Source(request, parts, each), limit + 1 - found.length));
    if (found.length > limit) break;
  }
  const rows = found.slice(0, limit).map((row) => ({
    groups: row.slice(0, groups.length),
    ...(Object.fromEntries(measures.map((name, at) => [name, row[groups.length + at]])) as unknown as UsageSums),
  }));
  const more = found.length > limit;
  return { from, to, rows, total: after === null && !more ? totalOf(rows) : total(), more };
}

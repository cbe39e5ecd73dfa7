import type { DatabaseSync } from 'node:sqlite';
import type { LedgerSum } from './contract.ts';
import { type Dimension, hourMs, levels, measures } from './sum-tables.ts';

/** How far the sums by day have come; hours. See `sumTables`. */
export interface Folded {
  readonly below: number;
  readonly hoursFrom: number;
}

export function foldedOf(database: DatabaseSync): Folded {
  const value = database.prepare('SELECT value FROM progress WHERE name = ?');
  const [below, hoursFrom] = ['folded_below', 'hours_from'].map((name) => (value.get(name) as { value: number }).value);
  return { below: below!, hoursFrom: hoursFrom! };
}

/** The coarsest level that has these dimensions; it is looked for from the end. */
export const levelFor = (needed: readonly Dimension[]): number =>
  levels.findLastIndex((kept) => needed.every((name) => kept.includes(name)));

/** What a time range is read from: days [first, last), and hours. */
export interface Parts {
  readonly days: readonly [number, number];
  readonly hours: readonly number[];
}

/**
 * Parts of [`from`, `to`), hours. A beginning or an end inside a day has to be after `folded.hoursFrom`. `highest`: the last hour there is.
 */
export function partsOf(from: number, to: number, folded: Folded, highest: number): Parts {
  const hours: number[] = [];
  const take = (first: number, last: number): void => {
    for (let hour = Math.max(first, folded.hoursFrom); hour < Math.min(last, highest + 1); hour++) hours.push(hour);
  };
  const [first, last] = [Math.ceil(from / 24), Math.floor(to / 24)];
  if (first > last) {
    take(from, to);
    return { days: [0, 0], hours };
  }
  take(from, first * 24);
  take(Math.max(folded.below, first * 24), last * 24);
  take(last * 24, to);
  return { days: [first, last], hours };
}

export interface Selection {
  readonly parts: Parts;
  /** Of `levels`, for the days. */
  readonly level: number;
  /** SQL that says which labels. */
  readonly labels: string;
  /** SQL that says which series, and how many they are, about; null: all. */
  readonly series: { readonly sql: string; readonly count: number } | null;
}

/** Sums that are looked for one by one, by the key of the table, where series are named: beyond that reading all of them is no slower. */
const mostLookups = 500_000;

/** The rows of both tables that are selected, as `label, day, series` and measures; `selects`: how often `labels` and `series` stand in it. */
export function selectionSql({ parts: { days, hours }, level, labels, series }: Selection): { sql: string; selects: number } {
  const sums = measures.join(', ');
  const [first, last] = days;
  const named = series !== null && series.count * (last - first) <= mostLookups;
  const inDays = named
    ? `day IN (${Array.from({ length: last - first }, (_, at) => first + at).join(', ')})`
    : `day >= ${first} AND day < ${last}`;
  const only = series === null ? '' : ` AND series ${series.sql}`;
  const selects: string[] = [];
  if (first < last)
    selects.push(
      `SELECT label, day, series, ${sums} FROM usage_days WHERE level = ${level} AND label ${labels} AND ${inDays}${only}`,
    );
  // None is a range without rows.
  selects.push(
    `SELECT label, hour / 24 AS day, series, ${sums} FROM usage_hours WHERE hour IN (${hours.join(', ')}) AND label ${labels}${only}`,
  );
  return { sql: selects.join(' UNION ALL '), selects: selects.length };
}

/** First and last day that have sums by the day; null: none has. */
export function summedDays(database: DatabaseSync): readonly [number, number] | null {
  const end = (which: 'min' | 'max'): number | null =>
    (
      database.prepare(`SELECT ${which}(day) AS day FROM usage_days WHERE level = 0 AND label = 0`).get() as {
        day: number | null;
      }
    ).day;
  const [first, last] = [end('min'), end('max')];
  return first === null || last === null ? null : [first, last];
}

export function highestHour(database: DatabaseSync): number {
  return (database.prepare('SELECT coalesce(max(hour), 0) AS hour FROM usage_hours').get() as { hour: number }).hour;
}

interface KeySum {
  readonly key: string;
  readonly team: string;
  readonly requests: number;
  readonly tokens: number;
  readonly nanoUsd: number;
}

/** 9 million USD are where exact numbers end: more than that is told as that, since SQLite's driver refuses to read it. */
const exact = Number.MAX_SAFE_INTEGER;
const sumColumns = `sum(requests) AS requests, sum(prompt + completion) AS tokens, min(sum(cost_nano), ${exact}) AS nanoUsd`;

/** By key and team since the start of an hour. */
function keySums(database: DatabaseSync, from: number): readonly KeySum[] {
  const folded = foldedOf(database);
  const hour = Math.floor(from / hourMs);
  const highest = highestHour(database);
  if (from === 0) {
    const { hours } = partsOf(folded.below, highest + 1, { below: 0, hoursFrom: folded.below }, highest);
    return database
      .prepare(
        `SELECT key, team, ${sumColumns} FROM (
           SELECT key, team, requests, prompt, completion, cost_nano FROM usage_totals UNION ALL
           SELECT key, team, requests, prompt, completion, cost_nano FROM usage_hours CROSS JOIN series ON series.id = series
           WHERE hour IN (${hours.join(', ')}) AND label = 0
         ) GROUP BY key, team`,
      )
      .all() as unknown as KeySum[];
  }
  if (hour % 24 !== 0 && hour < folded.hoursFrom) {
    // Its hours are gone, as after a clock that was far ahead.
    return database
      .prepare(
        `SELECT coalesce(key_id, '') AS key, coalesce(team, '') AS team, sum(attempt = 1) AS requests,
           sum(input + output) AS tokens, min(coalesce(sum(cost_nano), 0), ${exact}) AS nanoUsd
         FROM attempts WHERE state = 'settled' AND charged_at >= ? GROUP BY 1, 2`,
      )
      .all(hour * hourMs) as unknown as KeySum[];
  }
  const end = 24 * Math.ceil((highest + 1) / 24);
  const parts = partsOf(hour, Math.max(hour, end), folded, highest);
  const rows = selectionSql({ parts, level: levelFor(['key', 'team']), labels: '= 0', series: null });
  return database
    .prepare(`SELECT key, team, ${sumColumns} FROM (${rows.sql}) CROSS JOIN series ON series.id = series GROUP BY key, team`)
    .all() as unknown as KeySum[];
}

/** Another connection may move hours to their days between two reads: they would count twice, or not at all. */
function atOneMoment<T>(database: DatabaseSync, read: () => T): T {
  database.exec('BEGIN');
  try {
    return read();
  } finally {
    database.exec('ROLLBACK');
  }
}

/** See `Charges.sums`. */
export function ledgerSums(database: DatabaseSync, from: number): readonly LedgerSum[] {
  const sums = new Map<string, { -readonly [Name in keyof LedgerSum]: LedgerSum[Name] }>();
  const add = (scope: LedgerSum['scope'], id: string, { requests, tokens, nanoUsd }: KeySum): void => {
    const name = `${scope} ${id}`;
    const sum = sums.get(name) ?? { scope, id, requests: 0, tokens: 0, nanoUsd: 0 };
    sum.requests += requests;
    sum.tokens += tokens;
    sum.nanoUsd = Math.min(sum.nanoUsd + nanoUsd, exact);
    sums.set(name, sum);
  };
  for (const row of atOneMoment(database, () => keySums(database, from))) {
    add('global', '', row);
    if (row.team !== '') add('team', row.team, row);
    if (row.key !== '') add('key', row.key, row);
  }
  return [...sums.values()];
}

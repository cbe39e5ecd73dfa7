// Tables of sums over settled attempts, kept by `RollupWriter` in the transaction that writes the rows, and the chain over the rows.

/** What is summed, in the order of the columns. */
export const measures = ['requests', 'attempts', 'prompt', 'completion', 'cached', 'reasoning', 'cost_nano', 'unpriced'] as const;
export type Measure = (typeof measures)[number];

/** What it is summed by. */
export const dimensions = ['key', 'team', 'model', 'provider', 'target'] as const;
export type Dimension = (typeof dimensions)[number];

const sums = measures.map((name) => `${name} INTEGER NOT NULL`).join(', ');

/**
 * Sums by the day are kept at these levels, by the dimensions that are named; the others are empty. A month of 1,000 keys and 12 models
 * is 360,000 sums at the first and 30,000 at the second, and what is asked for is read at the coarsest that has it.
 */
export const levels: readonly (readonly Dimension[])[] = [
  dimensions,
  ['key', 'team'],
  ['team', 'model', 'provider', 'target'],
  ['team'],
];
/** Columns of `series` that say which one it is at each level. */
export const levelColumns = ['id', 'by_key', 'by_model', 'by_team'] as const;

/** Milliseconds. */
export const hourMs = 3_600_000;
/** Hours that sums by the hour are kept, behind those that are in the sums by the day too. */
export const keptHours = 8 * 24;
/** Hours until an hour is added to its day: few calls are charged to an hour that is longer over than that. */
export const settlesWithin = 2;

/**
 * `series`: what sums are by, once each; empty for none. `labels`: names and values of metadata; label 0 stands for every row. Hours are
 * written by each batch, and added to days and totals once they are over; what comes later goes to both. So the tables that are read
 * most have few rows and each call costs one. `progress` says how far that has come: `folded_below` (hour), `hours_from` (hour, complete
 * from there), `removed_through` (row id). Kept by the hour of day UTC that a row is charged in.
 */
export const sumTables = `
  CREATE TABLE series (id INTEGER PRIMARY KEY, ${dimensions.map((name) => `${name} TEXT NOT NULL`).join(', ')},
    by_key INTEGER NOT NULL, by_model INTEGER NOT NULL, by_team INTEGER NOT NULL) STRICT;
  CREATE UNIQUE INDEX series_of ON series (${dimensions.join(', ')});
  CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL) STRICT;
  CREATE UNIQUE INDEX labels_of ON labels (name, value);
  CREATE TABLE label_days (day INTEGER, label INTEGER, PRIMARY KEY (day, label)) STRICT, WITHOUT ROWID;
  CREATE TABLE usage_hours (hour INTEGER, label INTEGER, series INTEGER, ${sums}, PRIMARY KEY (hour, label, series)) STRICT, WITHOUT ROWID;
  CREATE TABLE usage_days (level INTEGER, label INTEGER, day INTEGER, series INTEGER, ${sums},
    PRIMARY KEY (level, label, day, series)) STRICT, WITHOUT ROWID;
  CREATE TABLE usage_totals (key TEXT, team TEXT, ${sums}, PRIMARY KEY (key, team)) STRICT, WITHOUT ROWID;
  INSERT INTO progress VALUES ('folded_below', 0), ('hours_from', 0), ('removed_through', 0);
  CREATE TABLE replica (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  INSERT INTO replica VALUES (lower(hex(randomblob(8))));
`;

/**
 * One row per batch of rows that came into the file together. `at`: when, unix milliseconds. `opened`, `settled`: ids of the intents and
 * settlements, as ranges. `hash`: see chain.ts. `anchor` is the last that retention has removed.
 */
export const chainTables = `
  CREATE TABLE chain (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    opened TEXT NOT NULL,
    settled TEXT NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE anchor (sequence INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
  INSERT INTO anchor VALUES (0, zeroblob(32));
`;

const added = measures.map((name) => `${name} = ${name} + excluded.${name}`).join(', ');
const placeholders = (count: number): string => Array.from({ length: count }, () => '?').join(', ');

/** Parameters: hour, label, series, measures. */
export const addHour = `INSERT INTO usage_hours VALUES (${placeholders(3 + measures.length)})
  ON CONFLICT DO UPDATE SET ${added}`;
/** Parameters: level, label, day, series, measures. */
export const addDay = `INSERT INTO usage_days VALUES (${placeholders(4 + measures.length)})
  ON CONFLICT DO UPDATE SET ${added}`;
/** Parameters: key, team, measures. */
export const addTotal = `INSERT INTO usage_totals VALUES (${placeholders(2 + measures.length)})
  ON CONFLICT DO UPDATE SET ${added}`;

const summed = measures.map((name) => `sum(${name})`).join(', ');

/** One for each level. CROSS keeps SQLite from going through all series first, with all hours for each. Parameters: first hour, and the hour behind the last. */
export const foldDays: readonly string[] = levelColumns.map(
  (column, level) => `INSERT INTO usage_days
  SELECT ${level}, label, hour / 24, series.${column}, ${summed} FROM usage_hours CROSS JOIN series ON series.id = series
  WHERE hour >= ? AND hour < ? GROUP BY label, hour / 24, series.${column}
  ON CONFLICT DO UPDATE SET ${added}`,
);
/** Parameters: as `foldDays`. */
export const foldTotals = `INSERT INTO usage_totals
  SELECT key, team, ${summed} FROM usage_hours CROSS JOIN series ON series.id = series
  WHERE hour >= ? AND hour < ? AND label = 0 GROUP BY key, team
  ON CONFLICT DO UPDATE SET ${added}`;

import { chainTables, sumTables } from './sum-tables.ts';

// The ledger's tables. Changing them means adding a migration at the end; `PRAGMA user_version` counts those applied.

/** One row per attempt, as the first version had it. Not made of today's columns: what a migration did stays as it was. */
const attempts = `
  CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    request_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    key_id TEXT,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    target TEXT NOT NULL,
    stream INTEGER NOT NULL,
    estimated_input INTEGER NOT NULL,
    metadata TEXT,
    config_version TEXT NOT NULL,
    price_provider TEXT,
    state TEXT NOT NULL,
    outcome TEXT,
    reason TEXT,
    status INTEGER,
    upstream_status INTEGER,
    served_model TEXT,
    quantities TEXT,
    input INTEGER,
    cached INTEGER,
    output INTEGER,
    reasoning INTEGER,
    usage_source TEXT,
    estimated_output INTEGER,
    unsent INTEGER,
    ended_at INTEGER,
    first_content_ms INTEGER,
    total_ms INTEGER,
    cost_nano INTEGER,
    price_source TEXT,
    price_version TEXT
  ) STRICT;
  CREATE INDEX attempts_exchange ON attempts (exchange);
`;

/**
 * `settled_below`: every row with a smaller id is settled, so recovery reads only the end of the table.
 */
const progress = `
  CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO progress VALUES ('settled_below', 1);
  CREATE TABLE probe (id INTEGER PRIMARY KEY, filler BLOB) STRICT;
`;

export const intentColumns: readonly string[] = [
  'id',
  'exchange',
  'request_id',
  'attempt',
  'started_at',
  'operation',
  'key_id',
  'model',
  'provider',
  'target',
  'stream',
  'estimated_input',
  'metadata',
  'config_version',
  'price_provider',
  'team',
  'credential',
  'charged_at',
];

/** Columns of an intent that the first versions wrote to their journals. */
export const firstIntentColumns = 15;

export const settlementColumns: readonly string[] = [
  'outcome',
  'reason',
  'status',
  'upstream_status',
  'served_model',
  'quantities',
  'input',
  'cached',
  'output',
  'reasoning',
  'usage_source',
  'estimated_output',
  'unsent',
  'ended_at',
  'first_content_ms',
  'total_ms',
  'cost_nano',
  'price_source',
  'price_version',
];

/**
 * The two halves apart, each only ever added at its end. A settlement written into the intent's row made that row longer than
 * its page had room for, and every few calls split a page: 23 us per attempt in batches of 4, against 13 (42 against 31
 * alone). An index on the exchange's id cost another 4; ids are in the order of time, and so are the rows.
 */
const halves = `
  CREATE TABLE intents (
    id INTEGER PRIMARY KEY,
    exchange TEXT NOT NULL,
    request_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    key_id TEXT,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    target TEXT NOT NULL,
    stream INTEGER NOT NULL,
    estimated_input INTEGER NOT NULL,
    metadata TEXT,
    config_version TEXT NOT NULL,
    price_provider TEXT
  ) STRICT;
  CREATE TABLE settlements (
    id INTEGER PRIMARY KEY,
    outcome TEXT NOT NULL,
    reason TEXT,
    status INTEGER,
    upstream_status INTEGER,
    served_model TEXT,
    quantities TEXT NOT NULL,
    input INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    usage_source TEXT NOT NULL,
    estimated_output INTEGER,
    unsent INTEGER NOT NULL,
    ended_at INTEGER,
    first_content_ms INTEGER,
    total_ms INTEGER,
    cost_nano INTEGER,
    price_source TEXT,
    price_version TEXT
  ) STRICT;
  INSERT INTO intents SELECT ${intentColumns.slice(0, firstIntentColumns).join(', ')} FROM attempts;
  INSERT INTO settlements SELECT id, ${settlementColumns.join(', ')} FROM attempts WHERE state = 'settled';
  DROP TABLE attempts;
  CREATE VIEW attempts AS
    SELECT ${intentColumns
      .slice(0, firstIntentColumns)
      .map((name) => `intents.${name}`)
      .join(', ')},
      CASE WHEN settlements.id IS NULL THEN 'open' ELSE 'settled' END AS state, ${settlementColumns.join(', ')}
    FROM intents LEFT JOIN settlements ON settlements.id = intents.id;
`;

/**
 * Why the targets of a call were chosen (`plugins/explain/record.ts`), one row per call in the order in which they ended. `at`: unix
 * milliseconds, when it was written. Measured, batches of 50: 2.1 us of CPU a row and 460 bytes; with an index on the time 5.0 us, with
 * the exchange's id as key 7.0 us and 550 bytes, without a rowid 18.7 us and 590.
 */
const decisions = `
  CREATE TABLE decisions (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, decision TEXT NOT NULL) STRICT;
`;

/** Adding a column changes no row that is there: what an older row has not said follows from the rest of it. */
const charged = `
  DROP VIEW attempts;
  ALTER TABLE intents ADD COLUMN team TEXT;
  ALTER TABLE intents ADD COLUMN credential TEXT;
  ALTER TABLE intents ADD COLUMN charged_at INTEGER;
  CREATE VIEW attempts AS
    SELECT ${intentColumns
      .slice(0, firstIntentColumns)
      .map((name) => `intents.${name}`)
      .join(', ')},
      intents.team, coalesce(intents.credential, 'operator') AS credential,
      coalesce(intents.charged_at, intents.started_at) AS charged_at,
      CASE WHEN settlements.id IS NULL THEN 'open' ELSE 'settled' END AS state, ${settlementColumns.join(', ')}
    FROM intents LEFT JOIN settlements ON settlements.id = intents.id;
`;

/** `fillSums` (fill.ts) belongs to it. */
export const migrationOfSums = 4;

export const migrations: readonly string[] = [attempts + progress, halves, decisions, charged, sumTables + chainTables];

/** Parameters: the values of `intentRow`. Written twice (a journal that is read again), a row stays as it is. */
export const insertIntent = `INSERT INTO intents (${intentColumns.join(', ')})
  VALUES (${intentColumns.map(() => '?').join(', ')}) ON CONFLICT DO NOTHING`;

/** Parameters: the values of `settlementRow`. A settlement is never changed. */
export const insertSettlement = `INSERT INTO settlements (${settlementColumns.join(', ')}, id)
  VALUES (${settlementColumns.map(() => '?').join(', ')}, ?) ON CONFLICT DO NOTHING`;

// The ledger's tables. Changing them means adding a migration at the end; `PRAGMA user_version` counts those applied.

/** One row per attempt; columns are documented in docs/accounting.md. */
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
 * `settled_below`: every row with a smaller id is settled, so recovery reads only the end of the table. A partial index on
 * open rows would do the same for 2 more page writes per attempt (8-20 us alone, measured).
 */
const progress = `
  CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO progress VALUES ('settled_below', 1);
  CREATE TABLE probe (id INTEGER PRIMARY KEY, filler BLOB) STRICT;
`;

export const migrations: readonly string[] = [attempts + progress];

const intentColumns = [
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
];

const settlementColumns = [
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

/** Parameters: the values of `intentRow`. */
export const insertIntent = `INSERT INTO attempts (${intentColumns.join(', ')}, state)
  VALUES (${intentColumns.map(() => '?').join(', ')}, 'open')`;

/** Parameters: the values of `settlementRow`. A settled row is never changed. */
export const updateSettlement = `UPDATE attempts SET state = 'settled', ${settlementColumns.map((name) => `${name} = ?`).join(', ')}
  WHERE id = ? AND state = 'open'`;

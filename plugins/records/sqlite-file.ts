import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const corruption: ReadonlySet<number> = new Set([11, 26]);
/** Milliseconds a statement waits for another process that is just starting, or an operator's shell. */
const busyTimeout = 2_000;
/** Of the tables; another one is not read. */
const schemaVersion = 1;

/** Removed documents keep their row, without contents, so that their version goes on and others learn of it. */
const schema = `
  CREATE TABLE records (
    collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, sequence INTEGER NOT NULL UNIQUE, sealed BLOB,
    PRIMARY KEY (collection, id)
  ) STRICT;
  PRAGMA user_version = ${schemaVersion};
`;

export const statePath = (dataDir: string): string => join(resolve(dataDir), 'state.sqlite');

/**
 * Opens the file of the records, made when it is not there. It holds keys, so nothing is ever begun anew over one that cannot be read:
 * throws an error that says what to do.
 */
export function openState(path: string): DatabaseSync {
  const existed = existsSync(path);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new DatabaseSync(path, { timeout: busyTimeout });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const version = versionOf(database);
    if (version > schemaVersion)
      throw new Error(`it was written by a newer version (${version}, this one reads ${schemaVersion})`);
    if (version === 0) begin(database);
    else check(database);
    return database;
  } catch (cause) {
    database?.close();
    const { message } = cause as Error;
    const fault =
      existed && corruption.has(((cause as { errcode?: number }).errcode ?? 0) % 256) ? `it is damaged: ${message}` : message;
    throw new Error(
      `${path} cannot be used (${fault}). It holds the keys and teams of the admin API, so nothing is put in its place: restore it from a backup, mend the disk or its permissions, or move the file and its -wal away to begin without them.`,
      { cause },
    );
  }
}

function versionOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Two processes may begin at once; the second finds the tables there. */
function begin(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    if (versionOf(database) === 0) database.exec(schema);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** Every page, not the indexes against the tables: 10,000 records take 15 ms. */
function check(database: DatabaseSync): void {
  const rows = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[];
  const found = rows[0]?.quick_check ?? 'ok';
  if (found !== 'ok') throw Object.assign(new Error(found.replace(/\s+/g, ' ').slice(0, 200)), { errcode: 11 });
}

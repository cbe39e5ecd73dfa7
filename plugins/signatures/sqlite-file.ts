import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FastifyBaseLogger } from 'fastify';

type Log = Pick<FastifyBaseLogger, 'warn'>;

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const corruption: ReadonlySet<number> = new Set([11, 26]);
/** Milliseconds a statement of the loop's connection waits; in WAL mode only the opening of a file ever does. */
const busyTimeout = 100;
/** Of the tables; another one is not read. */
const schemaVersion = 1;

/**
 * One row per entry, in the order of time; `totals` is changed with them, so that no bound needs a count. Ascending ids are
 * never used twice for living rows, because only the oldest and the replaced are deleted.
 */
const schema = `
  CREATE TABLE kept (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, kept_at INTEGER NOT NULL, value BLOB NOT NULL) STRICT;
  CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  INSERT INTO totals VALUES (0, 0);
  PRAGMA user_version = ${schemaVersion};
`;

export function isCorruption(error: unknown): boolean {
  return corruption.has(((error as { errcode?: number }).errcode ?? 0) % 256);
}

export const signaturesPath = (dataDir: string): string => join(resolve(dataDir), 'signatures.db');

/** Never deletes: what was there may be wanted by someone. */
function moveAside(path: string, now: number): string {
  const aside = `${path}.corrupt-${new Date(now).toISOString().replace(/[-:]/g, '')}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  return aside;
}

/** Null when the file is not one of ours. Throws the error of SQLite. */
function open(path: string): DatabaseSync | null {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  try {
    database.exec('PRAGMA journal_mode = WAL');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0) database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT`);
    if (version <= schemaVersion) return database;
  } catch (error) {
    database.close();
    throw error;
  }
  database.close();
  return null;
}

/**
 * Opens the file, made in `dataDir` when it is not there. A file that is corrupt or of a newer version is moved aside and a new
 * one begun: all that is lost is what models are told a documented stand-in for. Its pages are not checked here (a full file
 * takes 0.3 s): damage is found where it is met, and values prove themselves. Throws an error that says what to do.
 */
export function openSignatures(path: string, now: number, log: Log): DatabaseSync {
  return saying(path, () => {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    let problem = 'it was written by a newer version';
    try {
      const database = open(path);
      if (database !== null) return database;
    } catch (error) {
      if (!isCorruption(error)) throw error;
      problem = (error as Error).message;
    }
    return begin(path, now, log, problem);
  });
}

/** Moves a file in which damage was met aside and begins a new one. Nobody has it open any more. Throws as `openSignatures`. */
export function renewSignatures(path: string, now: number, log: Log, problem: string): DatabaseSync {
  return saying(path, () => begin(path, now, log, problem));
}

function begin(path: string, now: number, log: Log, problem: string): DatabaseSync {
  const aside = moveAside(path, now);
  log.warn({ problem, aside }, 'the file of kept signatures cannot be used: it was moved aside and a new one started');
  return open(path)!;
}

function saying<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new Error(
      `${path} cannot be opened (${(cause as Error).message}): look at the disk and the file's permissions, or set DATA_DIR (or data_dir).`,
      { cause },
    );
  }
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { RollupWriter } from '../rollup.ts';
import { sumTables } from '../sum-tables.ts';
import { loadBase } from './base.ts';
import { replicaPattern } from './names.ts';
import type { StreamedRow } from './wire.ts';

/** Folder of the data directory with one file for each of the other replicas. */
export const fleetFolder = 'fleet';

/** Milliseconds a write waits for another connection; only the reader of operators is one. */
const busyTimeout = 2_000;

const progress = 'CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;';
const own = `
  CREATE TABLE position (only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER) STRICT;
  INSERT INTO position VALUES (1, NULL);
`;
const schema = progress + sumTables + own;
/** Tells a file of another version: it is made anew, from the replica's base. 31 bits. */
const schemaVersion = createHash('sha256').update(schema).digest().readUInt32BE() >>> 1;

export const replicaPath = (dataDir: string, replica: string): string => join(dataDir, fleetFolder, `${replica}.sqlite`);

/** Paths of the files there are. */
export function replicaPaths(dataDir: string): readonly string[] {
  const folder = join(dataDir, fleetFolder);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sqlite') && replicaPattern.test(name.slice(0, -'.sqlite'.length)))
    .sort()
    .map((name) => join(folder, name));
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0) database.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
    else if (version !== schemaVersion) throw new Error('of another version');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** For reading; null while there is nothing in it. Throws the file's error. */
export function readReplica(path: string): DatabaseSync | null {
  const database = new DatabaseSync(path, { readOnly: true, timeout: busyTimeout });
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === schemaVersion) return database;
  database.close();
  return null;
}

/** Sums of another replica's rows and how far they go, in one file: each row counts exactly once, whatever is delivered twice. */
export class ReplicaFile {
  readonly #database: DatabaseSync;
  readonly #rollup: RollupWriter;
  readonly #move;
  #position: number | null;

  /** A file that is damaged, or of another version, is made anew: everything in it comes from others. */
  constructor(dataDir: string, replica: string) {
    const path = replicaPath(dataDir, replica);
    mkdirSync(join(dataDir, fleetFolder), { recursive: true, mode: 0o700 });
    try {
      this.#database = open(path);
    } catch {
      for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
      this.#database = open(path);
    }
    this.#rollup = new RollupWriter(this.#database);
    this.#move = this.#database.prepare('UPDATE position SET sequence = ?');
    const row = this.#database.prepare('SELECT sequence FROM position').get() as { sequence: number | null };
    this.#position = row.sequence;
  }

  /** The sums are of everything up to here; null: there are none yet. */
  get position(): number | null {
    return this.#position;
  }

  /** Adds rows and moves on, in one transaction. `now`: unix milliseconds. */
  add(rows: readonly StreamedRow[], through: number, now: number): void {
    this.#transaction(through, () => {
      this.#rollup.begin();
      for (const { intent, settlement } of rows) this.#rollup.add(intent, settlement);
      this.#rollup.write();
      this.#rollup.fold(now);
    });
  }

  /** Takes the replica's own sums in place of those that are here. */
  replace(parts: readonly Buffer[], sequence: number): void {
    this.#transaction(sequence, () => loadBase(this.#database, parts));
    this.#rollup.forget();
  }

  close(): void {
    this.#database.close();
  }

  #transaction(through: number | null, work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#move.run(through);
      this.#database.exec('COMMIT');
      this.#position = through;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      this.#rollup.forget();
      throw error;
    }
  }
}

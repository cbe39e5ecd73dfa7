import { accessSync, constants, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FastifyBaseLogger } from 'fastify';
import type { LedgerSum } from './contract.ts';
import { fillSums } from './fill.ts';
import { journalPaths } from './journal.ts';
import { lockDirectory, type Release } from './lock.ts';
import { RowWriter } from './row-writer.ts';
import type { Write } from './rows.ts';
import { ledgerSums } from './sums.ts';
import { migrationOfSums, migrations } from './tables.ts';

export type Fsync = 'normal' | 'always';

export interface StoreOptions {
  readonly dataDir: string;
  readonly fsync: Fsync;
  readonly now: () => number;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
}

/** An intent that was never settled: the process died, or its settlement could not be written. */
export interface OpenRow {
  readonly id: number;
  readonly exchange: string;
  readonly attempt: number;
  readonly started_at: number;
  readonly charged_at: number;
  readonly operation: string;
  readonly key_id: string | null;
  readonly team: string | null;
  readonly provider: string;
  readonly target: string;
  readonly estimated_input: number;
  readonly price_provider: string | null;
}

/** Milliseconds a write waits for a foreign writer; readers never block it. */
const busyTimeout = 100;

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const corruption: ReadonlySet<number> = new Set([11, 26]);

/** Makes the directory. A ledger of another user's in it would be opened read-only without a word, so it is asked for too. */
function prepareDirectory(dir: string, ledger: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const file of [ledger, ...journalPaths(dir)]) if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new Error(
      `The data directory ${dir} cannot be written (${(cause as NodeJS.ErrnoException).code}): give this process write access to it and what is in it, or set DATA_DIR (or data_dir) to a directory it may write.`,
      { cause },
    );
  }
}

/** Null when sound, else what is wrong. Throws what is not corruption. */
function damage(database: DatabaseSync): string | null {
  try {
    const row = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    return row.quick_check === 'ok' ? null : row.quick_check;
  } catch (error) {
    if (corruption.has(((error as { errcode?: number }).errcode ?? 0) % 256)) return (error as Error).message;
    throw error;
  }
}

/** Opens the file; a corrupt one is moved aside (never deleted) and a fresh one started. `faults.md` D3. */
function openSound(path: string, options: StoreOptions): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  const found = damage(database);
  if (found === null) return database;
  database.close();
  const aside = `${path}.corrupt-${new Date(options.now()).toISOString().replace(/[-:]/g, '')}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  options.log.warn(
    { damage: found, aside },
    'the ledger file is corrupt: it was moved aside and a new one started; try `sqlite3 <file> .recover` to read its rows',
  );
  return new DatabaseSync(path, { timeout: busyTimeout });
}

function migrate(database: DatabaseSync, path: string, { now, log }: StoreOptions): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > migrations.length) {
    throw new Error(
      `${path} has schema ${version}, this version knows up to ${migrations.length}: start the newer version, or move the file away to begin a new ledger.`,
    );
  }
  for (let next = version; next < migrations.length; next++) {
    database.exec(`BEGIN IMMEDIATE; ${migrations[next]} PRAGMA user_version = ${next + 1};`);
    if (next === migrationOfSums) {
      const onProgress = (done: number, of: number): void =>
        log.warn({ rows: done, of }, 'the ledger of an earlier version is taken over, once: its sums are made');
      fillSums(database, { now: now(), onProgress });
    }
    database.exec('COMMIT');
  }
}

/** The ledger's file: one SQLite database in WAL mode, written by this process only. Every method waits for the disk. */
export class LedgerStore {
  /** Absolute. */
  readonly dir: string;
  readonly path: string;
  readonly database: DatabaseSync;
  readonly #release: Release;
  readonly #rows: RowWriter;

  /** Throws an error that says what to do: directory not writable, in use, or a file of a newer version. */
  constructor(options: StoreOptions) {
    this.dir = resolve(options.dataDir);
    this.path = join(this.dir, 'ledger.sqlite');
    prepareDirectory(this.dir, this.path);
    this.#release = lockDirectory(this.dir);
    let database: DatabaseSync | undefined;
    try {
      database = openSound(this.path, options);
      database.exec('PRAGMA journal_mode = WAL');
      database.exec(`PRAGMA synchronous = ${options.fsync === 'always' ? 'FULL' : 'NORMAL'}`);
      migrate(database, this.path, options);
      this.#rows = new RowWriter(database, options.now);
    } catch (error) {
      database?.close();
      this.#release();
      if ((error as { errcode?: number }).errcode === undefined) throw error;
      throw new Error(
        `${this.path} cannot be opened (${(error as Error).message}): look at the disk and the file's permissions, or set DATA_DIR (or data_dir).`,
        { cause: error },
      );
    }
    this.database = database;
  }

  /** Names this file in a fleet; it stays as long as the file does. */
  replica(): string {
    return (this.database.prepare('SELECT id FROM replica').get() as { id: string }).id;
  }

  /** Largest id given so far, 0 for none. A settlement whose intent was damaged has used its id up, too. */
  lastId(): number {
    const sql = `SELECT max((SELECT coalesce(max(id), 0) FROM intents), (SELECT coalesce(max(id), 0) FROM settlements),
      (SELECT value FROM progress WHERE name = 'removed_through')) AS id`;
    return (this.database.prepare(sql).get() as { id: number }).id;
  }

  openRows(): readonly OpenRow[] {
    return this.database
      .prepare(
        `SELECT id, exchange, attempt, started_at, charged_at, operation, key_id, team, provider, target, estimated_input, price_provider
         FROM attempts
         WHERE id >= (SELECT value FROM progress WHERE name = 'settled_below') AND state = 'open' ORDER BY id`,
      )
      .all() as unknown as OpenRow[];
  }

  /** See `Charges.sums`. */
  sums(from: number): readonly LedgerSum[] {
    return ledgerSums(this.database, from);
  }

  /** See `RowWriter.write`. */
  write(rows: readonly Write[]): readonly number[] {
    return this.#rows.write(rows);
  }

  /** Every row below `id` is settled. */
  settledBelow(id: number): void {
    this.#rows.settledBelow(id);
  }

  close(): void {
    this.database.close();
    this.#release();
  }
}

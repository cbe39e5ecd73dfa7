import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLITE_BUSY: another connection holds the lock. */
const busy = 5;

/** Gives the data directory back. */
export type Release = () => void;

function holder(path: string): string {
  try {
    return `process ${readFileSync(path, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}

/**
 * Makes this process the one owner of `dir`, by an exclusive transaction on a database of its own, held until `Release`.
 * The lock is the kernel's, so it ends with the process however that ends, and readers of the ledger itself are not shut out.
 * The pid is beside it, in another file: closing any descriptor of a file drops every POSIX lock this process has on it.
 * Throws an error that names the directory, the holder and the way out.
 */
export function lockDirectory(dir: string): Release {
  const lockPath = join(dir, 'ledger.lock');
  const pidPath = join(dir, 'ledger.pid');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lockPath, { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database?.close();
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 !== busy) {
      throw new Error(`${lockPath} cannot be locked (${(cause as Error).message}): delete that file and start again.`, { cause });
    }
    throw new Error(
      `The data directory ${dir} is in use by ${holder(pidPath)}. Every process needs its own: stop that one, or set DATA_DIR (or data_dir) to another directory.`,
      { cause },
    );
  }
  const held = database;
  try {
    // Only for the message of a second process: one left by another user does not keep this one from starting.
    rmSync(pidPath, { force: true });
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch {}
  return () => {
    rmSync(pidPath, { force: true });
    held.close();
  };
}

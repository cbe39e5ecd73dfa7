import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { isCorruption } from './sqlite-file.ts';

// The thread behind `Writer`: the one that writes the file, waits for the disk and holds the bounds. It answers every request once.

export interface WriterSetup {
  readonly path: string;
  readonly entries: number;
  /** Of values, keys and rows. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly age: number;
}

export interface WriteRow {
  readonly key: string;
  readonly value: Uint8Array<ArrayBuffer>;
}

export interface WriteRequest {
  readonly rows: readonly WriteRow[];
  /** Keys of values that could not be read. */
  readonly forget: readonly string[];
  /** Unix milliseconds. */
  readonly now: number;
}

export interface WriteReply {
  /** Why nothing of the request is in the file; null: it is. */
  readonly problem: string | null;
  /** The file is damaged: nothing more can be done with it. */
  readonly corrupt: boolean;
  /** Rows dropped for the bounds. */
  readonly pruned: number;
  /** There is more to drop. */
  readonly more: boolean;
}

/** Milliseconds a write waits for another connection. */
const busyTimeout = 5_000;
/** Bytes of a row beside its value: key, its index, the page's share. */
const rowBytes = 160;
const pageBytes = 4_096;
/** Rows dropped in one transaction beside those that came in with it. */
const pruneStep = 128;

const { path, entries: maxEntries, bytes: maxBytes, age } = workerData as WriterSetup;

interface Totals {
  entries: number;
  bytes: number;
}

interface Dropped {
  readonly pruned: number;
  readonly more: boolean;
}

/** The file over this thread's own connection. */
function openFile() {
  const database = new DatabaseSync(path, { timeout: busyTimeout });
  // A commit is in the kernel's hands when it returns: it survives the death of the process. A power loss may take the newest.
  database.exec('PRAGMA synchronous = NORMAL');
  // The bound of the file itself, free pages included, should the sums ever be wrong.
  database.exec(`PRAGMA max_page_count = ${Math.ceil((maxBytes * 1.5) / pageBytes) + 64}`);
  const insert = database.prepare('INSERT INTO kept (key, kept_at, value) VALUES (?, ?, ?)');
  const remove = database.prepare('DELETE FROM kept WHERE key = ? RETURNING length(value) AS size');
  const oldest = database.prepare('SELECT id, kept_at, length(value) AS size FROM kept ORDER BY id LIMIT ?');
  const removeUpTo = database.prepare('DELETE FROM kept WHERE id <= ?');
  const readTotals = database.prepare('SELECT entries, bytes FROM totals');
  const writeTotals = database.prepare('UPDATE totals SET entries = ?, bytes = ?');

  function forget(totals: Totals, key: string): void {
    const row = remove.get(key) as { size: number } | undefined;
    if (row === undefined) return;
    totals.entries--;
    totals.bytes -= row.size + rowBytes;
  }

  /** Drops what is over the bounds, the oldest first. */
  function dropOldest(totals: Totals, now: number, limit: number): Dropped {
    let last: number | null = null;
    let pruned = 0;
    const over = (keptAt: number): boolean => totals.entries > maxEntries || totals.bytes > maxBytes || keptAt < now - age;
    for (const row of oldest.iterate(limit) as Iterable<{ id: number; kept_at: number; size: number }>) {
      if (!over(row.kept_at)) break;
      last = row.id;
      pruned++;
      totals.entries--;
      totals.bytes -= row.size + rowBytes;
    }
    if (last !== null) removeUpTo.run(last);
    return { pruned, more: pruned === limit };
  }

  function change({ rows, forget: unreadable, now }: WriteRequest): Dropped {
    const totals = { ...(readTotals.get() as unknown as Totals) };
    for (const key of unreadable) forget(totals, key);
    for (const { key, value } of rows) {
      // Not replaced in place: what is new is dropped last.
      forget(totals, key);
      insert.run(key, now, value);
      totals.entries++;
      totals.bytes += value.length + rowBytes;
    }
    const dropped = dropOldest(totals, now, pruneStep + rows.length);
    writeTotals.run(totals.entries, totals.bytes);
    return dropped;
  }

  return {
    close: () => database.close(),
    /** All of it, or nothing and the error of SQLite. */
    write(request: WriteRequest): Dropped {
      database.exec('BEGIN IMMEDIATE');
      try {
        const dropped = change(request);
        database.exec('COMMIT');
        return dropped;
      } catch (error) {
        // SQLite has rolled back by itself after some errors (disk full), not after others.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
  };
}

let file: ReturnType<typeof openFile> | null = null;

parentPort!.on('message', (request: WriteRequest | null) => {
  if (request === null) {
    file?.close();
    parentPort!.close();
    return;
  }
  let reply: WriteReply;
  try {
    file ??= openFile();
    reply = { problem: null, corrupt: false, ...file.write(request) };
  } catch (error) {
    reply = { problem: (error as Error).message, corrupt: isCorruption(error), pruned: 0, more: false };
  }
  parentPort!.postMessage(reply);
});

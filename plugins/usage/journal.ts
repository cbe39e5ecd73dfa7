import { closeSync, fdatasync, fstatSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Write } from './rows.ts';
import { firstIntentColumns, intentColumns, settlementColumns } from './tables.ts';

/** What an earlier process left behind. */
export interface Remains {
  readonly writes: readonly Write[];
  /** Lines, but for a torn one at the end, that cannot be read. */
  readonly damaged: number;
}

const utf8 = new TextDecoder('utf-8');
const probeBytes = 4_096;
const startedAt = intentColumns.indexOf('started_at');

/** The two journals of a directory. */
export const journalPaths = (dir: string): readonly [string, string] => [
  join(dir, 'ledger.journal-1'),
  join(dir, 'ledger.journal-2'),
];

/** Whether a row of an earlier version, or of none, fits today's tables. */
function isWrite(value: unknown): value is Write {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, id, values } = value as Record<string, unknown>;
  if ((kind !== 'open' && kind !== 'settle') || !Number.isSafeInteger(id) || !Array.isArray(values)) return false;
  if (kind === 'settle' && values.length !== settlementColumns.length + 1) return false;
  if (kind === 'open' && values.length !== intentColumns.length && values.length !== firstIntentColumns) return false;
  return values.every((each) => each === null || typeof each === 'string' || typeof each === 'number');
}

/** The writes of one line, null when it is not as it was written. */
function parseLine(line: string): readonly Write[] | null {
  const space = line.indexOf(' ');
  const json = line.slice(space + 1);
  if (space < 1 || line.slice(0, space) !== String(crc32(json))) return null;
  const writes: unknown = JSON.parse(json);
  return Array.isArray(writes) && writes.every(isWrite) ? writes.map(ofToday) : null;
}

/** An intent as an earlier version wrote it: of no team, with the operator's key, charged when it began. */
function ofToday(write: Write): Write {
  if (write.kind === 'settle' || write.values.length === intentColumns.length) return write;
  return { ...write, values: [...write.values, null, 'operator', write.values[startedAt]!] };
}

/** What is in a journal, whole or with a torn end. */
export function parseJournal(bytes: Buffer): Remains {
  const lines = utf8.decode(bytes).split('\n');
  // After the last line break is nothing, or a commit that was never acknowledged.
  lines.pop();
  const read = lines.map(parseLine);
  // A machine that lost power may have kept a file's length and not its end.
  while (read.at(-1) === null) read.pop();
  return { writes: read.flatMap((writes) => writes ?? []), damaged: read.filter((writes) => writes === null).length };
}

/**
 * The writes that are not in the ledger's file yet: one line per commit, a CRC-32 and the writes as JSON, gone once the file has
 * them. An append is one `write` and survives the death of the process like a commit of the file does, for 3 us instead of 30.
 */
export class Journal {
  readonly path: string;
  readonly #file: number;
  /** Bytes of whole lines. */
  #size: number;
  /** A failed append may have left part of a line. */
  #torn = false;
  #closed = false;

  /** Throws an error that says what to do when the file cannot be opened. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#file = openSync(path, 'a+', 0o600);
    } catch (cause) {
      throw new Error(
        `${path} cannot be opened (${(cause as NodeJS.ErrnoException).code}): look at what is there and at its permissions, or set DATA_DIR (or data_dir).`,
        { cause },
      );
    }
    this.#size = fstatSync(this.#file).size;
  }

  read(): Remains {
    const bytes = Buffer.alloc(this.#size);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(this.#file, bytes, at, bytes.length - at, at);
      if (read === 0) break;
      at += read;
    }
    return parseJournal(bytes);
  }

  /** All of them, or nothing and the error of the file system. */
  append(writes: readonly Write[]): void {
    const json = JSON.stringify(writes);
    this.#size += this.#write(Buffer.from(`${crc32(json)} ${json}\n`));
  }

  /** Throws while nothing can be appended. */
  probe(): void {
    this.#write(Buffer.alloc(probeBytes));
    this.#cut();
  }

  #write(line: Buffer): number {
    // Its number may be another file's or a socket's by now.
    if (this.#closed) throw new Error(`${this.path} is closed`);
    if (this.#torn) this.#cut();
    try {
      for (let at = 0; at < line.length; ) at += writeSync(this.#file, line, at);
    } catch (error) {
      this.#torn = true;
      try {
        this.#cut();
      } catch {
        // Tried again before the next append.
      }
      throw error;
    }
    return line.length;
  }

  /** What was appended survives a power loss too. The disk is waited for elsewhere than on this thread. */
  synchronise(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** The ledger's file has them all. */
  clear(): void {
    this.#size = 0;
    this.#cut();
  }

  /** An empty journal leaves no file. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#file);
    if (this.#size === 0) rmSync(this.path, { force: true });
  }

  #cut(): void {
    if (this.#closed) return;
    ftruncateSync(this.#file, this.#size);
    this.#torn = false;
  }
}

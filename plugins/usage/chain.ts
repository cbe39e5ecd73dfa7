import { createHash } from 'node:crypto';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Write } from './rows.ts';
import { intentColumns, settlementColumns } from './tables.ts';

// Every batch of rows that comes into the file gets a row in `chain`, with a SHA-256 over the hash before it and over the rows as the
// tables have them. A row of the ledger that is changed, removed or put in later is found by `verifyChain`; who may write the file may
// also write a new chain, so its newest hash is worth noting elsewhere.

/** A table's columns in the order in which their values are hashed; the id as it stands in a `Write`. */
const columns = {
  open: intentColumns,
  settle: [...settlementColumns, 'id'],
} as const;
const tables = { open: 'intents', settle: 'settlements' } as const;

/** Ids, ascending, as ranges: `4-9,12`. */
export function formatRanges(ids: readonly number[]): string {
  const ranges: string[] = [];
  for (let at = 0; at < ids.length; ) {
    const first = ids[at]!;
    let last = first;
    while (ids[++at] === last + 1) last++;
    ranges.push(first === last ? `${first}` : `${first}-${last}`);
  }
  return ranges.join(',');
}

/** First and last of each range; null for what `formatRanges` did not write. */
export function parseRanges(text: string): readonly (readonly [number, number])[] | null {
  if (text === '') return [];
  const ranges = text.split(',').map((range) => {
    const [, first, last] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(range) ?? [];
    return first === undefined ? null : ([Number(first), Number(last ?? first)] as const);
  });
  return ranges.every((range) => range !== null && range[0] <= range[1]) ? (ranges as [number, number][]) : null;
}

/** As it will be read: SQLite keeps text as UTF-8, where a lone surrogate is U+FFFD. */
function canonical(values: readonly unknown[]): string {
  const text = JSON.stringify(values);
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(values.map((value) => (typeof value === 'string' ? value.toWellFormed() : value)));
}

interface Link {
  readonly sequence: number;
  readonly at: number;
  readonly opened: string;
  readonly settled: string;
}

function hashOf(before: Uint8Array, { sequence, at, opened, settled }: Link, lines: Iterable<string>): Buffer {
  const hash = createHash('sha256').update(before).update(`${sequence} ${at} ${opened} ${settled}\n`);
  let part = '';
  for (const line of lines) {
    part += `${line}\n`;
    if (part.length < 16_384) continue;
    hash.update(part);
    part = '';
  }
  return hash.update(part).digest();
}

const byId = (one: Write, other: Write): number => one.id - other.id;

/** Adds to the chain, over one connection, inside its transactions. */
export class ChainWriter {
  readonly #newest: StatementSync;
  readonly #anchor: StatementSync;
  readonly #insert: StatementSync;

  constructor(database: DatabaseSync) {
    this.#newest = database.prepare('SELECT sequence, hash FROM chain ORDER BY sequence DESC LIMIT 1');
    this.#anchor = database.prepare('SELECT sequence, hash FROM anchor');
    this.#insert = database.prepare('INSERT INTO chain VALUES (?, ?, ?, ?, ?)');
  }

  /** Rows that were written in this transaction. `now`: unix milliseconds. */
  add(opened: Write[], settled: Write[], now: number): void {
    if (opened.length + settled.length === 0) return;
    const before = (this.#newest.get() ?? this.#anchor.get()) as { sequence: number; hash: Uint8Array };
    opened.sort(byId);
    settled.sort(byId);
    const link: Link = {
      sequence: before.sequence + 1,
      at: now,
      opened: formatRanges(opened.map(({ id }) => id)),
      settled: formatRanges(settled.map(({ id }) => id)),
    };
    const lines = [...opened, ...settled].map(({ values }) => canonical(values));
    this.#insert.run(link.sequence, link.at, link.opened, link.settled, hashOf(before.hash, link, lines));
  }
}

export interface ChainReport {
  readonly sound: boolean;
  /** Batches, intents and settlements that were looked at. */
  readonly batches: number;
  readonly intents: number;
  readonly settlements: number;
  /** The newest batch and its hash, in hex: noted elsewhere, it shows whether the end of the ledger was taken away. */
  readonly head: { readonly sequence: number; readonly hash: string };
  /** What was found; the first 100. */
  readonly problems: readonly string[];
}

/** Problems that are told. */
const mostProblems = 100;

/** Holds every row that is kept against the chain: reads the whole file, as it is at one moment. Synchronous; throws the file's errors. */
export function verifyChain(database: DatabaseSync): ChainReport {
  database.exec('BEGIN');
  try {
    return new Verification(database).run();
  } finally {
    database.exec('ROLLBACK');
  }
}

class Verification {
  readonly #database: DatabaseSync;
  readonly #problems: string[] = [];
  readonly #rows: Readonly<Record<Write['kind'], StatementSync>>;
  readonly #covered = { open: 0, settle: 0 };

  constructor(database: DatabaseSync) {
    this.#database = database;
    const reading = (kind: Write['kind']): StatementSync => {
      const rows = database.prepare(
        `SELECT ${columns[kind].join(', ')} FROM ${tables[kind]} WHERE id BETWEEN ? AND ? ORDER BY id`,
      );
      rows.setReturnArrays(true);
      return rows;
    };
    this.#rows = { open: reading('open'), settle: reading('settle') };
  }

  run(): ChainReport {
    let { sequence, hash } = this.#database.prepare('SELECT sequence, hash FROM anchor').get() as {
      sequence: number;
      hash: Uint8Array;
    };
    let batches = 0;
    for (const row of this.#database.prepare('SELECT * FROM chain ORDER BY sequence').iterate()) {
      const link = row as unknown as Link & { readonly hash: Uint8Array };
      batches++;
      if (link.sequence !== sequence + 1) this.#tell(`batch ${sequence + 1} is missing`);
      const problem = this.#check(hash, link);
      if (problem !== null) this.#tell(`batch ${link.sequence} (written ${timeOf(link.at)}) ${problem}`);
      ({ sequence, hash } = link);
    }
    this.#findAdded('open');
    this.#findAdded('settle');
    return {
      sound: this.#problems.length === 0,
      batches,
      intents: this.#covered.open,
      settlements: this.#covered.settle,
      head: { sequence, hash: Buffer.from(hash).toString('hex') },
      problems: this.#problems,
    };
  }

  #check(before: Uint8Array, link: Link & { readonly hash: Uint8Array }): string | null {
    const [opened, settled] = [parseRanges(link.opened), parseRanges(link.settled)];
    if (opened === null || settled === null) return 'does not say which rows it is of';
    const lines: string[] = [];
    const missing = this.#read('open', opened, lines) + this.#read('settle', settled, lines);
    if (missing > 0) return `has lost ${missing} rows: intents ${link.opened || '-'}, settlements ${link.settled || '-'}`;
    if (hashOf(before, link, lines).equals(link.hash)) return null;
    return `is not as it was written: intents ${link.opened || '-'}, settlements ${link.settled || '-'}`;
  }

  /** How many rows are not there. */
  #read(kind: Write['kind'], ranges: readonly (readonly [number, number])[], lines: string[]): number {
    let missing = 0;
    for (const [first, last] of ranges) {
      let found = 0;
      for (const values of this.#rows[kind].iterate(first, last)) {
        found++;
        lines.push(JSON.stringify(values));
      }
      this.#covered[kind] += found;
      missing += last - first + 1 - found;
    }
    return missing;
  }

  /** Each row is of one batch: where there are more rows than the batches have, some were put in. */
  #findAdded(kind: Write['kind']): void {
    const table = tables[kind];
    const { count } = this.#database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number };
    if (count === this.#covered[kind]) return;
    this.#tell(`${table} has ${count} rows, the chain ${this.#covered[kind]}: rows were put in`);
  }

  #tell(problem: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push(problem);
  }
}

const timeOf = (at: number): string => (Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at));

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { gunzipSync, gzipSync } from 'node:zlib';

// The sums of one replica up to a sequence, as one compressed text: where others begin who have none of its rows, or miss some.

/** In the order in which they are written. */
const tables = ['series', 'labels', 'label_days', 'usage_hours', 'usage_days', 'usage_totals'] as const;
/** Rows of `progress` that belong to the sums. */
const progressNames = ['folded_below', 'hours_from'] as const;

/** Bytes of one part; a reply of Redis is read whole. */
const partSize = 512 * 1024;
/** Bytes of a base when it is unpacked. */
const longest = 512 * 1024 * 1024;

export interface Base {
  readonly sequence: number;
  readonly parts: readonly Buffer[];
}

/** SQLite's driver refuses to read what no number can hold exactly; as text it comes back into its column as an integer. */
const readable = (column: string): string =>
  column === 'cost_nano' ? `iif(cost_nano > ${Number.MAX_SAFE_INTEGER}, CAST(cost_nano AS TEXT), cost_nano)` : column;

/** What the ledger's file has now, consistent in itself. `sequence`: of the newest row in its order. */
export function makeBase(database: DatabaseSync): Base {
  database.exec('BEGIN');
  try {
    const { last } = database.prepare('SELECT coalesce(max(sequence), 0) AS last FROM outbox').get() as { last: number };
    const content: Record<string, unknown> = {};
    for (const table of tables) {
      const columns = database.prepare(`SELECT * FROM ${table}`).columns();
      const statement = database.prepare(`SELECT ${columns.map(({ name }) => readable(String(name))).join(', ')} FROM ${table}`);
      statement.setReturnArrays(true);
      content[table] = statement.all();
    }
    const progress = database.prepare('SELECT value FROM progress WHERE name = ?');
    content.progress = progressNames.map((name) => [name, (progress.get(name) as { value: number }).value]);
    const packed = gzipSync(JSON.stringify(content), { level: 3 });
    const parts: Buffer[] = [];
    for (let at = 0; at < packed.length; at += partSize) parts.push(packed.subarray(at, at + partSize));
    return { sequence: last, parts };
  } finally {
    database.exec('ROLLBACK');
  }
}

/** Replaces the sums in a file by those of a base, inside the caller's transaction. Throws what is wrong with it. */
export function loadBase(database: DatabaseSync, parts: readonly Buffer[]): void {
  const text = gunzipSync(Buffer.concat(parts), { maxOutputLength: longest }).toString();
  const content = JSON.parse(text) as Record<string, unknown>;
  for (const table of tables) {
    const rows = content[table];
    if (!Array.isArray(rows)) throw new TypeError(`the base has no ${table}`);
    database.exec(`DELETE FROM ${table}`);
    const width = database.prepare(`SELECT * FROM ${table}`).columns().length;
    const insert = database.prepare(`INSERT INTO ${table} VALUES (${Array.from({ length: width }, () => '?').join(', ')})`);
    for (const row of rows as SQLInputValue[][]) insert.run(...row);
  }
  const update = database.prepare('UPDATE progress SET value = ? WHERE name = ?');
  for (const row of content.progress as SQLInputValue[][]) update.run(row[1]!, row[0]!);
}

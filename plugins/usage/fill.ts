import type { DatabaseSync } from 'node:sqlite';
import { ChainWriter } from './chain.ts';
import { type RolledIntent, type RolledSettlement, RollupWriter } from './rollup.ts';
import type { Write } from './rows.ts';
import { hourMs, keptHours, settlesWithin } from './sum-tables.ts';
import { intentColumns, settlementColumns } from './tables.ts';

/** Row ids that are taken over together. */
const together = 2_000;
/** Milliseconds between two lines about how far it is. */
const toldEvery = 5_000;

export interface FillOptions {
  /** Unix milliseconds. */
  readonly now: number;
  /** Rows done of how many; called every few seconds. */
  readonly onProgress: (done: number, of: number) => void;
}

/** Makes the sums and the chain of a ledger that has none. Inside a transaction. About 20 us a row. */
export function fillSums(database: DatabaseSync, { now, onProgress }: FillOptions): void {
  const note = database.prepare('UPDATE progress SET value = ? WHERE name = ?');
  const folded = Math.floor(now / hourMs) - settlesWithin;
  note.run(folded, 'folded_below');
  note.run(folded - keptHours, 'hours_from');
  const rollup = new RollupWriter(database);
  const chain = new ChainWriter(database);
  const intents = database.prepare(`SELECT ${intentColumns.join(', ')} FROM intents WHERE id BETWEEN ? AND ?`);
  const settlements = database.prepare(`SELECT ${settlementColumns.join(', ')}, id FROM settlements WHERE id BETWEEN ? AND ?`);
  const { low, high } = database
    .prepare(
      'SELECT coalesce(min(id), 1) AS low, coalesce(max(id), 0) AS high FROM (SELECT id FROM intents UNION ALL SELECT id FROM settlements)',
    )
    .get() as { low: number; high: number };
  let told = performance.now();
  for (let first = low; first <= high; first += together) {
    rollup.begin();
    const opened = intents.all(first, first + together - 1) as unknown as (RolledIntent & { id: number; started_at: number })[];
    const settled = settlements.all(first, first + together - 1) as unknown as (RolledSettlement & { id: number })[];
    const byId = new Map(opened.map((row) => [row.id, row]));
    for (const row of settled) {
      const intent = byId.get(row.id);
      if (intent !== undefined) rollup.add({ ...intent, charged_at: intent.charged_at ?? intent.started_at }, row);
    }
    rollup.write();
    // Written when the newest of them began, for retention.
    const at = opened.reduce((newest, { started_at }) => Math.max(newest, started_at), 0);
    const writes = (kind: Write['kind'], rows: readonly { readonly id: number }[]): Write[] =>
      rows.map((row) => ({ kind, id: row.id, values: Object.values(row) }));
    chain.add(writes('open', opened), writes('settle', settled), Math.min(at, now));
    if (performance.now() - told < toldEvery) continue;
    told = performance.now();
    onProgress(Math.min(first + together, high) - low, high - low + 1);
  }
}

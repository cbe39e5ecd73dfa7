import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { journalPaths, parseJournal } from '../../plugins/usage/journal.ts';
import type { Write } from '../../plugins/usage/rows.ts';
import { intentColumns, settlementColumns } from '../../plugins/usage/tables.ts';

/** One attempt as the ledger has it. */
export interface LedgerRow {
  readonly id: number;
  readonly exchange: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly operation: string;
  readonly key_id: string | null;
  readonly team: string | null;
  readonly credential: 'operator' | 'caller';
  /** Unix milliseconds. */
  readonly charged_at: number;
  /** JSON. */
  readonly metadata: string | null;
  readonly model: string;
  readonly provider: string;
  readonly target: string;
  readonly stream: number;
  readonly state: 'open' | 'settled';
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly status: number | null;
  readonly upstream_status: number | null;
  readonly served_model: string | null;
  readonly input: number | null;
  readonly cached: number | null;
  readonly output: number | null;
  readonly usage_source: 'provider' | 'estimated' | 'none' | null;
  readonly estimated_input: number;
  readonly estimated_output: number | null;
  readonly unsent: number | null;
  readonly cost_nano: number | null;
}

function journal(path: string): readonly Write[] {
  try {
    return parseJournal(readFileSync(path)).writes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Every row that is committed in `dataDir`, in the file or still in its journal, read beside the process that owns it. */
export function readLedger(dataDir: string): LedgerRow[] {
  // First the journals: what leaves them meanwhile is in the file. Intents before settlements, in whichever they are.
  const writes = journalPaths(dataDir).flatMap(journal);
  writes.sort((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0));
  const database = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true });
  try {
    const rows = new Map<unknown, Record<string, unknown>>();
    for (const row of database.prepare('SELECT * FROM attempts').all()) rows.set(row.id, { ...row });
    for (const { kind, id, values } of writes) {
      const row = rows.get(id);
      const columns = kind === 'open' ? intentColumns : settlementColumns;
      const members = Object.fromEntries(columns.map((name, at) => [name, values[at]]));
      if (row === undefined) rows.set(id, { ...members, state: 'open' });
      else if (kind === 'settle' && row.state === 'open') Object.assign(row, members, { state: 'settled' });
    }
    return [...rows.values()].sort((a, b) => Number(a.id) - Number(b.id)) as unknown as LedgerRow[];
  } finally {
    database.close();
  }
}

/** The rows once none is open and there are at least `count`; throws after 3 s. */
export async function settledRows(dataDir: string, count: number): Promise<LedgerRow[]> {
  const until = performance.now() + 3_000;
  for (;;) {
    const rows = readLedger(dataDir);
    if (rows.length >= count && rows.every((row) => row.state === 'settled')) return rows;
    if (performance.now() > until) throw new Error(`The ledger has not ${count} settled rows: ${JSON.stringify(rows)}`);
    await sleep(5);
  }
}

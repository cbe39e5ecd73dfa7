import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

/** One attempt as the ledger has it. */
export interface LedgerRow {
  readonly id: number;
  readonly exchange: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly operation: string;
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

/** Every row of the ledger in `dataDir`, read beside the process that owns it. */
export function readLedger(dataDir: string): LedgerRow[] {
  const database = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { readOnly: true });
  try {
    return database.prepare('SELECT * FROM attempts ORDER BY id').all() as unknown as LedgerRow[];
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

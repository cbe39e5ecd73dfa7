import { DatabaseSync } from 'node:sqlite';
import { readUsage, type UsageGroup, type UsageRequest } from '../../../plugins/usage/usage-query.ts';

// Sums as anyone would make them: over every row, one after the other.

interface Row {
  readonly attempt: number;
  readonly charged_at: number;
  readonly key_id: string | null;
  readonly team: string | null;
  readonly model: string;
  readonly provider: string;
  readonly metadata: string | null;
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
  readonly cost_nano: number | null;
}

const hourMs = 3_600_000;

/** Measures in the order of the columns, by the groups' values as JSON. */
export type Sums = Record<string, number[]>;

function groupOf(row: Row, group: UsageGroup, label: string | null): string | number {
  if (group === 'day') return Math.floor(row.charged_at / (24 * hourMs));
  if (group === 'key') return row.key_id ?? '';
  if (group === 'team') return row.team ?? '';
  if (group !== 'label') return row[group];
  const metadata = JSON.parse(row.metadata ?? '{}') as Record<string, unknown>;
  return Object.hasOwn(metadata, label!) ? `=${metadata[label!]}` : '';
}

export function naiveSums(
  database: DatabaseSync,
  { from, to, groups, label, team, key }: Pick<UsageRequest, 'from' | 'to' | 'groups' | 'label' | 'team' | 'key'>,
): Sums {
  const rows = database
    .prepare(
      `SELECT attempt, charged_at, key_id, team, model, provider, metadata, input, output, cached, reasoning, cost_nano
       FROM attempts WHERE state = 'settled'`,
    )
    .all() as unknown as Row[];
  const sums: Sums = {};
  for (const row of rows) {
    if (row.charged_at < from * hourMs || row.charged_at >= to * hourMs) continue;
    if (team !== null && (row.team ?? '') !== team) continue;
    if (key !== null && (row.key_id ?? '') !== key) continue;
    const name = JSON.stringify(groups.map((group) => groupOf(row, group, label)));
    const unpriced = row.cost_nano === null ? 1 : 0;
    const values = [row.attempt === 1 ? 1 : 0, 1, row.input, row.output, row.cached, row.reasoning, row.cost_nano ?? 0, unpriced];
    sums[name] = (sums[name] ?? [0, 0, 0, 0, 0, 0, 0, 0]).map((sum, at) => sum + values[at]!);
  }
  return sums;
}

/** The same from the tables of sums, over pages of `limit` rows. */
export function keptSums(database: DatabaseSync, request: Omit<UsageRequest, 'kind' | 'after'>): Sums {
  const sums: Sums = {};
  let after: UsageRequest['after'] = null;
  for (;;) {
    const page = readUsage(database, { ...request, kind: 'usage', after });
    for (const row of page.rows) {
      const { requests, attempts, prompt, completion, cached, reasoning, cost_nano, unpriced } = row;
      const name = JSON.stringify(row.groups);
      if (Object.hasOwn(sums, name)) throw new Error(`${name} is on two pages`);
      sums[name] = [requests, attempts, prompt, completion, cached, reasoning, Number(cost_nano), unpriced];
    }
    if (!page.more) return sums;
    after = page.rows.at(-1)!.groups;
  }
}

/** Everything that is kept, held against the rows. */
export function differences(path: string): { readonly kept: Sums; readonly rows: Sums } {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const groups = ['key', 'team', 'model', 'provider', 'day'] as const;
    const request = { from: 0, to: 24 * 40_000, groups, label: null, team: null, key: null, limit: 10_000 };
    return { kept: keptSums(database, request), rows: naiveSums(database, request) };
  } finally {
    database.close();
  }
}

import type { DatabaseSync } from 'node:sqlite';
import { type Measure, measures } from '../sum-tables.ts';
import { readUsage, type UsagePage, type UsageRequest, type UsageRow, type UsageSums } from '../usage-query.ts';
import { readReplica, replicaPaths } from './replica-file.ts';

function sum(one: UsageSums, other: UsageSums): UsageSums {
  const both = {} as Record<Exclude<Measure, 'cost_nano'>, number>;
  for (const name of measures) if (name !== 'cost_nano') both[name] = one[name] + other[name];
  return { ...both, cost_nano: String(BigInt(one.cost_nano) + BigInt(other.cost_nano)) };
}

/** As SQLite orders texts: by their bytes. */
function compare(one: UsageRow, other: UsageRow): number {
  for (const [at, a] of one.groups.entries()) {
    const b = other.groups[at]!;
    if (a === b) continue;
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
  }
  return 0;
}

/** One page of several: each has the first groups behind the same place, so the first ones of all of them are among these. */
export function mergePages(pages: readonly UsagePage[], limit: number): UsagePage {
  const [first, ...others] = pages as [UsagePage, ...UsagePage[]];
  if (others.length === 0) return first;
  const rows: UsageRow[] = [];
  for (const row of pages.flatMap((page) => page.rows).sort(compare)) {
    const last = rows.at(-1);
    if (last !== undefined && compare(last, row) === 0) rows[rows.length - 1] = { groups: last.groups, ...sum(last, row) };
    else rows.push(row);
  }
  return {
    from: Math.min(...pages.map((page) => page.from)),
    to: Math.max(...pages.map((page) => page.to)),
    rows: rows.slice(0, limit),
    total: others.reduce((total, page) => sum(total, page.total), first.total),
    more: rows.length > limit || pages.some((page) => page.more),
  };
}

/** What `readUsage` says of this replica's ledger and of the sums of all others. `dataDir`: null where there are none. */
export function readFleetUsage(ledger: DatabaseSync, dataDir: string | null, request: UsageRequest): UsagePage {
  const own = readUsage(ledger, request);
  if (dataDir === null) return own;
  const pages = replicaPaths(dataDir).flatMap((path) => {
    const database = readReplica(path);
    if (database === null) return [];
    try {
      database.exec('BEGIN');
      return [readUsage(database, request)];
    } finally {
      database.close();
    }
  });
  return mergePages([own, ...pages], request.limit);
}

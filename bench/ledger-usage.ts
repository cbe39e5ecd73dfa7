import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LedgerReader } from '../plugins/usage/reader.ts';
import { RollupWriter } from '../plugins/usage/rollup.ts';
import { LedgerStore } from '../plugins/usage/store.ts';
import { hourMs } from '../plugins/usage/sum-tables.ts';
import type { UsageGroup, UsageRequest } from '../plugins/usage/usage-query.ts';
import { median } from './statistics.ts';

// How long `/admin/v1/usage` takes over a month of 10 million attempts: their sums are made by the code that makes them in a gateway,
// held against sums made beside it, and read through the reader's thread. `node bench/ledger-usage.ts [--rows 10000000] [--keys 1000]`.

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    keys: { type: 'string', default: '1000' },
    models: { type: 'string', default: '12' },
    days: { type: 'string', default: '30' },
    repeat: { type: 'string', default: '9' },
  },
});
const [rows, keys, models, days, repeat] = [options.rows, options.keys, options.models, options.days, options.repeat].map(
  Number,
) as [number, number, number, number, number];
/** More than 50 ms bring: a month has to be made in minutes. */
const together = 5_000;

const dataDir = mkdtempSync(join(tmpdir(), 'postern-usage-bench-'));
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }));
const end = Date.UTC(2026, 10, 30, 17, 40);
const start = end - days * 24 * hourMs;
const store = new LedgerStore({ dataDir, fsync: 'normal', now: () => start, log: { warn: () => undefined } });
// How fast the disk is belongs to other measurements.
store.database.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 20000');
const rollup = new RollupWriter(store.database);

/** Attempts by provider, and what all of them cost: held against what is read. */
const expected = { cost: 0n, attempts: 0, byProvider: new Map<string, number>() };

let state = 12_345;
const below = (limit: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
};

const began = performance.now();
let told = began;
for (let done = 0; done < rows; ) {
  const now = start + ((end - start) * done) / rows;
  store.database.exec('BEGIN IMMEDIATE');
  rollup.begin();
  for (let at = 0; at < Math.min(together, rows - done); at++) {
    // A few keys make most of the calls.
    const key = Math.floor((below(1_000_000) / 1_000_000) ** 2 * keys);
    const model = below(models);
    const provider = `provider-${model % 4}`;
    const cost_nano = below(50) === 0 ? null : 1_000 + below(5_000_000);
    rollup.add(
      {
        attempt: below(20) === 0 ? 2 : 1,
        charged_at: now,
        key_id: `key_${key}`,
        team: `team_${key % 40}`,
        model: `model-${model}`,
        provider,
        target: `model-${model}`,
        metadata: below(4) === 0 ? `{"feature":"f${below(20)}"}` : null,
      },
      { input: 500 + below(2_000), output: below(800), cached: below(400), reasoning: 0, cost_nano },
    );
    expected.attempts++;
    expected.cost += BigInt(cost_nano ?? 0);
    expected.byProvider.set(provider, (expected.byProvider.get(provider) ?? 0) + 1);
  }
  rollup.write();
  rollup.fold(now);
  store.database.exec('COMMIT');
  done += together;
  if (performance.now() - told < 10_000) continue;
  told = performance.now();
  console.log(`${done} of ${rows} rows, ${Math.round((told - began) / 1_000)} s`);
}
const filled = performance.now() - began;
const count = (table: string) =>
  (store.database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number }).count;
console.log(
  `filled with ${rows} rows of ${keys} keys and ${models} models over ${days} days in ${(filled / 1_000).toFixed(1)} s, ${((filled * 1_000) / rows).toFixed(2)} us a row`,
);
console.log(
  `series ${count('series')}, sums by day ${count('usage_days')}, by hour ${count('usage_hours')}, file ${Math.round(statSync(store.path).size / 1e6)} MB`,
);

const reader = new LedgerReader(store.path);
const hour = Math.floor(start / hourMs);
const to = Math.ceil(end / hourMs);
const midnight = (Math.ceil(hour / 24) + 0) * 24;
const base: Omit<UsageRequest, 'kind' | 'groups'> = {
  from: midnight,
  to,
  label: null,
  team: null,
  key: null,
  after: null,
  limit: 1_000,
};

async function measure(name: string, groups: readonly UsageGroup[], changes: Partial<UsageRequest> = {}): Promise<void> {
  const took: number[] = [];
  let found = 0;
  let more = false;
  for (let turn = 0; turn < repeat; turn++) {
    const from = performance.now();
    const page = await reader.usage({ ...base, groups, ...changes });
    took.push(performance.now() - from);
    found = page.rows.length;
    more = page.more;
  }
  console.log(
    `${name.padEnd(44)} ${median(took).toFixed(0).padStart(5)} ms (${Math.min(...took).toFixed(0)} to ${Math.max(...took).toFixed(0)}), ${found} rows${more ? ' and more' : ''}`,
  );
}

const whole = await reader.usage({ ...base, from: 0, to: to + 24, groups: ['provider'] });
for (const { groups, attempts } of whole.rows)
  if (expected.byProvider.get(String(groups[0])) !== attempts) throw new Error(`${groups[0]} has ${attempts} attempts`);
if (whole.total.attempts !== expected.attempts || BigInt(whole.total.cost_nano) !== expected.cost)
  throw new Error(`the total is ${JSON.stringify(whole.total)}, not ${expected.attempts} and ${expected.cost}`);
console.log('sums are right');

await measure('total', []);
for (const group of ['key', 'team', 'model', 'provider', 'day'] as const) await measure(group, [group]);
await measure('day,model', ['day', 'model']);
await measure('team,model', ['team', 'model']);
await measure('key,model', ['key', 'model']);
await measure('team,day', ['team', 'day']);
await measure('key,day', ['key', 'day']);
await measure('key,team,model,provider,day', ['key', 'team', 'model', 'provider', 'day']);
await measure('metadata.feature', ['label'], { label: 'feature' });
await measure('team,metadata.feature', ['team', 'label'], { label: 'feature' });
await measure('model, one team', ['model'], { team: 'team_7' });
await measure('day,model, one key', ['day', 'model'], { key: 'key_3' });
await measure('key, the last 30 hours', ['key'], { from: to - 30 });
await reader.close();
store.close();

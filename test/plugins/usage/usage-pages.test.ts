import { expect, test, vi } from 'vitest';
import { nextCursor, parseReport } from '../../../plugins/usage/report.ts';
import { intentRow, settlementRow, type Write } from '../../../plugins/usage/rows.ts';
import { LedgerStore } from '../../../plugins/usage/store.ts';
import { readUsage, type UsageGroup, type UsageRequest, type UsageRow } from '../../../plugins/usage/usage-query.ts';
import { UsageQuerySchema } from '../../../schemas/admin-usage.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { seeded } from '../../helper/cuts.ts';
import { intent, recordingLog, settlement, temporaryDirectory } from './sample.ts';

const hourMs = 3_600_000;
const noon = Date.UTC(2026, 10, 22, 12);
const all: Omit<UsageRequest, 'kind' | 'groups'> = {
  from: 0,
  to: 1e6,
  label: null,
  team: null,
  key: null,
  after: null,
  limit: 10_000,
};

/** Attempts of many keys in `days` days up to `noon`; hours that are over are in their days. */
function filled(days: number, keys: number, attempts: number): LedgerStore {
  const directory = temporaryDirectory();
  const store = new LedgerStore({ dataDir: directory.path, fsync: 'normal', now: () => noon, log: recordingLog() });
  whenDone(() => {
    store.close();
    directory.remove();
  });
  const random = seeded(5);
  const below = (limit: number): number => Math.floor(random() * limit);
  const writes: Write[] = [];
  for (let id = 1; id <= attempts; id++) {
    const key = below(keys);
    const chargedAt = noon - below(days * 24) * hourMs;
    const metadata = below(2) === 0 ? JSON.stringify({ feature: `f${below(3)}` }) : null;
    const by = { keyId: `key_${key}_ё`, team: `team_${key % 3}`, model: `m${below(3)}`, provider: `p${below(2)}` };
    writes.push(intentRow(id, intent({ ...by, chargedAt, metadata }), null));
    const charge = { quantities: { input: 5, output: id }, source: 'provider', nanoUsd: id, price: null } as const;
    writes.push(settlementRow(id, settlement(), charge));
  }
  store.write(writes);
  return store;
}

const orders: readonly (readonly [readonly UsageGroup[], Partial<UsageRequest>])[] = [
  [['key', 'team', 'model', 'provider', 'day'], {}],
  [['model', 'key', 'day'], {}],
  [['key', 'model', 'day'], { team: 'team_1' }],
  [['key', 'provider'], {}],
  [['key', 'provider', 'day'], { from: noon / hourMs - 20 }],
  [['day', 'key', 'model'], {}],
  [['key', 'label', 'model'], { label: 'feature' }],
];

test('G3: pages that are read a few keys at a time are those of the whole, without a hole or a row twice', () => {
  const store = filled(12, 150, 700);
  for (const [groups, changes] of orders) {
    const request = { kind: 'usage', ...all, ...changes, groups } as const;
    // Another order, so that no page is cut out of the one that is looked at.
    const reversed = readUsage(store.database, { ...request, groups: groups.toReversed() });
    const expected = new Map(reversed.rows.map(({ groups: values, ...sums }) => [JSON.stringify(values.toReversed()), sums]));
    const paged: UsageRow[] = [];
    for (let after: UsageRequest['after'] = null; ; after = paged.at(-1)!.groups) {
      const page = readUsage(store.database, { ...request, limit: 37, after });
      expect(page.total).toEqual(reversed.total);
      paged.push(...page.rows);
      if (!page.more) break;
    }
    expect(new Map(paged.map(({ groups: values, ...sums }) => [JSON.stringify(values), sums]))).toEqual(expected);
    expect(paged).toHaveLength(expected.size);
    const read = readUsage(store.database, request).rows.map((row) => row.groups);
    expect(paged.map((row) => row.groups)).toEqual(read);
  }
});

test('a page at the finest level sorts the sums of a few keys, and one that asks for years names the days there are', () => {
  const store = filled(4, 300, 900);
  const prepare = vi.spyOn(store.database, 'prepare');
  const page = readUsage(store.database, { kind: 'usage', ...all, groups: ['key', 'model', 'day'], limit: 10 });
  expect([page.rows.length, page.more]).toEqual([10, true]);
  const sorted = prepare.mock.calls.map(([sql]) => sql).filter((sql) => sql.includes('HAVING'));
  expect(sorted).toHaveLength(1);
  expect(sorted[0]).toContain('series IN (SELECT id FROM series WHERE (key, model) <= (?, ?))');
  prepare.mockClear();
  const own = readUsage(store.database, { kind: 'usage', ...all, groups: ['day'], key: 'key_7_ё' });
  expect(own.rows.length).toBeGreaterThan(0);
  const texts = prepare.mock.calls.map(([sql]) => sql);
  expect(texts.some((sql) => /level = 1 AND label = 0 AND day IN \((\d+, ){4}\d+\) AND series IN/.test(sql))).toBe(true);
});

test('a cursor after names of any kind that callers make up is taken', () => {
  // As long as names of models and values of metadata may be, of characters that are longest as JSON.
  const longest = '\u0001'.repeat(512);
  const groups = ['key_0123456789abcdef', 'team_0123456789abcdef', longest, 'provider', `=${longest}`, 20_000];
  const page = { from: 0, to: 1, total: {} as never, rows: [{ groups } as unknown as UsageRow], more: true };
  const cursor = nextCursor(page)!;
  expect(cursor.length).toBeLessThanOrEqual(UsageQuerySchema.properties.cursor.maxLength!);
  const report = parseReport({ group_by: 'key,team,model,provider,metadata.x,day', cursor }, { team: null, key: null }, noon);
  expect(report.request.after).toEqual(groups);
});

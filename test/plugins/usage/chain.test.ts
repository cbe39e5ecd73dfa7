import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRanges, parseRanges, verifyChain } from '../../../plugins/usage/chain.ts';
import { DecisionTable } from '../../../plugins/usage/decision-table.ts';
import { Retention } from '../../../plugins/usage/retention.ts';
import { intentRow, settlementRow } from '../../../plugins/usage/rows.ts';
import { LedgerStore } from '../../../plugins/usage/store.ts';
import { differences } from './naive-sums.ts';
import { intent, recordingLog, settlement, temporaryDirectory } from './sample.ts';

const charge = { quantities: { input: 7, output: 3 }, source: 'provider', nanoUsd: 5, price: null } as const;
const dayMs = 86_400_000;
const start = Date.UTC(2026, 10, 22);

let directory: ReturnType<typeof temporaryDirectory>;
let store: LedgerStore;
let now: number;
const open = () => new LedgerStore({ dataDir: directory.path, fsync: 'normal', now: () => now, log: recordingLog() });

beforeEach(() => {
  directory = temporaryDirectory();
  now = start;
  store = open();
});
afterEach(() => {
  store.close();
  directory.remove();
});

/** One batch with both halves of some rows, and one with the intents of others that end with the next. */
function write(ids: readonly number[], open: readonly number[] = []): void {
  store.write([
    ...[...ids, ...open].map((id) =>
      intentRow(id, intent({ exchange: `ex_${id} \ud800 é`, chargedAt: now, startedAt: now }), null),
    ),
    ...ids.map((id) => settlementRow(id, settlement({ reason: 'a\0b' }), charge)),
  ]);
}
const settle = (ids: readonly number[]) => store.write(ids.map((id) => settlementRow(id, settlement(), charge)));
const change = (sql: string) => store.database.exec(sql);
const verify = () => verifyChain(store.database);
const fill = () => {
  write([1, 2, 3], [4]);
  write([5], [6]);
  settle([4, 6]);
  write([7, 8, 9]);
};

describe('the chain', () => {
  it('has every row, as it was written, also when rows are written twice', () => {
    fill();
    fill();
    expect(verify()).toMatchObject({ sound: true, batches: 4, intents: 9, settlements: 9, problems: [] });
  });

  it.each([
    ['a cost that was changed', 'UPDATE settlements SET cost_nano = 4 WHERE id = 5', /^batch 2 .* not as it was written/],
    ['a key that was changed', "UPDATE intents SET key_id = 'key_b' WHERE id = 2", /^batch 1 .* not as it was written/],
    ['an unknown cost made 0', 'UPDATE settlements SET cost_nano = NULL WHERE id = 9', /^batch 4 /],
    ['a settlement that was removed', 'DELETE FROM settlements WHERE id = 6', /^batch 3 .* has lost 1 rows/],
    ['an intent that was removed', 'DELETE FROM intents WHERE id = 1', /^batch 1 .* has lost 1 rows/],
    ['a row at the end that was removed', 'DELETE FROM intents WHERE id = 9', /^batch 4 .* has lost 1 rows/],
    [
      'an intent that was put in',
      `CREATE TEMP TABLE one AS SELECT * FROM intents WHERE id = 3; UPDATE one SET id = 77; INSERT INTO intents SELECT * FROM one`,
      /intents has 10 rows, the chain 9/,
    ],
    ['a batch that was removed', 'DELETE FROM chain WHERE sequence = 2', /^batch 2 is missing/],
    ['a time that was changed', 'UPDATE chain SET at = at + 1 WHERE sequence = 3', /^batch 3 /],
    ['a batch that says nothing', "UPDATE chain SET opened = 'x' WHERE sequence = 3", /^batch 3 .* does not say/],
  ])('tells of %s', (_what, sql, expected) => {
    fill();
    change(sql);
    const report = verify();
    expect(report.sound).toBe(false);
    expect(report.problems.join('\n')).toMatch(expected);
  });

  it('tells where it ends, so that an end that is gone can be seen', () => {
    fill();
    const { head } = verify();
    change('DELETE FROM chain WHERE sequence = 4; DELETE FROM intents WHERE id > 6; DELETE FROM settlements WHERE id > 6');
    expect(head).toEqual({ sequence: 4, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(verify().head.sequence).toBe(3);
  });

  it('goes on over a restart', () => {
    fill();
    store.close();
    store = open();
    write([10]);
    expect(verify()).toMatchObject({ sound: true, batches: 5 });
  });

  it('is read while it is written', () => {
    fill();
    const reader = new DatabaseSync(store.path, { readOnly: true });
    expect(verifyChain(reader).sound).toBe(true);
    reader.close();
  });

  it('writes ids as ranges', () => {
    expect(formatRanges([1, 2, 3, 7, 9, 10])).toBe('1-3,7,9-10');
    expect(parseRanges('1-3,7,9-10')).toEqual([
      [1, 3],
      [7, 7],
      [9, 10],
    ]);
    expect([formatRanges([]), parseRanges('')]).toEqual(['', []]);
    for (const text of ['x', '3-1', '1,', '1-2-3', ' 1', '1e3']) expect([text, parseRanges(text)]).toEqual([text, null]);
  });
});

describe('retention', () => {
  const rows = (table: string) =>
    store.database
      .prepare(`SELECT id FROM ${table}`)
      .all()
      .map(({ id }) => id);
  const remove = (cutoff: number) => new Retention(store.database).removeSome(cutoff);

  it('removes rows that are too old and leaves their sums, and a chain that is whole', () => {
    write([1, 2], []);
    now += dayMs;
    write([3]);
    now += dayMs;
    write([4]);
    store.settledBelow(5);
    const before = differences(store.path).kept;
    expect(remove(start + dayMs / 2)).toBe(false);
    expect([rows('intents'), rows('settlements')]).toEqual([
      [3, 4],
      [3, 4],
    ]);
    expect(differences(store.path).kept).toEqual(before);
    expect(verify()).toMatchObject({ sound: true, batches: 2, intents: 2 });
    change('UPDATE settlements SET cost_nano = 4 WHERE id = 3');
    expect(verify().sound).toBe(false);
  });

  it('waits for attempts that are open, and for what came after them', () => {
    write([1], [2]);
    write([3]);
    now += 9 * dayMs;
    write([4]);
    store.settledBelow(2);
    expect(remove(now)).toBe(false);
    expect(rows('intents')).toEqual([1, 2, 3, 4]);
  });

  it('T1: what a clock that was ahead has written goes with what came behind it, and keeps nothing', () => {
    const decide = store.database.prepare('INSERT INTO decisions (at, decision) VALUES (?, ?)');
    const day = (id: number): void => {
      write([id]);
      decide.run(now, '[]');
    };
    now += 900 * dayMs;
    day(1);
    day(2);
    now = start;
    day(3);
    now += dayMs;
    day(4);
    now += dayMs;
    day(5);
    store.settledBelow(6);
    remove(start);
    expect([rows('intents'), rows('decisions')]).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5],
    ]);
    remove(start + dayMs / 2);
    expect([rows('intents'), rows('decisions')]).toEqual([
      [4, 5],
      [4, 5],
    ]);
    expect(verify().sound).toBe(true);
  });

  it('gives no id a second time', () => {
    write([], [8]);
    write([9]);
    settle([8]);
    store.settledBelow(10);
    now += dayMs;
    expect(remove(now)).toBe(false);
    expect([rows('intents'), rows('settlements')]).toEqual([[], [8]]);
    expect(store.lastId()).toBe(9);
    store.close();
    store = open();
    expect(store.lastId()).toBe(9);
  });

  it('removes little at a time, and decisions too; the space is used again', () => {
    for (let batch = 0; batch < 5; batch++) write(Array.from({ length: 600 }, (_, at) => batch * 600 + at + 1));
    const records = Array.from({ length: 2_500 }, (_, at) => `[1,"ex_${at}"]`);
    new DecisionTable(store.database).write(records, start);
    store.settledBelow(3_001);
    now += dayMs;
    write([4_000]);
    const pages = () => store.database.prepare('PRAGMA page_count').get()?.page_count as number;
    const size = pages();
    let bites = 1;
    while (remove(now - 1)) bites++;
    expect(bites).toBeGreaterThan(2);
    expect([rows('intents'), rows('decisions').length]).toEqual([[4_000], 0]);
    store.settledBelow(4_001);
    for (let batch = 0; batch < 4; batch++) write(Array.from({ length: 600 }, (_, at) => 5_000 + batch * 600 + at));
    expect(pages()).toBeLessThanOrEqual(size);
  });
});

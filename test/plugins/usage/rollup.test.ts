import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RollupWriter } from '../../../plugins/usage/rollup.ts';
import { RowWriter } from '../../../plugins/usage/row-writer.ts';
import { intentRow, settlementRow, type Write } from '../../../plugins/usage/rows.ts';
import { LedgerStore } from '../../../plugins/usage/store.ts';
import { ledgerSums } from '../../../plugins/usage/sums.ts';
import { type UsageGroup, usageGroups } from '../../../plugins/usage/usage-query.ts';
import { seeded } from '../../helper/cuts.ts';
import { differences, keptSums, naiveSums } from './naive-sums.ts';
import { intent, recordingLog, settlement, temporaryDirectory } from './sample.ts';

const hourMs = 3_600_000;
const noon = Date.UTC(2026, 10, 22, 12);

let directory: ReturnType<typeof temporaryDirectory>;
let store: LedgerStore;
let now: number;

beforeEach(() => {
  directory = temporaryDirectory();
  now = noon;
  store = new LedgerStore({ dataDir: directory.path, fsync: 'normal', now: () => now, log: recordingLog() });
});
afterEach(() => {
  store.close();
  directory.remove();
});

const charge = (nanoUsd: number | null, input = 7, output = 3) =>
  ({ quantities: { input, output, cached: 2, reasoning: 1 }, source: 'provider', nanoUsd, price: null }) as const;

let id = 0;
/** Both halves of one attempt. */
function attempt(changes: Parameters<typeof intent>[0] = {}, nanoUsd: number | null = 5): [Write, Write] {
  id++;
  return [intentRow(id, intent(changes), null), settlementRow(id, settlement(), charge(nanoUsd, 7 + (id % 5)))];
}

/** Twelve days up to `noon`, in the order of time but for one in ten that is late, in batches; hours are folded meanwhile. */
function fill(random: () => number, attempts: number): void {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  let batch: Write[] = [];
  const from = noon - 12 * 24 * hourMs;
  for (let at = 0; at < attempts; at++) {
    now = from + ((noon - from) * at) / attempts;
    const late = random() < 0.1 ? random() * 11 * 24 * hourMs : random() * 600_000;
    const labels = {
      ...(random() < 0.7 ? { feature: pick(['a', 'b', '']) } : {}),
      ...(random() < 0.3 ? { n: pick([1, 2]) } : {}),
    };
    const [opened, settled] = attempt(
      {
        attempt: pick([1, 1, 2, 0]),
        keyId: pick(['key_a', 'key_b', 'key_c', null]),
        team: pick(['team_x', 'team_y', null]),
        model: pick(['m1', 'm2', 'm3']),
        provider: pick(['p1', 'p2']),
        target: pick(['t1', 't2']),
        chargedAt: Math.max(from, now - late),
        startedAt: now - late,
        metadata: random() < 0.2 ? null : JSON.stringify(labels),
      },
      random() < 0.1 ? null : Math.floor(random() * 1e9),
    );
    batch.push(opened);
    if (random() < 0.2) batch.push(opened);
    batch.push(settled);
    if (batch.length < 30) continue;
    store.write(batch);
    // A journal that is read again.
    if (random() < 0.1) store.write(batch);
    batch = [];
  }
  store.write(batch);
}

describe('sums', () => {
  it('G3: by every group, over whole days and from and to hours of the last eight, are those of the rows', () => {
    const random = seeded(7);
    fill(random, 1_500);
    const today = Math.floor(noon / hourMs / 24);
    const ranges: [number, number][] = [
      [0, 24 * 40_000],
      [(today - 20) * 24, (today + 1) * 24],
      [(today - 9) * 24, (today - 3) * 24],
      [(today - 5) * 24 + 7, (today - 2) * 24 + 19],
      [today * 24 + 3, today * 24 + 9],
      [(today - 1) * 24 + 22, today * 24 + 1],
      [(today - 11) * 24, today * 24 + 11],
    ];
    const subsets = Array.from({ length: 2 ** usageGroups.length }, (_, bits) =>
      usageGroups.filter((_group, at) => bits & (1 << at)),
    );
    let compared = 0;
    for (const [from, to] of ranges) {
      const few = from === 0 ? subsets : subsets.filter(() => random() < 0.15);
      for (const groups of few) {
        for (const label of [null, 'feature']) {
          const all: UsageGroup[] = label === null ? groups : [...groups, 'label'];
          if (all.length === 0) continue;
          const team = random() < 0.3 ? 'team_x' : null;
          const key = random() < 0.2 ? 'key_a' : null;
          const request = { from, to, groups: all, label, team, key };
          const expected = naiveSums(store.database, request);
          expect({ request, sums: keptSums(store.database, { ...request, limit: compared % 9 === 0 ? 31 : 1_000 }) }).toEqual({
            request,
            sums: expected,
          });
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(60);
  });

  it('G3: since any hour, by key, team and altogether, are those of the rows', () => {
    fill(seeded(11), 800);
    const today = Math.floor(noon / hourMs / 24) * 24;
    for (const hour of [0, today, today - 24 * 6, today + 10, today - 3, today - 24 * 11]) {
      const rows = naiveSums(store.database, {
        from: hour,
        to: 1e9,
        groups: ['key', 'team'],
        label: null,
        team: null,
        key: null,
      });
      const expected: Record<string, number[]> = {};
      for (const [name, values] of Object.entries(rows)) {
        const [key, team] = JSON.parse(name) as [string, string];
        const sums = [values[0]!, values[2]! + values[3]!, values[6]!];
        for (const scope of ['global ', ...(team === '' ? [] : [`team ${team}`]), ...(key === '' ? [] : [`key ${key}`])])
          expected[scope] = (expected[scope] ?? [0, 0, 0]).map((sum, at) => sum + sums[at]!);
      }
      const kept = ledgerSums(store.database, hour * hourMs).map(
        ({ scope, id: of, requests, tokens, nanoUsd }) => [`${scope} ${of}`, [requests, tokens, nanoUsd]] as const,
      );
      expect([hour, Object.fromEntries(kept)]).toEqual([hour, expected]);
    }
  });

  it('G3: an hour whose sums are gone is added up from its rows', () => {
    fill(seeded(13), 300);
    const hour = Math.floor(noon / hourMs) - 24 * 10;
    const rows = naiveSums(store.database, { from: hour, to: 1e9, groups: [], label: null, team: null, key: null })['[]']!;
    const [all] = ledgerSums(store.database, hour * hourMs).filter(({ scope }) => scope === 'global');
    expect(all).toMatchObject({ requests: rows[0], tokens: rows[2]! + rows[3]!, nanoUsd: rows[6] });
  });

  it('G3: since an hour are those of one moment, also when another connection moves hours to their days meanwhile', () => {
    store.write(Array.from({ length: 4 }, () => attempt({ chargedAt: noon })).flat());
    const since = noon - 12 * hourMs;
    const expected = ledgerSums(store.database, since);
    const other = new DatabaseSync(store.path);
    const later = new RowWriter(other, () => noon + 5 * hourMs);
    for (const from of [0, since]) {
      let folds = 0;
      const meanwhile = new Proxy(store.database, {
        get:
          (database, name) =>
          (...args: [string]) => {
            if (name === 'prepare' && args[0].includes('GROUP BY') && folds++ === 0) later.write(attempt({ chargedAt: 1 }));
            return (database[name as 'prepare'] as (...args: [string]) => unknown).apply(database, args);
          },
      });
      const all = ledgerSums(meanwhile, from).filter(({ scope }) => scope === 'global');
      expect(folds).toBe(1);
      expect(all.map(({ requests }) => requests)).toEqual([from === 0 ? 4 : expected[0]!.requests]);
      store.database.exec(
        "UPDATE progress SET value = 0 WHERE name = 'folded_below'; DELETE FROM usage_days; DELETE FROM usage_totals",
      );
    }
    other.close();
  });

  it('of more than 9 million USD are told as that, since exact numbers end there', () => {
    for (let at = 0; at < 3; at++) store.write(attempt({}, Number.MAX_SAFE_INTEGER - 1));
    for (const from of [0, noon - 36 * hourMs, noon - 37 * hourMs])
      expect(ledgerSums(store.database, from).map(({ nanoUsd }) => nanoUsd)).toEqual([
        Number.MAX_SAFE_INTEGER,
        Number.MAX_SAFE_INTEGER,
      ]);
    expect(
      keptSums(store.database, { from: 0, to: 1e9, groups: [], label: null, team: null, key: null, limit: 1 })['[]']![0],
    ).toBe(3);
  });

  it('count a settlement once that is written again, by another connection too', () => {
    const writes = attempt();
    store.write(writes);
    store.write(writes);
    new RowWriter(store.database, () => now).write(writes);
    expect(Object.values(differences(store.path).kept)).toEqual([[1, 1, expect.any(Number), 3, 2, 1, 5, 0]]);
  });

  it('count a settlement whose intent comes later, as the second journal of a process that died', () => {
    const [opened, settled] = attempt();
    store.write([settled]);
    expect(differences(store.path).kept).toEqual({});
    store.write([opened]);
    const { kept, rows } = differences(store.path);
    expect(kept).toEqual(rows);
    expect(Object.keys(kept)).toHaveLength(1);
  });

  it('have nothing of a transaction that the file refused', () => {
    store.write(attempt({ keyId: 'key_first' }));
    store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    store.database.exec('PRAGMA max_page_count = 1');
    const long = attempt({ keyId: 'key_second', metadata: JSON.stringify({ long: 'x'.repeat(20_000) }) });
    expect(() => store.write(long)).toThrow(/full/);
    store.database.exec('PRAGMA max_page_count = 1000000');
    store.write(attempt({ keyId: 'key_second' }));
    const { kept, rows } = differences(store.path);
    expect(kept).toEqual(rows);
    expect(Object.keys(kept)).toHaveLength(2);
  });

  it('have nothing of a transaction that was rolled back', () => {
    store.database.exec("CREATE TEMP TRIGGER full BEFORE INSERT ON main.chain BEGIN SELECT RAISE(ABORT, 'full'); END");
    const writes = attempt({ keyId: 'key_new', metadata: '{"feature":"new"}' });
    expect(() => store.write(writes)).toThrow(/full/);
    store.database.exec('DROP TRIGGER full');
    store.write(attempt({ keyId: 'key_other' }));
    store.write(writes);
    const { kept, rows } = differences(store.path);
    expect(kept).toEqual(rows);
    expect(Object.keys(kept)).toHaveLength(2);
  });

  it('of two connections that write in turn are one', () => {
    const other = new DatabaseSync(join(directory.path, 'ledger.sqlite'));
    const writers = [new RowWriter(other, () => now), new RowWriter(store.database, () => now)];
    for (let turn = 0; turn < 40; turn++) {
      now += hourMs / 4;
      writers[turn % 2]!.write(attempt({ keyId: `key_${turn % 3}`, chargedAt: now, startedAt: now, metadata: `{"t":${turn}}` }));
    }
    other.close();
    const { kept, rows } = differences(store.path);
    expect(kept).toEqual(rows);
  });

  it('of metadata are bounded: further values of a day are other, further names are not summed', () => {
    const rollup = new RollupWriter(store.database, { values: 4, names: 2, series: 1_000 });
    const row = { input: 1, output: 1, cached: 0, reasoning: 0, cost_nano: 1 };
    store.database.exec('BEGIN');
    rollup.begin();
    for (let at = 0; at < 10; at++) {
      const metadata = JSON.stringify({ user: `u${at}`, [`name${at}`]: 'x' });
      const charged_at = now;
      rollup.add({ attempt: 1, charged_at, key_id: 'k', team: null, model: 'm', provider: 'p', target: 't', metadata }, row);
    }
    rollup.write();
    store.database.exec('COMMIT');
    const request = { from: 0, to: 1e9, groups: ['label'] as const, team: null, key: null, limit: 100 };
    const counts = (label: string) =>
      Object.fromEntries(Object.entries(keptSums(store.database, { ...request, label })).map(([name, sums]) => [name, sums[1]]));
    expect(counts('user')).toEqual({ '["=u0"]': 1, '["=u1"]': 1, '["=u2"]': 1, '["=other"]': 7 });
    expect(counts('name0')).toEqual({ '["=x"]': 1, '[""]': 9 });
    expect(counts('name5')).toEqual({ '[""]': 10 });
  });

  it('have a bound for names of models that callers make up', () => {
    const rollup = new RollupWriter(store.database, { values: 4, names: 2, series: 5 });
    store.database.exec('BEGIN');
    rollup.begin();
    for (let at = 0; at < 20; at++) {
      rollup.add(
        {
          attempt: 1,
          charged_at: now,
          key_id: 'k',
          team: null,
          model: `m${at}`,
          provider: 'p',
          target: `m${at}`,
          metadata: null,
        },
        { input: 1, output: 1, cached: 0, reasoning: 0, cost_nano: 1 },
      );
    }
    rollup.write();
    store.database.exec('COMMIT');
    const sums = keptSums(store.database, {
      from: 0,
      to: 1e9,
      groups: ['model'],
      label: null,
      team: null,
      key: null,
      limit: 100,
    });
    expect(Object.entries(sums).map(([name, values]) => [name, values[1]])).toEqual([
      ['["m0"]', 1],
      ['["m1"]', 1],
      ['["m2"]', 1],
      ['["m3"]', 1],
      ['["m4"]', 1],
      ['["other"]', 15],
    ]);
  });

  it('by the hour are kept for eight days, by the day for ever', () => {
    store.write(attempt({ chargedAt: now }));
    now += 60 * 24 * hourMs;
    store.write(attempt({ chargedAt: now }));
    const count = (table: string) => store.database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count;
    expect([count('usage_hours'), count('usage_days WHERE level = 0')]).toEqual([1, 1]);
    expect(differences(store.path).kept).toEqual(differences(store.path).rows);
  });

  it('T1: hold when the clock is set back over hours that were added to their day', () => {
    store.write(attempt({ chargedAt: now }));
    now += 30 * hourMs;
    store.write(attempt({ chargedAt: now }));
    now -= 31 * hourMs;
    store.write(attempt({ chargedAt: now }));
    now += 40 * hourMs;
    store.write(attempt({ chargedAt: now }));
    expect(differences(store.path).kept).toEqual(differences(store.path).rows);
    expect(ledgerSums(store.database, 0)[0]).toMatchObject({ requests: 4 });
  });
});

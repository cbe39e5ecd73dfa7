import { describe, expect, test } from 'vitest';
import type { Spent } from '../../../plugins/limits/contract.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { Tallies } from '../../../plugins/limits/tallies.ts';
import type { Charged, LedgerSum } from '../../../plugins/usage/contract.ts';
import { budget, everyone, key, rate, team } from './rules.ts';

const now = Date.UTC(2026, 6, 15, 12, 20);
const hour = 3_600_000;

function charged(
  chargedAt: number,
  changes: Partial<Pick<Charged, 'requests' | 'tokens' | 'nanoUsd'>> = {},
  who: object = {},
): Charged {
  const intent = {
    exchange: 'ex_1',
    attempt: 1,
    operation: 'chat',
    keyId: 'key_1',
    team: 'team_1',
    chargedAt,
    ...who,
  } as const;
  return { id: 1, intent, requests: 1, tokens: 10, nanoUsd: 100, ...changes };
}

const ledger = (sums: (from: number) => readonly LedgerSum[] = () => []) => ({ sums });
const amounts = (spent: readonly Spent[]) => spent.map(({ scope, period, amount }) => [scope.kind, period, amount]);

describe('sums of the ledger in memory', () => {
  test('are not kept for callers by a key of their own at a provider, of whom there can be any number', () => {
    const sums = () => [{ scope: 'key', id: 'client_1', requests: 1, tokens: 2, nanoUsd: 3 } as const];
    const tallies = new Tallies({ charges: ledger(sums), now: () => now, everything: true });
    expect(amounts(tallies.load()).filter(([kind]) => kind === 'key')).toEqual([]);
    const changed = tallies.add(charged(now, {}, { keyId: 'client_2', team: null }));
    expect(new Set(changed.map(({ scope }) => scope.kind))).toEqual(new Set(['global']));
    expect(tallies.add(charged(now, {}, { team: null })).some(({ scope }) => scope.kind === 'key')).toBe(true);
  });

  test('begin with what an earlier process charged, period by period', () => {
    const tallies = new Tallies({
      charges: ledger((from) => [
        { scope: 'key', id: 'key_1', requests: 1, tokens: 2, nanoUsd: from === 0 ? 900 : from <= now ? 30 : 0 },
      ]),
      now: () => now,
      everything: false,
    });
    expect(tallies.load()).toEqual([]);
    expect(tallies.watch(budget(1, 'total'))?.amount).toBe(900);
    expect(tallies.watch(budget(1, 'day'))?.amount).toBe(30);
  });

  test.each([-hour, hour])('G25: a start with a clock that is off by %i ms loads what belongs to each hour', (off) => {
    const rows = [-2 * hour, -hour, -hour, 0, 0, 0].map((by) => now + by);
    let clock = now + off;
    const charges = ledger((from) => {
      const count = rows.filter((at) => at >= from).length;
      return count === 0 ? [] : [{ scope: 'key', id: 'key_1', requests: count, tokens: 10 * count, nanoUsd: 100 * count }];
    });
    const tallies = new Tallies({ charges, now: () => clock, everything: false });
    tallies.load();
    const rule = budget(1, 'hour');
    const present = tallies.watch(rule);
    expect(present?.amount).toBe(off < 0 ? 200 : 0);
    const start = (at: number) => periodStart('hour', at);
    expect(tallies.others(rule)).toContainEqual({ ...present, start: start(now), amount: 300 });
    clock = now;
    expect(tallies.watch(rule)).toMatchObject({ start: start(now), amount: 300 });
    const again = budget(1, 'hour', key, 'tokens');
    tallies.watch(again);
    expect(tallies.add(charged(now)).map(({ amount }) => amount)).toEqual([400, 40]);
  });

  test('a charge counts for its key, its team and everyone, and only watched sums are reported', () => {
    const tallies = new Tallies({ charges: ledger(), now: () => now, everything: false });
    expect(tallies.add(charged(now))).toEqual([]);
    for (const rule of [budget(1, 'day'), budget(1, 'hour', team, 'requests'), budget(1, 'month', everyone, 'tokens')])
      tallies.watch(rule);
    expect(amounts(tallies.add(charged(now)))).toEqual([
      ['global', 'month', 20],
      ['team', 'hour', 2],
      ['key', 'day', 200],
    ]);
  });

  test('what nobody has a key for counts for everyone alone', () => {
    const tallies = new Tallies({ charges: ledger(), now: () => now, everything: true });
    const changed = tallies.add(charged(now, { requests: 0 }, { keyId: null, team: null, operation: 'probe', attempt: 0 }));
    expect(new Set(changed.map(({ scope }) => scope.kind))).toEqual(new Set(['global']));
    expect(changed.find(({ measure, period }) => measure === 'nano_usd' && period === 'day')?.amount).toBe(100);
  });

  test('R10: a charge that comes late is added to the period of its admission', () => {
    let at = now;
    const tallies = new Tallies({ charges: ledger(), now: () => at, everything: false });
    tallies.watch(budget(1, 'hour'));
    tallies.add(charged(now));
    at += hour;
    tallies.add(charged(at));
    expect(tallies.add(charged(now))).toMatchObject([{ start: periodStart('hour', now), amount: 200 }]);
    expect(tallies.watch(budget(1, 'hour'))).toMatchObject({ start: periodStart('hour', at), amount: 100 });
  });

  test('G25: an hour forward and back finds the sums as they were', () => {
    let at = now;
    const tallies = new Tallies({ charges: ledger(), now: () => at, everything: false });
    const watched = () => tallies.watch(budget(1, 'hour'))?.amount;
    tallies.add(charged(at));
    at += hour;
    expect(watched()).toBe(0);
    tallies.add(charged(at, { nanoUsd: 7 }));
    at -= hour;
    expect(watched()).toBe(100);
    at += hour;
    expect(watched()).toBe(7);
  });

  test('stay what a double holds exactly', () => {
    const tallies = new Tallies({ charges: ledger(), now: () => now, everything: false });
    tallies.watch(budget(1));
    tallies.add(charged(now, { nanoUsd: Number.MAX_SAFE_INTEGER }));
    expect(tallies.add(charged(now, { nanoUsd: Number.MAX_SAFE_INTEGER }))[0]?.amount).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('rules that the ledger does not feed have none', () => {
    const tallies = new Tallies({ charges: ledger(), now: () => now, everything: false });
    expect(tallies.watch(rate(1))).toBeNull();
    expect(tallies.watch(budget(1, 'day', { kind: 'ip', id: 'x' }))).toBeNull();
  });
});

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
  test('begin with what an earlier process charged, period by period', () => {
    const asked: number[] = [];
    const tallies = new Tallies({
      charges: ledger((from) => {
        asked.push(from);
        return [{ scope: 'key', id: 'key_1', requests: 1, tokens: 2, nanoUsd: from === 0 ? 900 : 30 }];
      }),
      now: () => now,
      everything: false,
    });
    expect(tallies.load()).toEqual([]);
    expect(asked).toEqual(['hour', 'day', 'week', 'month', 'total'].map((each) => periodStart(each as 'hour', now)));
    expect(tallies.watch(budget(1, 'total'))?.amount).toBe(900);
    expect(tallies.watch(budget(1, 'day'))?.amount).toBe(30);
    expect(tallies.watch(budget(1, 'day', key, 'tokens'))?.amount).toBe(2);
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

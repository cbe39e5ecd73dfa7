import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../plugins/limits/memory-store.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { budget, charge, concurrent, key, rate } from './rules.ts';
import { storeSuite } from './store-suite.ts';

/** Noon of a Wednesday in the middle of a month. */
const noon = Date.UTC(2026, 6, 15, 12, 20, 0);

function rig() {
  let wall = noon;
  let steady = noon;
  const store = new MemoryStore({ wall: () => wall, steady: () => steady });
  return {
    store,
    now: () => wall,
    pass(ms: number) {
      wall += ms;
      steady += ms;
    },
    step(ms: number) {
      wall += ms;
    },
    quiet: async () => undefined,
    close: () => store.close(),
  };
}

storeSuite({ name: 'in memory', manualClock: true, create: async () => rig() });

describe('T1 G25: a wall clock that is set by an hour', () => {
  const spend = (store: MemoryStore, period: 'hour' | 'day', amount: number) =>
    store.spent([{ scope: key, measure: 'nano_usd', period, start: periodStart(period, store.now()), amount }]);

  test('forward and back gives a budget back once for each period, never twice', () => {
    const { store, step } = rig();
    const rule = budget(10, 'hour');
    spend(store, 'hour', 10);
    expect(store.take('a', [charge(rule)], 1_000).ok).toBe(false);
    step(3_600_000);
    expect(store.take('b', [charge(rule, 10)], 1_000).ok).toBe(true);
    store.settle('b', [10]);
    spend(store, 'hour', 10);
    step(-3_600_000);
    expect(store.take('c', [charge(rule)], 1_000).ok).toBe(false);
    step(3_600_000);
    expect(store.take('d', [charge(rule)], 1_000).ok).toBe(false);
  });

  test.each([3_600_000, -3_600_000])('by %i ms: rates and leases go by durations and notice nothing', (ms) => {
    const { store, step, pass } = rig();
    for (const algorithm of ['fixed_window', 'sliding_window', 'token_bucket'] as const) {
      const rule = rate(5, algorithm);
      store.take(`${algorithm}-a`, [charge(rule, 5)], 90_000);
      const before = store.take(`${algorithm}-b`, [charge(rule)], 90_000);
      step(ms);
      expect(store.take(`${algorithm}-c`, [charge(rule)], 90_000)).toEqual(before);
      step(-ms);
    }
    const held = budget(5);
    store.take('held', [charge(held, 5)], 90_000);
    step(ms);
    expect(store.take('x', [charge(held, 1)], 90_000).ok).toBe(false);
    pass(90_000);
    expect(store.take('y', [charge(held, 1)], 90_000).ok).toBe(true);
  });

  test.each([-7_200_000, -1, 3_599_999, 86_400_000])('by %i ms: no wait and no time until a reset is negative', (ms) => {
    const { store, step, pass } = rig();
    const rules = [rate(3), rate(3, 'fixed_window'), rate(3, 'token_bucket'), budget(3, 'hour'), budget(3, 'day')];
    for (const rule of rules) store.take(`full-${rule.id}`, [charge(rule, 3)], 1_000_000);
    step(ms);
    pass(1_234.567);
    for (const rule of rules) {
      const taken = store.take(`next-${rule.id}`, [charge(rule)], 1_000_000);
      const standing = taken.ok ? taken.standings[0]! : taken.standing;
      expect(standing.resetMs).toBeGreaterThanOrEqual(0);
      if (!taken.ok) expect(taken.retryAfterMs ?? 1).toBeGreaterThan(0);
    }
  });
});

describe('what it remembers', () => {
  test('counters of addresses that say nothing any more are forgotten, those in use are not', () => {
    const { store, pass } = rig();
    store.take('kept', [charge(concurrent(1)), charge(budget(9), 4)], 3_600_000);
    for (let at = 0; at < 9_998; at++)
      store.take(`t${at}`, [charge(rate(5, 'sliding_window', 60_000, { kind: 'ip', id: `a${at}` }))], 1);
    pass(120_000);
    store.take('last', [charge(rate(5, 'sliding_window', 60_000, { kind: 'ip', id: 'z' }))], 1);
    expect(store.size).toEqual({ counters: 3, open: 2 });
    expect(store.take('more', [charge(concurrent(1))], 1_000).ok).toBe(false);
  });

  test('R9: takes that nobody settled lapse with their leases and are forgotten', () => {
    const { store, pass } = rig();
    for (let at = 0; at < 100; at++) store.take(`t${at}`, [charge(concurrent(1_000))], 1_000 + at);
    pass(1_050);
    store.take('x', [charge(concurrent(1_000))], 1_000);
    expect(store.size.open).toBe(50);
    pass(2_000);
    expect(store.take('y', [charge(concurrent(1))], 1_000).ok).toBe(true);
  });
});

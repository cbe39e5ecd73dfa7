import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../../plugins/limits/memory-store.ts';
import type { LimitAlgorithm } from '../../../schemas/limits-config.ts';
import { charge, rate } from './rules.ts';

// Every algorithm against a model that keeps all takes and adds them up anew each time.

interface Take {
  readonly at: number;
  readonly amount: number;
}

const windowMs = 1_000;
const begin = 1_790_000_000_000;

/** Used of the limit at a time, by all that was ever taken. */
const models: Readonly<Record<LimitAlgorithm, (takes: readonly Take[], now: number, limit: number) => number>> = {
  fixed_window: (takes, now) => sum(takes, (each) => windowOf(each.at) === windowOf(now)),
  sliding_window(takes, now) {
    const window = windowOf(now);
    const covered = 1 - (now - window * windowMs) / windowMs;
    return sum(takes, ({ at }) => windowOf(at) === window) + covered * sum(takes, ({ at }) => windowOf(at) === window - 1);
  },
  token_bucket(takes, now, limit) {
    let missing = 0;
    let last = takes[0]?.at ?? now;
    for (const { at, amount } of takes) {
      missing = Math.max(0, missing - ((at - last) * limit) / windowMs) + amount;
      last = at;
    }
    return Math.max(0, missing - ((now - last) * limit) / windowMs);
  },
};
const windowOf = (at: number) => Math.floor(at / windowMs);
const sum = (takes: readonly Take[], which: (take: Take) => boolean) =>
  takes.filter(which).reduce((all, { amount }) => all + amount, 0);

const algorithms = ['fixed_window', 'sliding_window', 'token_bucket'] as const;
const steps = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 1_500 }), amount: fc.integer({ min: 0, max: 30 }) }), {
  minLength: 1,
  maxLength: 40,
});
const runs = { numRuns: 300, seed: 7 };

describe.each(algorithms)('%s', (algorithm) => {
  test('lets in what the whole history says, and nothing else', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), steps, (limit, all) => {
        let now = begin;
        const store = new MemoryStore({ wall: () => now, steady: () => now });
        const takes: Take[] = [];
        for (const [at, { wait, amount }] of all.entries()) {
          now += wait;
          const used = models[algorithm](takes, now, limit);
          const taken = store.take(`t${at}`, [charge(rate(limit, algorithm, windowMs), amount)], 1e9);
          // Within rounding both are right.
          if (Math.abs(used + amount - limit) > 1e-6) expect(taken.ok).toBe(used + amount <= limit);
          if (taken.ok) {
            takes.push({ at: now, amount });
            expect(Math.abs(taken.standings[0]!.left - Math.max(0, limit - used - amount))).toBeLessThan(1.000_001);
          }
        }
      }),
      runs,
    );
  });

  test('its waits are the shortest that help, and after its reset a whole limit is there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), steps, fc.integer({ min: 1, max: 60 }), (limit, all, wanted) => {
        let now = begin;
        const fill = (store: MemoryStore) => {
          now = begin;
          for (const [at, { wait, amount }] of all.entries()) {
            now += wait;
            store.take(`t${at}`, [charge(rate(limit, algorithm, windowMs), amount)], 1e9);
          }
        };
        const attempt = (after: number, amount: number) => {
          const store = new MemoryStore({ wall: () => now, steady: () => now });
          fill(store);
          now += after;
          return store.take('last', [charge(rate(limit, algorithm, windowMs), amount)], 1e9);
        };
        const first = attempt(0, wanted);
        if (first.ok) {
          expect(attempt(first.standings[0]!.resetMs, limit).ok || first.standings[0]!.left < limit).toBe(true);
          return;
        }
        if (wanted > limit) {
          expect(first.retryAfterMs).toBeNull();
          return;
        }
        const wait = first.retryAfterMs!;
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(2 * windowMs);
        expect(attempt(wait, wanted).ok).toBe(true);
        if (wait > 2) expect(attempt(wait - 2, wanted).ok).toBe(false);
        expect(attempt(first.standing.resetMs, limit).ok).toBe(true);
      }),
      runs,
    );
  });

  test('what was given back may be taken again, and never more than the limit in all', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let now = begin;
        const limit = 40;
        const store = new MemoryStore({ wall: () => now, steady: () => now });
        const rule = charge(rate(limit, algorithm, windowMs), 0).rule;
        for (const [at, { wait, amount }] of all.entries()) {
          now += wait;
          const before = store.take(`q${at}`, [charge(rule, 0)], 1e9);
          if (!store.take(`t${at}`, [charge(rule, amount)], 1e9).ok) continue;
          store.settle(`t${at}`, [0]);
          expect(store.take(`r${at}`, [charge(rule, 0)], 1e9)).toEqual(before);
          expect(store.take(`u${at}`, [charge(rule, amount)], 1e9).ok).toBe(true);
        }
      }),
      runs,
    );
  });
});

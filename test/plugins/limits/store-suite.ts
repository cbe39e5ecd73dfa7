import { beforeEach, describe, expect, test } from 'vitest';
import type { Charge, LimitStore, Measure, Rule, Spent, Taken } from '../../../plugins/limits/contract.ts';
import { periodEnd, periodStart } from '../../../plugins/limits/periods.ts';
import type { Period } from '../../../schemas/limits-config.ts';
import { budget, charge, concurrent, everyone, key, rate, team } from './rules.ts';

/** A store that nothing was taken from, with its clock. */
export interface StoreUnderTest {
  readonly store: LimitStore;
  /** Unix milliseconds by which the store decides; where it can, it begins in the middle of everything: no period ends near it. */
  now(): number;
  /** Lets that much time pass: by hand where the clock is the test's, else by waiting. */
  pass(ms: number): unknown;
  /** Waits until what was told the store without waiting (`settle`, `spent`) holds. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export interface SuiteOptions {
  readonly name: string;
  /** Called before every test; nothing of an earlier test may be left. */
  readonly create: () => Promise<StoreUnderTest>;
  /** `pass` costs no time: windows of minutes and ends of months can be waited for. */
  readonly manualClock: boolean;
}

const lease = 600_000;

/** What every backend of the limits does alike. */
export function storeSuite({ name, create, manualClock }: SuiteOptions): void {
  describe(`the limit store ${name}`, () => {
    let rig: StoreUnderTest;
    let store: LimitStore;
    let ids = 0;

    beforeEach(async () => {
      rig = await create();
      store = rig.store;
      return () => rig.close();
    });

    const nextId = (): string => `ex_suite_${++ids}`;
    /** Windows of a rate: a minute where time is free. */
    const window = manualClock ? 60_000 : 400;
    const take = async (charges: readonly Charge[], id = nextId(), leaseMs = lease): Promise<Taken> =>
      store.take(id, charges, leaseMs);
    const settle = async (id: string, actual: readonly (number | null)[]): Promise<void> => {
      store.settle(id, actual);
      await rig.quiet();
    };
    const spent = async (rule: Rule, amount: number, start?: number): Promise<void> => {
      const { period } = rule.span as { period: Period };
      const sum: Spent = {
        scope: rule.scope,
        measure: rule.measure,
        period,
        start: start ?? periodStart(period, store.now()),
        amount,
      };
      store.spent([sum]);
      await rig.quiet();
    };
    const counted = async (rule: Rule): Promise<readonly [used: number, held: number]> => {
      const [{ used, held } = { used: -1, held: -1 }] = await store.read([rule]);
      return [used, held];
    };

    describe('takes', () => {
      test('all charges or none: what fits is not counted when another one does not', async () => {
        const [first, second] = [rate(10, 'fixed_window', window), budget(5)];
        expect(await take([charge(first, 3), charge(second, 6)])).toMatchObject({ ok: false, refused: 1 });
        expect(await counted(first)).toEqual([0, 0]);
        expect(await counted(second)).toEqual([0, 0]);
      });

      test('says of each rule what is left, in order', async () => {
        const taken = await take([charge(rate(10, 'fixed_window', window), 3), charge(budget(100), 40), charge(concurrent(2))]);
        expect(taken).toMatchObject({ ok: true, standings: [{ left: 7 }, { left: 60 }, { left: 1, resetMs: 0 }] });
      });

      test('R6: a repeated take with a known id is counted once and answered as let in', async () => {
        const [id, rule, places] = [nextId(), budget(10), concurrent(1)];
        expect((await take([charge(rule, 10), charge(places)], id)).ok).toBe(true);
        expect((await take([charge(rule, 10), charge(places)], id)).ok).toBe(true);
        expect(await counted(rule)).toEqual([0, 10]);
        await settle(id, [null, null]);
        expect(await counted(rule)).toEqual([0, 0]);
      });

      test('R6: a repeated settle gives back once', async () => {
        const [first, second, rule, places] = [nextId(), nextId(), budget(10), concurrent(2)];
        await take([charge(rule, 4), charge(places)], first);
        await take([charge(rule, 5), charge(places)], second);
        await settle(first, [null, null]);
        await settle(first, [null, null]);
        expect(await counted(rule)).toEqual([0, 5]);
        expect((await counted(places))[0]).toBe(1);
      });

      test('a settle of an id that is not known does nothing', async () => {
        const rule = budget(10);
        await take([charge(rule, 4)]);
        await settle('ex_never', [0]);
        expect(await counted(rule)).toEqual([0, 4]);
      });

      test('what is taken of one scope, measure or period is not taken of another', async () => {
        await take([charge(budget(10, 'day', key, 'tokens'), 10)]);
        const others = [
          budget(10, 'day', team, 'tokens'),
          budget(10, 'day', everyone, 'tokens'),
          budget(10, 'day', { kind: 'key', id: 'key_2' }, 'tokens'),
          budget(10, 'day', key, 'requests'),
          budget(10, 'hour', key, 'tokens'),
        ];
        expect((await take(others.map((rule) => charge(rule, 10)))).ok).toBe(true);
      });

      test('rules of the same counter with different limits count together', async () => {
        await take([charge(budget(10), 6)]);
        expect(await take([charge(budget(5), 1)])).toMatchObject({ ok: false, standing: { left: 0 } });
        expect(await take([charge(budget(20), 14)])).toMatchObject({ ok: true, standings: [{ left: 0 }] });
      });

      test('an amount of nothing is let in while nothing is overdrawn', async () => {
        const rule = budget(10);
        await spent(rule, 10);
        expect((await take([charge(rule, 0)])).ok).toBe(true);
        await spent(rule, 11);
        expect((await take([charge(rule, 0)])).ok).toBe(false);
      });

      test('amounts up to what a double holds exactly are exact', async () => {
        const rule = budget(9_000_000_000_000_000);
        expect((await take([charge(rule, 4_500_000_000_000_001)])).ok).toBe(true);
        expect((await take([charge(rule, 4_500_000_000_000_000)])).ok).toBe(false);
        expect((await take([charge(rule, 4_499_999_999_999_999)])).ok).toBe(true);
        expect(await counted(rule)).toEqual([0, 9_000_000_000_000_000]);
      });
    });

    describe('budgets', () => {
      test('the ledger and what is held count together; settled is what the ledger says', async () => {
        const [id, rule] = [nextId(), budget(100)];
        await spent(rule, 50);
        expect(await take([charge(rule, 30)], id)).toMatchObject({ ok: true, standings: [{ left: 20 }] });
        expect((await take([charge(rule, 21)])).ok).toBe(false);
        store.spent([
          { scope: rule.scope, measure: 'nano_usd', period: 'month', start: periodStart('month', store.now()), amount: 55 },
        ]);
        store.settle(id, [5]);
        await rig.quiet();
        expect(await counted(rule)).toEqual([55, 0]);
        expect((await take([charge(rule, 45)])).ok).toBe(true);
      });

      test('R5: what was spent is set, not added: said again it changes nothing', async () => {
        const rule = budget(100);
        await spent(rule, 40);
        await spent(rule, 40);
        expect(await counted(rule)).toEqual([40, 0]);
      });

      test('R11: more than was held is recorded in full, and the next call is refused', async () => {
        const [id, rule] = [nextId(), budget(100)];
        await take([charge(rule, 90)], id);
        await spent(rule, 130);
        await settle(id, [130]);
        expect(await counted(rule)).toEqual([130, 0]);
        expect(await take([charge(rule, 1)])).toMatchObject({ ok: false, standing: { left: 0 }, retryAfterMs: null });
      });

      test('waiting helps while the rest is only held, and not once it is spent or is less than is asked for', async () => {
        const rule = budget(100);
        await take([charge(rule, 90)]);
        const held = await take([charge(rule, 20)]);
        expect(held.ok).toBe(false);
        expect((held as { retryAfterMs: number | null }).retryAfterMs).toBeGreaterThan(0);
        expect(await take([charge(rule, 101)])).toMatchObject({ ok: false, retryAfterMs: null });
        await spent(rule, 85);
        expect(await take([charge(rule, 20)])).toMatchObject({ ok: false, retryAfterMs: null });
      });

      test.each(['hour', 'day', 'week', 'month'] as const)('a %s ends with the calendar of UTC', async (period) => {
        const { standings } = (await take([charge(budget(10, period))])) as { standings: readonly { resetMs: number }[] };
        const now = store.now();
        expect(standings[0]!.resetMs).toBeGreaterThan(0);
        expect(Math.abs(standings[0]!.resetMs - (periodEnd(period, periodStart(period, now)) - now))).toBeLessThan(1_500);
      });

      test('a total never begins anew', async () => {
        const { standings } = (await take([charge(budget(10, 'total'))])) as { standings: readonly { resetMs: number }[] };
        expect(standings[0]!.resetMs).toBe(Number.POSITIVE_INFINITY);
      });

      test('what was spent in another period does not count in this one', async () => {
        const rule = budget(10, 'hour');
        await spent(rule, 10, periodStart('hour', store.now()) - 3_600_000);
        expect(await counted(rule)).toEqual([0, 0]);
        expect((await take([charge(rule, 10)])).ok).toBe(true);
      });

      test('R9: a hold that nobody settles lapses with its lease, a newer one does not', async () => {
        const rule = budget(10);
        const places = concurrent(2);
        const first = nextId();
        await take([charge(rule, 4), charge(places)], first, 300);
        await take([charge(rule, 5), charge(places)], nextId(), lease);
        expect((await take([charge(rule, 2)])).ok).toBe(false);
        await rig.pass(350);
        expect((await take([charge(rule, 2), charge(places)])).ok).toBe(true);
        expect(await counted(rule)).toEqual([0, 7]);
        await settle(first, [null, null]);
        expect(await counted(rule)).toEqual([0, 7]);
      });
    });

    describe('calls at once', () => {
      test('as many places as the limit, given back one by one', async () => {
        const [first, rule] = [nextId(), concurrent(2)];
        await take([charge(rule)], first);
        await take([charge(rule)]);
        const refused = await take([charge(rule)]);
        expect(refused).toMatchObject({ ok: false, refused: 0, standing: { left: 0 } });
        expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
        await settle(first, [null]);
        expect((await take([charge(rule)])).ok).toBe(true);
        expect((await take([charge(rule)])).ok).toBe(false);
      });

      test('a limit of none lets nobody in and says that waiting does not help', async () => {
        expect(await take([charge(concurrent(0))])).toMatchObject({ ok: false, retryAfterMs: null });
      });
    });

    describe.each(['fixed_window', 'sliding_window', 'token_bucket'] as const)('a rate by %s', (algorithm) => {
      const rule = (limit: number, measure: Measure = 'tokens') => rate(limit, algorithm, window, key, measure);

      test('lets in the limit and no more', async () => {
        const of = rule(5, 'requests');
        for (let left = 4; left >= 0; left--) expect(await take([charge(of)])).toMatchObject({ ok: true, standings: [{ left }] });
        const refused = await take([charge(of)]);
        expect(refused).toMatchObject({ ok: false, standing: { left: 0 } });
        expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
      });

      test('lets in again when it said so, and not before', async () => {
        const of = rule(10);
        await take([charge(of, 10)]);
        const refused = (await take([charge(of, 4)])) as { retryAfterMs: number };
        expect(refused.retryAfterMs).toBeLessThanOrEqual(2 * window);
        if (manualClock) {
          await rig.pass(refused.retryAfterMs - 2);
          expect((await take([charge(of, 4)])).ok).toBe(false);
          await rig.pass(2);
        } else await rig.pass(refused.retryAfterMs + 5);
        expect((await take([charge(of, 4)])).ok).toBe(true);
      });

      test('is whole again after the time it says', async () => {
        const of = rule(10);
        const taken = (await take([charge(of, 7)])) as { standings: readonly { resetMs: number }[] };
        const { resetMs } = taken.standings[0]!;
        expect(resetMs).toBeLessThanOrEqual(2 * window);
        await rig.pass(resetMs + 5);
        expect(await take([charge(of, 10)])).toMatchObject({ ok: true, standings: [{ left: 0 }] });
      });

      test('an amount above the limit is refused for good', async () => {
        expect(await take([charge(rule(10), 11)])).toMatchObject({ ok: false, retryAfterMs: null });
      });

      test('is corrected to what was really used, in both directions; what stays null stays', async () => {
        const of = rule(1_000_000);
        const [less, more, same] = [nextId(), nextId(), nextId()];
        await take([charge(of, 400_000)], less);
        await take([charge(of, 100_000)], more);
        await take([charge(of, 100_000)], same);
        await settle(less, [100_000]);
        await settle(more, [300_000]);
        await settle(same, [null]);
        // Of a window that is not the test's own a part may have passed.
        const [used] = await counted(of);
        expect(used).toBeLessThanOrEqual(500_000);
        expect(used).toBeGreaterThanOrEqual(manualClock ? 500_000 : 1);
      });

      test('a hold that lapsed stays counted', async () => {
        const of = rule(1_000_000);
        await take([charge(of, 1_000_000)], nextId(), manualClock ? 10 : 1);
        await rig.pass(manualClock ? 11 : 2);
        await take([charge(concurrent(1))]);
        expect((await counted(of))[0]).toBeGreaterThan(900_000);
      });
    });

    test('R8 G2: of 500 at once as many are let in as the budget has room for, and every hold comes back', async () => {
      const rule = budget(10_000);
      const amount = 137;
      await spent(rule, 1_234);
      const all = Array.from({ length: 500 }, () => nextId());
      const taken = await Promise.all(all.map((id) => take([charge(rule, amount), charge(concurrent(1_000))], id)));
      const admitted = all.filter((_, at) => taken[at]!.ok);
      expect(admitted).toHaveLength(Math.floor((10_000 - 1_234) / amount));
      expect(await counted(rule)).toEqual([1_234, admitted.length * amount]);
      for (const id of admitted) store.settle(id, [null, null]);
      await rig.quiet();
      expect(await counted(rule)).toEqual([1_234, 0]);
      expect((await counted(concurrent(1_000)))[0]).toBe(0);
    });

    test('R10: what is dated is held in the period of that time, though that is over', async () => {
      const [id, rule] = [nextId(), budget(10, 'hour')];
      const before = periodStart('hour', rig.now()) - 1_800_000;
      await spent(rule, 4, periodStart('hour', before));
      expect((await store.take(nextId(), [charge(rule, 7)], lease, before)).ok).toBe(false);
      expect((await store.take(id, [charge(rule, 6)], lease, before)).ok).toBe(true);
      expect(await counted(rule)).toEqual([0, 0]);
      await settle(id, [null]);
      const refused = await store.take(nextId(), [charge(rule, 7)], lease, before);
      expect(refused).toMatchObject({ ok: false, standing: { left: 6, resetMs: 1_800_000 }, retryAfterMs: null });
    });

    if (manualClock) {
      test('R10: a hold belongs to the period in which it was taken, and a late charge to the period it names', async () => {
        const [id, rule] = [nextId(), budget(10, 'hour')];
        const before = periodStart('hour', store.now());
        await take([charge(rule, 8)], id);
        await rig.pass(before + 3_600_000 - store.now() + 1);
        expect(await counted(rule)).toEqual([0, 0]);
        expect((await take([charge(rule, 10)])).ok).toBe(true);
        await spent(rule, 6, before);
        await settle(id, [6]);
        expect(await counted(rule)).toEqual([0, 10]);
      });
    }
  });
}

import { describe, expect, test } from 'vitest';
import { type Grant, type LimitedCall, LimitStoreError } from '../../../plugins/limits/contract.ts';
import { MemoryStore } from '../../../plugins/limits/memory-store.ts';
import { LimitError } from '../../../plugins/limits/refusal.ts';
import type { ModelInfo } from '../../../providers/provider.ts';
import { target } from '../router/targets.ts';
import { AnyOrder, allowance, gateRig, SlowStore, unpriced, up } from './gate-rig.ts';
import { budget, concurrent } from './rules.ts';

const usdADay = (amount_usd: number) => allowance({ budgets: [{ amount_usd, period: 'day' }] });
const caught = async (enter: () => unknown): Promise<unknown> => {
  try {
    return await enter();
  } catch (error) {
    return error;
  }
};
const granted = (value: unknown): value is Grant => typeof value === 'object' && value !== null && 'leave' in value;
const moneyRule = budget(0, 'day');

describe('R8 G2: 500 calls at once in any order', () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    'seed %i: never above the budget, and every hold comes back',
    async (seed) => {
      const order = new AnyOrder(seed);
      const { random } = order;
      const store = new SlowStore(order.later);
      const rig = gateRig({ store });
      const probe = gateRig();
      await probe.gate.enter(probe.call([usdADay(1)]));
      const one = probe.gate.holds.nanoUsd;
      const limit = Math.floor(one * (30 + 10 * random()));
      const allowances = [usdADay(limit / 1e9)];
      const used = async () => {
        const [{ used: spent, held } = { used: 0, held: 0 }] = await store.inner.read([moneyRule]);
        return { spent, held };
      };
      let ledger = 0;

      // The first wave only takes: all that fit are in.
      const inside: LimitedCall[] = [];
      const enter = async (call: LimitedCall) => {
        const entered = await caught(() => rig.gate.enter(call));
        if (granted(entered)) {
          expect(entered.attempt(1, up)).toEqual({ ok: true });
          inside.push(call);
        } else expect(entered).toBeInstanceOf(LimitError);
      };
      await order.all(Array.from({ length: 250 }, () => enter(rig.call(allowances))));
      expect(inside).toHaveLength(Math.floor(limit / one));
      expect(await used()).toEqual({ spent: 0, held: inside.length * one });

      // The second comes while calls end, cheaper than they might have been.
      const mixed = async (call: LimitedCall) => {
        await order.later(Promise.resolve());
        await enter(call);
        for (const ended of inside.splice(0, Math.floor(3 * random()))) {
          const nano = Math.floor(one * random());
          rig.charge(ended, 1, nano);
          ledger += nano;
          rig.over(ended);
          const now = await used();
          expect(now.spent + now.held).toBeLessThanOrEqual(limit);
        }
      };
      await order.all(Array.from({ length: 250 }, () => mixed(rig.call(allowances))));
      for (const rest of inside) rig.over(rest);
      expect(ledger).toBeGreaterThan(0);
      expect(await used()).toEqual({ spent: ledger, held: 0 });
      expect(rig.gate).toMatchObject({ size: 0, holds: { tokens: 0, nanoUsd: 0 } });
      expect(store.inner.size.open).toBe(0);
    },
  );
});

describe('a store that cannot be asked', () => {
  const broken = () => {
    const store = new SlowStore((task) => task);
    store.fail = new LimitStoreError('away');
    return { ...gateRig({ store }), store };
  };

  test('R2: budgets refuse with 503 limits_unavailable, and what may have been taken is given back', async () => {
    const { gate, call, store } = broken();
    const limited = allowance({ rates: { concurrent_requests: 3 }, budgets: [{ tokens: 1_000, period: 'day' }] });
    expect(await caught(() => gate.enter(call([limited])))).toMatchObject({
      status: 503,
      code: 'limits_unavailable',
      shouldRetry: true,
    });
    expect(store.settled).toEqual(['ex_1.at']);
    expect(gate.size).toBe(0);
  });

  test('R2: rates and calls at once go on by what this process counts, also those of a day', async () => {
    const { gate, call } = broken();
    const limited = [allowance({ rates: { requests_per_minute: 2, requests_per_day: 9, concurrent_requests: 5 } })];
    expect(granted(await gate.enter(call(limited)))).toBe(true);
    expect(granted(await gate.enter(call(limited)))).toBe(true);
    expect(await caught(() => gate.enter(call(limited)))).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  });

  test('R3: a store that says that it is away is not waited for', async () => {
    const { gate, call, store } = broken();
    store.fail = null;
    store.why = 'away';
    expect(granted(gate.enter(call([allowance({ rates: { requests_per_minute: 2 } })])))).toBe(true);
    expect(() => gate.enter(call([allowance({ budgets: [{ tokens: 1_000, period: 'day' }] })]))).toThrow(/store of budgets/);
    expect(store.settled).toEqual([]);
  });

  test('R2: a store that goes away during a call keeps no further attempt out where only rates hold, and every one where a budget does', async () => {
    const { gate, call, store } = broken();
    const attempts = async (limited: Parameters<typeof call>[0]) => {
      store.fail = null;
      const grant = (await gate.enter(call(limited))) as Grant;
      expect(await grant.attempt(1, up)).toEqual({ ok: true });
      store.fail = new LimitStoreError('away');
      const answer = await grant.attempt(2, up);
      grant.leave();
      return answer;
    };
    const rates = { tokens_per_minute: 1_000_000, tokens_per_day: 1_000_000 };
    expect(await attempts([allowance({ rates })])).toEqual({ ok: true });
    const budgets = [{ tokens: 1_000_000, period: 'day' as const }];
    expect(await attempts([allowance({ rates, budgets })])).toMatchObject({ ok: false, error: { status: 503 } });
    expect(gate.holds.tokens).toBe(0);
    expect(store.inner.size.open).toBe(0);
  });

  test('a fault of its own is not taken for an absence', async () => {
    const { gate, call, store } = broken();
    store.fail = new TypeError('bug');
    expect(await caught(() => gate.enter(call([allowance({ rates: { requests_per_minute: 2 } })])))).toBe(store.fail);
  });
});

describe('callers who leave', () => {
  test('while the store is asked: what it then takes is given back', async () => {
    let answer = (): void => undefined;
    const store = new SlowStore(<T>(task: Promise<T>) => new Promise<T>((resolve) => (answer = () => resolve(task))));
    const { gate, call, over } = gateRig({ store });
    const limited = call([allowance({ rates: { concurrent_requests: 1 }, budgets: [{ tokens: 500, period: 'day' }] })]);
    const entered = gate.enter(limited);
    over(limited);
    for (let turns = 0; turns < 40; turns++) {
      answer();
      await Promise.resolve();
    }
    expect(granted(await entered)).toBe(true);
    expect(gate).toMatchObject({ size: 0, holds: { tokens: 0, nanoUsd: 0 } });
    expect(store.inner.size.open).toBe(0);
  });

  test('while a further attempt is asked for: it holds nothing', async () => {
    const store = new SlowStore((task) => task);
    const { gate, call, over } = gateRig({ store });
    const limited = call([allowance({ budgets: [{ tokens: 5_000, period: 'day' }] })]);
    const grant = (await gate.enter(limited)) as Grant;
    expect(grant.attempt(1, up)).toEqual({ ok: true });
    const asked = grant.attempt(2, up);
    over(limited);
    await asked;
    expect(gate.holds.tokens).toBe(0);
    expect(store.inner.size.open).toBe(0);
  });
});

describe('attempts', () => {
  const room = (tokens: number) => [allowance({ budgets: [{ tokens, period: 'day' }] })];

  test('one that follows waits for the charge of the one before it, where the budget has no room for both', async () => {
    const { gate, call, charge, over } = gateRig();
    const limited = call(room(200), { max_tokens: 100 });
    const grant = gate.enter(limited) as Grant;
    expect(grant.attempt(1, up)).toEqual({ ok: true });
    expect(grant.attempt(2, up)).toMatchObject({ ok: false });
    grant.ended(1);
    const next = grant.attempt(2, up);
    expect(next).toBeInstanceOf(Promise);
    charge(limited, 1, 0);
    expect(await next).toEqual({ ok: true });
    over(limited);
    expect(gate.holds.tokens).toBe(0);
  });

  test('one whose number is asked for twice holds once: the first was given up', async () => {
    const store = new SlowStore((task) => task);
    const { gate, call, over } = gateRig({ store });
    const limited = call(room(5_000), { max_tokens: 100 });
    const grant = (await gate.enter(limited)) as Grant;
    grant.attempt(1, up);
    const before = gate.holds.tokens;
    const hedge = Promise.resolve(grant.attempt(2, up)).then(() => grant.settled(2));
    const failover = grant.attempt(2, up);
    await hedge;
    expect(await failover).toEqual({ ok: true });
    expect(gate.holds.tokens).toBe(2 * before);
    over(limited);
    expect(store.inner.size.open).toBe(0);
  });

  test('one that waits behind one that is given up keeps its hold, and the other one gives back its own', async () => {
    const { gate, call, charge, over, store } = gateRig();
    const limited = call(room(200), { max_tokens: 100 });
    const grant = gate.enter(limited) as Grant;
    grant.attempt(1, up);
    const one = gate.holds.tokens;
    grant.ended(1);
    // As the relay does: the answer to the first is heard two steps later.
    const hedge = Promise.resolve(grant.attempt(2, up))
      .then((answer) => answer.ok)
      .then(() => grant.settled(2));
    const failover = Promise.resolve(grant.attempt(2, up));
    charge(limited, 1, 0);
    await hedge;
    expect(await failover).toEqual({ ok: true });
    expect(gate.holds.tokens).toBe(one);
    expect((store as MemoryStore).size.open).toBe(1);
    over(limited);
    expect(gate.holds.tokens).toBe(0);
    expect((store as MemoryStore).size.open).toBe(0);
  });

  test('R10: one that begins after midnight is held on the day that it is charged to', () => {
    let wall = Date.UTC(2026, 6, 15, 23, 59, 59);
    const store = new MemoryStore({ wall: () => wall });
    const { gate, call, charge, over } = gateRig({ store });
    const limited = call(room(200), { max_tokens: 100 });
    const grant = gate.enter(limited) as Grant;
    expect(grant.attempt(1, up)).toEqual({ ok: true });
    wall += 2_000;
    charge(limited, 1, 0, 120);
    expect(grant.attempt(2, up)).toMatchObject({
      ok: false,
      error: { code: 'insufficient_quota', message: expect.stringContaining('It starts anew at 2026-07-16T00:00:00Z') },
    });
    over(limited);
    expect(store.size.open).toBe(0);
    const next = call(room(200), { max_tokens: 100 });
    expect(granted(gate.enter(next))).toBe(true);
    over(next);
  });

  test('a dearer target than those of the first group is held anew', () => {
    const small = { ...target('small'), info: { maxOutputTokens: 10 } as ModelInfo };
    const { gate, call, over } = gateRig();
    const limited = call(room(5_000), {}, [small]);
    const grant = gate.enter(limited) as Grant;
    const before = gate.holds.tokens;
    expect(grant.attempt(1, up)).toEqual({ ok: true });
    expect(gate.holds.tokens).toBe(before + 90);
    over(limited);
    expect(gate.holds.tokens).toBe(0);
  });

  test('a target without a price is refused and leaves the hold to the next one', async () => {
    const { gate, call, over } = gateRig();
    const limited = call([usdADay(1)], {}, [up, unpriced]);
    const grant = (await gate.enter(limited)) as Grant;
    expect(grant.attempt(1, unpriced)).toMatchObject({ ok: false, error: { status: 403, code: 'price_unknown' } });
    expect(grant.attempt(1, up)).toEqual({ ok: true });
    over(limited);
    expect(gate.holds.nanoUsd).toBe(0);
  });
});

test('prices are waited for once, by the first call that a budget in USD holds for', async () => {
  let loads = 0;
  const { gate, call } = gateRig({ loadPrices: async () => void loads++ });
  expect(granted(await gate.enter(call([usdADay(1)])))).toBe(true);
  expect(granted(gate.enter(call([usdADay(1)])))).toBe(true);
  expect(gate.enter(call([]))).toBeNull();
  expect(loads).toBe(1);
});

test('a wait until tomorrow is told, and that trying again at once does not help; a short one does', async () => {
  const store = new MemoryStore({ wall: () => Date.UTC(2026, 6, 15, 12) });
  const { gate, call, charge, over } = gateRig({ store });
  const limited = [allowance({ rates: { requests_per_day: 1 } })];
  const first = call(limited);
  const grant = gate.enter(first) as Grant;
  expect(await caught(() => gate.enter(call(limited)))).toMatchObject({ retryAfterMs: 1_000, shouldRetry: true });
  grant.attempt(1, up);
  charge(first, 1, 0);
  over(first);
  expect(await caught(() => gate.enter(call(limited)))).toMatchObject({ retryAfterMs: 43_200_000, shouldRetry: false });
});

test('a place is not kept by a call that another limit refuses', () => {
  const { gate, call, store } = gateRig();
  const limited = [allowance({ rates: { concurrent_requests: 2, requests_per_minute: 0 } })];
  for (let at = 0; at < 5; at++) expect(() => gate.enter(call(limited))).toThrow(LimitError);
  expect((store as MemoryStore).take('x', [{ rule: concurrent(1), amount: 1 }], 1_000).ok).toBe(true);
});

test.each([
  [{ max_tokens: 50 }, 50],
  [{ max_tokens: 50, max_completion_tokens: 70 }, 70],
  [{ max_tokens: 50, n: 3 }, 150],
  [{ max_tokens: null, max_completion_tokens: null, n: null }, 100],
  [{ max_tokens: -5, n: -1 }, 100],
  [{ max_tokens: 'many', n: 'many' }, 100],
  [{ max_tokens: 1e300 }, 10_000_000],
  [{ n: 1e300 }, 12_800],
])('an answer to %j may have %i tokens', (body, tokens) => {
  const rooms = [allowance({ budgets: [{ tokens: 1_000_000_000_000, period: 'day' }] })];
  const held = (extra: object) => {
    const { gate, call } = gateRig();
    gate.enter(call(rooms, extra));
    return gate.holds.tokens;
  };
  const answer = held(body) - (held({ max_tokens: 1 }) - 1);
  expect(answer).toBe(tokens);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LimitStoreError, type Rule, type Spent, type Taken } from '../../../plugins/limits/contract.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import type { RedisStore } from '../../../plugins/limits/redis-store.ts';
import { freePort } from '../../helper/ports.ts';
import { randomPrefix, startRedis } from '../../helper/redis.ts';
import { openReplica, replica, until } from './redis-rig.ts';
import { budget, charge, concurrent, rate } from './rules.ts';

const money = budget(1_000_000);
const minute = rate(5, 'fixed_window', 3_600_000);

/** What a take came to: let in, refused, or not asked; and in how many milliseconds. */
async function timed(taking: Taken | Promise<Taken>): Promise<{ outcome: 'in' | 'out' | 'unsure'; ms: number }> {
  const start = performance.now();
  const taken = await Promise.resolve(taking).catch((error: unknown) => error);
  const ms = performance.now() - start;
  if (taken instanceof LimitStoreError) return { outcome: 'unsure', ms };
  if (taken instanceof Error) throw taken;
  return { outcome: (taken as Taken).ok ? 'in' : 'out', ms };
}

const spentBy = (store: RedisStore, rule: Rule, amount: number): Spent => ({
  scope: rule.scope,
  measure: rule.measure,
  period: 'month',
  start: periodStart('month', store.now()),
  amount,
});

async function counted(store: RedisStore, rule: Rule): Promise<readonly [used: number, held: number]> {
  const [{ used, held } = { used: -1, held: -1 }] = await store.read([rule]);
  return [used, held];
}

const tagged = () => `{${randomPrefix()}}`;

// Bounds of time, on a machine that may be busy.
describe('Redis', { retry: 2 }, () => {
  test('R1: away at the start it costs no wait; there within 5 s of its start', async () => {
    const port = await freePort();
    const { store, log } = replica({ url: `redis://:CANARY@127.0.0.1:${port}`, tag: tagged() });
    expect(store.problem()).not.toBeNull();
    const refused = await timed(store.take('a', [charge(money)], 60_000));
    expect(refused.outcome).toBe('unsure');
    expect(refused.ms).toBeLessThan(50);
    await until('its absence is logged', () => log.length > 0, 3000);
    const server = await startRedis({ port, args: ['--requirepass', 'CANARY'] });
    expect(await until('budgets can be asked', () => store.problem() === null)).toBeLessThan(5000);
    expect((await timed(store.take('b', [charge(money)], 60_000))).outcome).toBe('in');
    expect(log.join()).toMatch(/cannot be reached.*Redis is back/);
    expect(log.join()).not.toContain('CANARY');
    await server.kill();
  });

  test('R2 R5 G20: killed under load no budget is overdrawn, none is asked, and all is right ≤ 5 s after an empty one has come', async () => {
    const server = await startRedis();
    const { store } = await openReplica({ url: server.url, tag: tagged() });
    const rule = budget(10_000);
    store.spent([spentBy(store, rule, 4_000)]);
    expect((await timed(store.take('long', [charge(rule, 1_500)], 60_000))).outcome).toBe('in');
    const load = Array.from({ length: 400 }, async (_, at) => {
      await sleep(at / 4);
      if (at === 200) await server.kill();
      return timed(store.take(`k${at}`, [charge(rule, 100)], 60_000));
    });
    const outcomes = await Promise.all(load);
    // Redis was told 4000, or soon is; a hold is 100, and 1500 were held before.
    expect(outcomes.filter(({ outcome }) => outcome === 'in').length).toBeLessThanOrEqual(85);
    expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(300);
    expect((await timed(store.take('after', [charge(rule, 1)], 60_000))).outcome).toBe('unsure');
    for (const [at, { outcome }] of outcomes.entries()) if (outcome === 'in') store.settle(`k${at}`, []);
    store.spent([spentBy(store, rule, 4_321)]);
    await server.start();
    expect(await until('budgets can be asked', () => store.problem() === null)).toBeLessThan(5000);
    await store.told();
    expect(await counted(store, rule)).toEqual([4_321, 1_500]);
    store.settle('long', []);
    await store.told();
    expect(await counted(store, rule)).toEqual([4_321, 0]);
  });

  test.each(['stopped', 'paused'])(
    'R3 G20: %s, it costs one wait of 100 ms, then none; normal again ≤ 5 s after',
    async (how) => {
      const server = await startRedis();
      const { store, link } = await openReplica({ url: server.url, tag: tagged() });
      await store.take('before', [charge(money)], 60_000);
      if (how === 'stopped') server.pause();
      else await server.command('client', 'pause', 700);
      const first = await Promise.all(
        Array.from({ length: 50 }, (_, at) => timed(store.take(`a${at}`, [charge(money)], 60_000))),
      );
      expect(first.every(({ outcome }) => outcome === 'unsure')).toBe(true);
      expect(Math.max(...first.map(({ ms }) => ms))).toBeLessThan(200);
      for (let at = 0; at < 20; at++) {
        const { outcome, ms } = await timed(store.take(`b${at}`, [charge(money)], 60_000));
        expect(outcome).toBe('unsure');
        expect(ms).toBeLessThan(20);
      }
      const rates = await timed(store.take('rate', [charge(minute)], 60_000));
      expect(rates.outcome).toBe('unsure');
      expect(rates.ms).toBeLessThan(20);
      expect(link.reason).toBe('timeout');
      await sleep(100);
      if (how === 'stopped') server.resume();
      expect(await until('budgets can be asked', () => store.problem() === null)).toBeLessThan(5000);
      expect((await timed(store.take('c', [charge(money)], 60_000))).outcome).toBe('in');
      // R6: what Redis did with the calls that were given up is undone.
      await store.told();
      await until('only what is known is held', async () => (await counted(store, money))[1] === 2);
    },
  );

  test('R4 G20: read-only after a failover, it is left, and used again ≤ 5 s after it takes writes, in the same process', async () => {
    const server = await startRedis();
    const { store, link } = await openReplica({ url: server.url, tag: tagged() });
    store.spent([spentBy(store, money, 10)]);
    await store.told();
    await server.command('replicaof', '127.0.0.1', await freePort());
    expect((await timed(store.take('a', [charge(money)], 60_000))).outcome).toBe('unsure');
    expect((await timed(store.take('b', [charge(money)], 60_000))).outcome).toBe('unsure');
    await until('it is known why', () => link.reason === 'readonly');
    // It is asked again by writing, so that no call finds out.
    await sleep(400);
    expect([link.up, link.outages]).toEqual([false, 1]);
    await server.command('replicaof', 'no', 'one');
    expect(await until('budgets can be asked', () => store.problem() === null)).toBeLessThan(5000);
    expect((await timed(store.take('c', [charge(money, 5)], 60_000))).outcome).toBe('in');
    expect(await counted(store, money)).toEqual([10, 5]);
  });

  test('R6: a repeat that reaches the server is counted once; one that comes after its settlement takes nothing', async () => {
    const server = await startRedis();
    const tag = tagged();
    const one = await openReplica({ url: server.url, tag, replica: 'r1' });
    const two = await openReplica({ url: server.url, tag, replica: 'r2' });
    const rules = [charge(money, 7), charge(minute), charge(concurrent(9))];
    const first = { ok: true, standings: [{ left: 999_993 }, { left: 4 }, { left: 8 }] };
    expect(await one.store.take('same', rules, 60_000)).toMatchObject(first);
    expect(await two.store.take('same', rules, 60_000)).toMatchObject(first);
    expect(await counted(one.store, money)).toEqual([0, 7]);
    expect((await counted(one.store, minute))[0]).toBe(1);
    one.store.settle('same', []);
    two.store.settle('same', []);
    await Promise.all([one.store.told(), two.store.told()]);
    expect(await counted(one.store, money)).toEqual([0, 0]);

    server.pause();
    expect((await timed(one.store.take('doubt', rules, 60_000))).outcome).toBe('unsure');
    server.resume();
    await until('budgets can be asked', () => one.store.problem() === null);
    await one.store.told();
    // It came late: of a connection that was given up.
    await until('the others have come back', () => two.store.problem() === null);
    expect((await timed(two.store.take('doubt', rules, 60_000))).outcome).toBe('unsure');
    expect(await counted(one.store, money)).toEqual([0, 0]);
  });

  test('R7: without its scripts it is given them again', async () => {
    const server = await startRedis();
    const { store } = await openReplica({ url: server.url, tag: tagged() });
    await server.command('script', 'flush');
    const all = Array.from({ length: 20 }, (_, at) => timed(store.take(`a${at}`, [charge(money)], 60_000)));
    expect((await Promise.all(all)).every(({ outcome }) => outcome === 'in')).toBe(true);
    expect(await counted(store, money)).toEqual([0, 20]);
  });

  test('R7: out of memory it refuses budgets; what has ended is still given back, and all is right when there is memory', async () => {
    const server = await startRedis();
    const { store, link } = await openReplica({ url: server.url, tag: tagged() });
    await store.take('a', [charge(money, 9)], 60_000);
    await server.command('config', 'set', 'maxmemory', 1);
    expect((await timed(store.take('b', [charge(money)], 60_000))).outcome).toBe('unsure');
    expect(link.reason).toBe('out_of_memory');
    store.settle('a', []);
    await server.command('config', 'set', 'maxmemory', 0);
    await until('budgets can be asked', () => store.problem() === null);
    await store.told();
    expect(await counted(store, money)).toEqual([0, 0]);
  });

  test('R7: a cluster takes every script; while it is down budgets are refused, and no longer', async () => {
    const server = await startRedis({ cluster: true });
    const url = server.url.replace('redis://', 'redis+cluster://');
    const { store, link } = await openReplica({ url, tag: tagged() });
    const rules = [charge(money, 3), charge(minute), charge(concurrent(9)), charge(budget(100, 'total'), 1)];
    expect((await timed(store.take('a', rules, 60_000))).outcome).toBe('in');
    store.spent([spentBy(store, money, 2)]);
    store.settle('a', []);
    await store.told();
    expect(await counted(store, money)).toEqual([2, 0]);
    await server.command('cluster', 'delslotsrange', 0, 16383);
    await until('it is refused', async () => (await timed(store.take(`b${Math.random()}`, rules, 60_000))).outcome === 'unsure');
    await until('it is known why', () => link.reason === 'cluster_down');
    await server.command('cluster', 'addslotsrange', 0, 16383);
    expect(await until('budgets can be asked', () => store.problem() === null)).toBeLessThan(5000);
    expect((await timed(store.take('c', rules, 60_000))).outcome).toBe('in');
  });

  test('R5: one that drops keys when its memory is full is not trusted with budgets', async () => {
    const server = await startRedis({ args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'] });
    const { store } = replica({ url: server.url, tag: tagged() });
    await until('it is known', () => /allkeys-lru.*noeviction/.test(store.problem() ?? ''));
    expect((await timed(store.take('a', [charge(money)], 60_000))).outcome).toBe('unsure');
    expect((await timed(store.take('b', [charge(minute)], 60_000))).outcome).toBe('in');
  });
});

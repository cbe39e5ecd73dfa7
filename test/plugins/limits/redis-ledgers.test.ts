import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { Rule } from '../../../plugins/limits/contract.ts';
import { periodStart } from '../../../plugins/limits/periods.ts';
import { LimitKeys } from '../../../plugins/limits/redis/keys.ts';
import { counterName } from '../../../plugins/limits/redis/own-sums.ts';
import { pushScript } from '../../../plugins/limits/redis/push.ts';
import { anyRedis, type RedisServer, randomPrefix, startRedis } from '../../helper/redis.ts';
import { openReplica, type Replica, replica, until } from './redis-rig.ts';
import { seeded } from './redis-worker.ts';
import { budget, charge, everyone, key } from './rules.ts';

// What Redis counts is what the ledgers say, whatever Redis forgets.

const rule = budget(1_000_000_000);
const everything = budget(1_000_000_000, 'total', everyone);
let server: RedisServer;

beforeAll(async () => {
  server = await startRedis();
});

const tagged = () => `{${randomPrefix()}}`;

/** A replica with a ledger that is one number. */
class Counted {
  ledger = 0;
  readonly one: Replica;

  constructor(one: Replica) {
    this.one = one;
  }

  charge(cost: number): void {
    this.ledger += cost;
    this.tell();
  }

  tell(): void {
    const { store } = this.one;
    const sum = ({ scope, measure }: Rule, period: 'month' | 'total') => ({
      scope,
      measure,
      period,
      start: periodStart(period, store.now()),
      amount: this.ledger,
    });
    store.spent([sum(rule, 'month'), sum(everything, 'total')]);
  }
}

async function counted({ store }: Replica, of: Rule = rule): Promise<readonly [used: number, held: number]> {
  const [{ used, held } = { used: -1, held: -1 }] = await store.read([of]);
  return [used, held];
}

const open = (all: readonly Counted[]) =>
  until('all can ask for budgets', () => all.every(({ one }) => one.store.problem() === null));

test.each([1, 2, 3])(
  'R5 R6 G3: with seed %i, counters are the sum of the ledgers after kills, aborts, repeats and FLUSHALL',
  async (seed) => {
    const random = seeded(seed);
    const tag = tagged();
    const start = async (name: string) => new Counted(await openReplica({ url: server.url, tag, replica: name }));
    const fleet = [await start('r1'), await start('r2'), await start('r3')];
    const held = new Map<string, { by: Counted; amount: number }>();
    for (let step = 0; step < 150; step++) {
      const at = Math.floor(random() * fleet.length);
      const by = fleet[at]!;
      const dice = random();
      if (dice < 0.55) {
        const id = `${seed}-${step}`;
        const amount = Math.floor(random() * 1000);
        const taken = await by.one.store.take(id, [charge(rule, amount), charge(everything, amount)], 60_000).catch(() => null);
        if (taken?.ok) held.set(id, { by, amount });
      } else if (dice < 0.95) {
        for (const [id, { by: owner, amount }] of held) {
          if (owner !== by) continue;
          if (random() < 0.7) owner.charge(Math.floor(random() * amount * 1.5));
          owner.one.store.settle(id, []);
          if (random() < 0.2) owner.one.store.settle(id, []);
          held.delete(id);
          break;
        }
      } else if (dice < 0.98) {
        // Killed: nothing is said any more; what its ledger has is told by the next process.
        by.one.link.close();
        for (const [id, { by: owner }] of held) if (owner === by) held.delete(id);
        const again = new Counted(replica({ url: server.url, tag, replica: `r${at + 1}` }));
        again.ledger = by.ledger;
        again.tell();
        fleet[at] = again;
      } else await server.command('flushall');
    }
    await server.command('flushall');
    // Until they notice, budgets are refused or the epoch is still the old one.
    await until('they have noticed', () => fleet.some(({ one }) => one.store.problem() !== null), 2000);
    await open(fleet);
    await Promise.all(fleet.map(({ one }) => one.store.told()));
    const ledgers = fleet.reduce((sum, each) => sum + each.ledger, 0);
    const holds = [...held.values()].reduce((sum, each) => sum + each.amount, 0);
    expect(await counted(fleet[0]!.one)).toEqual([ledgers, holds]);
    expect(await counted(fleet[1]!.one, everything)).toEqual([ledgers, holds]);
    for (const [id, { by }] of held) by.one.store.settle(id, []);
    await Promise.all(fleet.map(({ one }) => one.store.told()));
    expect(await counted(fleet[0]!.one)).toEqual([ledgers, 0]);
  },
);

test('R5: an emptied server lets nobody in until every replica that lives has said what it has spent', async () => {
  const tag = tagged();
  const one = new Counted(await openReplica({ url: server.url, tag, replica: 'r1' }));
  const two = new Counted(await openReplica({ url: server.url, tag, replica: 'r2' }));
  one.charge(300);
  two.charge(600_000_000);
  await Promise.all([one.one.store.told(), two.one.store.told()]);
  await until('they know each other', () => one.one.store.membership.size === 2 && two.one.store.membership.size === 2);
  // It lives, but does not speak.
  two.one.link.client.disconnect();
  await server.command('flushall');
  await until('it is noticed', () => one.one.store.problem() !== null);
  await sleep(400);
  expect(one.one.store.problem()).toMatch(/1 of the replicas/);
  await expect(one.one.store.take('a', [charge(rule, 500_000_000)], 60_000)).rejects.toThrow(/made anew/);
  void two.one.link.client.connect();
  await open([one, two]);
  expect(await one.one.store.take('b', [charge(rule, 500_000_000)], 60_000)).toMatchObject({ ok: false });
  expect(await counted(one.one)).toEqual([600_000_300, 0]);
});

test('R5: one that has ended is not waited for, and what it has spent stays', async () => {
  const tag = tagged();
  const one = new Counted(await openReplica({ url: server.url, tag, replica: 'r1' }));
  const two = new Counted(await openReplica({ url: server.url, tag, replica: 'r2' }));
  two.charge(77);
  await two.one.close();
  await one.one.store.told();
  expect(await counted(one.one)).toEqual([77, 0]);
  await until('it is gone', () => one.one.store.membership.size === 1);
  await server.command('flushall');
  await until('it is noticed', () => one.one.store.problem() !== null);
  expect(await until('budgets can be asked', () => one.one.store.problem() === null)).toBeLessThan(3500);
});

test('R5: a write of an older epoch, or older than another one of the same replica, changes nothing', async () => {
  const tag = tagged();
  const { store, link } = await openReplica({ url: server.url, tag, replica: 'r1' });
  const keys = new LimitKeys(tag);
  const name = counterName(rule.id, periodStart('month', store.now()));
  const push = (epoch: string, sequence: string, amount: number) =>
    link.run(pushScript, [keys.epoch, keys.collect, keys.counter(name)], [epoch, 'r9', sequence, amount, store.now() + 1e6]);
  const epoch = store.membership.epoch!;
  expect(await push(epoch, '0000000001', 50)).toBe(1);
  expect(await push('another', '0000000002', 99)).toBe(0);
  expect(await push(epoch, '0000000001', 40)).toBe(1);
  expect(await push(epoch, '0000000000', 30)).toBe(1);
  expect((await store.read([rule]))[0]).toMatchObject({ used: 50 });
  expect(await push(epoch, '0000000003', 20)).toBe(1);
  expect((await store.read([rule]))[0]).toMatchObject({ used: 20 });
});

test('R5: a server that has taken over with what an older one had is told everything again', async () => {
  const tag = tagged();
  const one = new Counted(await openReplica({ url: server.url, tag, replica: 'r1' }));
  one.charge(40);
  await one.one.store.told();
  const keys = new LimitKeys(tag);
  const before = one.one.store.membership.epoch;
  // As after a failover: the epoch is there, made by another server process; the newest write is not.
  await server.command('hset', keys.epoch, 'run', 'f00');
  await server.command(
    'hset',
    keys.counter(counterName(rule.id, periodStart('month', one.one.store.now()))),
    't',
    1,
    'u',
    1,
    's:r1',
    1,
  );
  await server.command('client', 'kill', 'type', 'normal', 'skipme', 'yes');
  await until('it is noticed', () => one.one.store.problem() !== null);
  await open([one]);
  expect(one.one.store.membership.epoch).not.toBe(before);
  expect(await counted(one.one)).toEqual([40, 0]);
});

test('R5: a budget that is made later finds what every replica has spent', async () => {
  const tag = tagged();
  const one = new Counted(await openReplica({ url: server.url, tag, replica: 'r1' }));
  const two = new Counted(await openReplica({ url: server.url, tag, replica: 'r2' }));
  two.charge(123);
  await until('it is told within a second or so', async () => (await counted(one.one))[0] === 123, 1500);
  const { amount, ...rest } = { amount: 5, ...key };
  one.one.store.spent([
    { scope: rest, measure: 'tokens', period: 'day', start: periodStart('day', one.one.store.now()), amount },
  ]);
  await one.one.store.told();
  expect((await two.one.store.read([budget(9, 'day', key, 'tokens')]))[0]).toMatchObject({ used: 5 });
});

test('T2: replicas whose clocks differ by 30 s, or jump by hours, count in the windows of Redis', async () => {
  const url = await anyRedis();
  const tag = tagged();
  let jump = 0;
  const steady = () => performance.now() + jump;
  const early = await openReplica({ url, tag, replica: 'r1', wall: () => Date.now() - 30_000 });
  const late = await openReplica({ url, tag, replica: 'r2', wall: () => Date.now() + 30_000, steady });
  const [seconds, micros] = (await late.link.client.time()) as unknown as [string, string];
  const redis = Number(seconds) * 1000 + Number(micros) / 1000;
  for (const { store } of [early, late]) expect(Math.abs(store.now() - redis)).toBeLessThan(1000);
  const hourly = budget(100, 'hour');
  expect((await early.store.take('a', [charge(hourly, 60)], 60_000)).ok).toBe(true);
  expect((await late.store.take('b', [charge(hourly, 60)], 60_000)).ok).toBe(false);
  // Its own clock now says that this is another hour, and no sign of life has corrected it yet.
  for (const by of [7_200_000, -14_400_000]) {
    jump += by;
    const taken = await late.store.take(`c${by}`, [charge(hourly, 60)], 60_000);
    expect(taken).toMatchObject({ ok: false, standing: { left: 40 } });
    expect(Math.abs(late.store.now() - early.store.now())).toBeLessThan(1000);
  }
});

test('R10: what is held and charged in an hour that is over stays in that hour', async () => {
  const tag = tagged();
  let jump = 0;
  const steady = () => performance.now() + jump;
  const here = await openReplica({ url: server.url, tag, replica: 'r1' });
  const late = await openReplica({ url: server.url, tag, replica: 'r2', steady });
  const hourly = budget(100, 'hour');
  expect((await late.store.take('long', [charge(hourly, 80)], 60_000)).ok).toBe(true);
  const start = periodStart('hour', late.store.now());
  // Its own clock says that the next hour has come when the call ends.
  jump = 3_600_000;
  late.store.spent([{ scope: key, measure: 'nano_usd', period: 'hour', start, amount: 55 }]);
  late.store.settle('long', [55]);
  await late.store.told();
  expect(await counted(here, hourly)).toEqual([55, 0]);
});

test('nothing stays in Redis for ever but totals: holds end with their leases, counters a while after their periods', async () => {
  const tag = tagged();
  const { store, link } = await openReplica({ url: server.url, tag });
  const keys = new LimitKeys(tag);
  await store.take('lapses', [charge(rule, 5), charge(everything, 5)], 100);
  store.spent([{ scope: key, measure: 'tokens', period: 'hour', start: 3_600_000, amount: 4 }]);
  await store.told();
  const old = keys.counter(counterName(budget(1, 'hour', key, 'tokens').id, 3_600_000));
  await until('the lease is over', async () => (await counted({ store, link } as Replica))[1] === 0);
  await until('the old counter is removed', async () => (await server.command('exists', old)) === 0);
  expect(await server.command('zcard', keys.leases)).toBe(0);
  const names = (await server.command('keys', `${tag}:*`)) as string[];
  for (const name of names) {
    const kept = Number(await server.command('zscore', keys.collect, name)) || Number(await server.command('pttl', name)) > 0;
    if (![keys.epoch, keys.members, keys.collect].includes(name)) expect([name, Boolean(kept)]).toEqual([name, true]);
  }
});

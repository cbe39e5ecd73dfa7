import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type RedisServer, randomPrefix, startRedis } from '../../helper/redis.ts';
import { connection, exchange, expectSums, Replica, type ReplicaOptions } from './fleet-rig.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

/** Makes replicas of one fleet. */
async function fleet(options: Partial<ReplicaOptions> = {}) {
  const shared = { redis: await connection(server.url), prefix: randomPrefix(), ...options };
  return {
    prefix: shared.prefix,
    join: (own: Partial<ReplicaOptions> = {}) => new Replica({ ...shared, ...own }),
    /** What a FLUSHALL does to one fleet of the server. */
    async flush() {
      const keys = (await server.command('keys', `{${shared.prefix}}*`)) as string[];
      if (keys.length > 0) await server.command('del', ...keys);
    },
    entries: async (replica: Replica) =>
      (await server.command('xrange', `{${shared.prefix}}:ledger:${replica.id}`, '-', '+')) as [string, string[]][],
  };
}

describe('usage of a fleet', () => {
  test('G3: every replica says what all ledgers add up to, in every group', async () => {
    const { join: another } = await fleet();
    const all = [another(), another(), another()];
    for (const [at, each] of all.entries()) {
      each.spend(40, { key: 'key_all', metadata: { team: 'shared' }, daysAgo: at });
      each.spend(10 + at, { key: `key_${at}`, metadata: { team: `t${at}` } });
    }
    await exchange(all);
    for (const [at, each] of all.entries()) each.spend(at, { key: 'key_late', daysAgo: 12 });
    await exchange(all);
    expectSums(all);
    const grouped = all.map((each) => each.usage(['key', 'day', 'label']));
    expect(grouped[1]).toEqual(grouped[0]);
    expect(grouped[2]).toEqual(grouped[0]);
    expect(all[0]!.usage(['key']).rows.map(({ groups, attempts }) => [...groups, attempts])).toEqual([
      ['key_0', 10],
      ['key_1', 11],
      ['key_2', 12],
      ['key_all', 120],
      ['key_late', 3],
    ]);
  });

  test('pages of a fleet follow each other without a hole or a row twice', async () => {
    const { join: another } = await fleet();
    const all = [another(), another()];
    for (let at = 0; at < 30; at++)
      all[at % 3 === 0 ? 0 : 1]!.spend(1 + (at % 2), { key: `key_${at % 11}_ключ_\u{1f511}_\uff5e` });
    await exchange(all);
    const whole = all[0]!.usage(['key', 'model']).rows;
    const paged = [];
    for (let after = null; ; ) {
      const { rows, more } = all[0]!.usage(['key', 'model'], 3, after);
      paged.push(...rows);
      if (!more) break;
      after = rows.at(-1)!.groups as never;
    }
    expect(paged).toEqual(whole);
    expect(whole).toHaveLength(11);
  });

  test('R5: after FLUSHALL nothing is missing and nothing counts twice, for old replicas and for new ones', async () => {
    const { join: another, flush } = await fleet();
    const all = [another(), another()];
    for (const each of all) each.spend(300);
    await exchange(all);
    await flush();
    for (const each of all) each.spend(7);
    await exchange(all);
    expectSums(all);
    await all[0]!.publish();
    await flush();
    all[0]!.spend(5);
    await exchange(all);
    const late = another();
    await exchange([...all, late]);
    expectSums([...all, late]);
    expect(all[0]!.consumer.taken).toBeLessThan(320);
  });

  test('who was away for longer than a stream keeps takes the sums, and goes on from there', async () => {
    const { join: another, entries } = await fleet({ keep: 100 });
    const [one, two] = [another(), another()];
    one.spend(5);
    await exchange([one, two]);
    for (let round = 0; round < 4; round++) {
      one.spend(200);
      await one.publish();
    }
    expect((await entries(one)).length).toBeLessThan(300);
    two.restartConsumer();
    await exchange([one, two]);
    expectSums([one, two]);
    one.spend(3);
    await exchange([one, two], 1);
    expectSums([one, two]);
  });

  test('a replica that is gone for good: who comes later counts all of its usage', async () => {
    const { join: another } = await fleet({ keep: 400 });
    const one = another();
    for (let round = 0; round < 8; round++) {
      one.spend(150);
      await one.publish();
    }
    one.close();
    const late = another();
    late.spend(2);
    await exchange([late], 2);
    expectSums([late], [one, late]);
  });

  test('a ledger from before the fleet is counted whole, also after a time without Redis', async () => {
    const { join: another } = await fleet();
    const before = another({ alone: true });
    before.spend(25, { daysAgo: 20 });
    before.close();
    const two = another();
    const one = another({ dataDir: before.dataDir });
    one.spend(2);
    await exchange([one, two]);
    expectSums([one, two]);
    one.close();
    const alone = another({ dataDir: before.dataDir, alone: true });
    alone.spend(11);
    alone.close();
    const again = another({ dataDir: before.dataDir });
    await exchange([again, two]);
    again.spend(1);
    await exchange([again, two]);
    expectSums([again, two]);
  });

  test('a power loss takes the newest rows of a ledger: what it writes later is not taken for them', async () => {
    const { join: another } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(5);
    await exchange([one, two]);
    one.store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const kept = readFileSync(join(one.dataDir, 'ledger.sqlite'));
    one.spend(4);
    await exchange([one, two]);
    one.close();
    for (const suffix of ['-wal', '-shm']) rmSync(join(one.dataDir, `ledger.sqlite${suffix}`), { force: true });
    writeFileSync(join(one.dataDir, 'ledger.sqlite'), kept);
    const again = another({ dataDir: one.dataDir });
    again.spend(3);
    await exchange([again, two]);
    expect(again.publisher.problem).toBeNull();
    expect(two.usage().total.attempts).toBe(5 + 4 + 3);
    expect(again.usage().total.attempts).toBe(5 + 3);
  });

  test('G3: rows that retention removed before they were published, or that were written without the fleet, are in every sum at once', async () => {
    const { join: another } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(3);
    await exchange([one, two]);
    one.spend(4);
    one.store.database.exec('DELETE FROM intents WHERE id > 3; DELETE FROM settlements WHERE id > 3');
    await exchange([one, two]);
    expect(two.usage()).toEqual(one.usage());
    expect(two.usage().total.attempts).toBe(7);
    one.close();
    const alone = another({ dataDir: one.dataDir, alone: true });
    alone.spend(2);
    alone.close();
    const again = another({ dataDir: one.dataDir });
    await exchange([again, two]);
    expect(two.usage().total.attempts).toBe(9);
    again.spend(1);
    await exchange([again, two]);
    expect(two.usage()).toEqual(again.usage());
    expect([two.usage().total.attempts, two.consumer.refused]).toEqual([10, 0]);
  });

  test('sums above 9 million USD, where exact numbers end, reach the others exactly', async () => {
    const { join: another } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(1, { daysAgo: 3 });
    one.store.database.exec(
      'UPDATE usage_totals SET cost_nano = 9007199254740993; UPDATE usage_days SET cost_nano = 9007199254740993',
    );
    await exchange([one, two]);
    expect(two.usage().total.cost_nano).toBe('9007199254740993');
  });

  test('a disk that is lost: the others still count what was on it, and so does its successor', async () => {
    const { join: another } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(12);
    two.spend(7);
    await exchange([one, two]);
    one.spend(3);
    await one.publish();
    one.close();
    const successor = another();
    expect(successor.id).not.toBe(one.id);
    successor.spend(4);
    await exchange([two, successor]);
    expectSums([two, successor], [one, two, successor]);
  });

  test('what is delivered twice, or is no row, changes nothing and holds nobody up', async () => {
    const { join: another, prefix, entries } = await fleet();
    const [one, two] = [another(), another()];
    await exchange([one, two]);
    one.spend(10);
    await exchange([one, two]);
    expect(two.consumer.taken).toBe(10);
    const stream = `{${prefix}}:ledger:${one.id}`;
    const before = await entries(one);
    expect(before).toHaveLength(10);
    await expect(server.command('xadd', stream, before[9]![0], ...before[9]![1])).rejects.toThrow('equal or smaller');
    // The whole stream again, as it is written after it was lost.
    await server.command('del', stream);
    await exchange([one, two]);
    expect(await entries(one)).toEqual(before);
    expect(two.consumer.taken).toBe(10);
    const last = Number(before[9]![0].split('-')[0]);
    const row = before[9]![1][3]!;
    const hostile = ['', 'null', '[]', '[[],[]]', '{"__proto__":1}', row.slice(0, -9), row.replace(/\d+/g, '1e400')];
    for (const [at, each] of hostile.entries()) await server.command('xadd', stream, `${last + 1}-${at}`, 'p', last, 'r', each);
    await server.command('xadd', stream, `${last + 2}-0`, 'x', 'y');
    await server.command('xadd', stream, `${last + 3}-0`, 'p', 'Infinity', 'r', row);
    await server.command('zadd', `{${prefix}}:ledger:replicas`, 9e9, '../../../../tmp/evil', 9e9, 'UPPER00000000000');
    two.restartConsumer();
    await two.consume();
    expectSums([two], [one, two]);
    expect([two.consumer.replicas, two.consumer.incomplete, two.consumer.taken]).toEqual([1, 0, 0]);
    expect(two.consumer.refused).toBeGreaterThan(2);
  });

  test('sums in Redis that are damaged change nothing, and are written again', async () => {
    const { join: another, prefix } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(10);
    await one.publish();
    const base = `{${prefix}}:ledger:${one.id}:base`;
    await server.command('hset', base, '0', 'no base');
    const third = another();
    third.spend(4);
    await third.publish();
    await two.consume();
    expect(two.usage().total.attempts).toBe(4);
    expect(two.consumer.incomplete).toBe(1);
    third.close();
    await exchange([one, two]);
    expectSums([two], [one, third]);
  });

  test('the sums of another replica are made anew when their file is damaged', async () => {
    const { join: another } = await fleet();
    const [one, two] = [another(), another()];
    one.spend(9);
    await exchange([one, two]);
    two.consumer.close();
    const file = join(two.dataDir, 'fleet', `${one.id}.sqlite`);
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    writeFileSync(file, 'no database at all'.repeat(500));
    two.restartConsumer();
    await exchange([one, two]);
    expectSums([one, two]);
  });

  test('two processes with a copy of one data directory: health says it', async () => {
    const { join: another, prefix } = await fleet();
    const one = another();
    one.spend(1);
    await one.publish();
    expect(one.publisher.problem).toBeNull();
    const ahead = Date.now() * 1_000 + 60_000_000;
    await server.command('xadd', `{${prefix}}:ledger:${one.id}`, `${ahead}-0`, 'p', 0, 'r', '[]');
    one.spend(1);
    await one.publish();
    expect(one.publisher.problem).toContain('copied');
  });

  test('the order takes a bounded place on the disk; who misses what it has forgotten takes the sums', async () => {
    const { join: another, flush } = await fleet({ keep: 100 });
    const [one, two] = [another(), another()];
    one.spend(3);
    await exchange([one, two]);
    for (let round = 0; round < 3; round++) {
      one.spend(2_500);
      await one.publish();
    }
    await one.publish();
    const { count } = one.store.database.prepare('SELECT count(*) AS count FROM outbox').get() as { count: number };
    expect(count).toBeLessThan(5_200);
    await flush();
    one.spend(1);
    await exchange([one, two]);
    expectSums([one, two]);
  });
});

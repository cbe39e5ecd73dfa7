import { once } from 'node:events';
import { Cluster, Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { RecordConflict, RecordStoreError, type StoredRecord } from '../../../plugins/records/contract.ts';
import { RedisRecordStore } from '../../../plugins/records/redis-store.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { type RedisServer, randomPrefix, startRedis } from '../../helper/redis.ts';
import { recordStoreSuite } from './store-suite.ts';

const day = 86_400_000;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

function client(to: RedisServer = server): Redis {
  const redis = new Redis(to.url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: 500,
    retryStrategy: () => 20,
  });
  redis.on('error', () => {});
  whenDone(() => redis.disconnect());
  return redis;
}

const connected = async (redis: Redis): Promise<Redis> => {
  if (redis.status !== 'ready') await new Promise((resolve) => redis.once('ready', resolve));
  return redis;
};

interface Opened {
  readonly store: RedisRecordStore;
  readonly redis: Redis;
  readonly restored: number[];
}

async function open(prefix: string, now?: () => number, to: RedisServer = server): Promise<Opened> {
  const redis = await connected(client(to));
  const restored: number[] = [];
  const store = new RedisRecordStore({
    redis,
    prefix,
    onRestored: (count) => restored.push(count),
    ...(now === undefined ? {} : { now }),
  });
  return { store: opened(store), redis, restored };
}

const record = (id: string, version: number, text: string | null): StoredRecord => ({
  collection: 'key',
  id,
  version,
  sealed: text === null ? null : Buffer.from(text),
});

const shown = (records: readonly StoredRecord[]) =>
  Object.fromEntries(
    records.map(({ id, version, sealed }) => [
      id,
      `${version} ${sealed === null ? '-' : Buffer.from(sealed).toString('latin1')}`,
    ]),
  );

const all = async ({ store }: Opened) => shown((await store.changes(0)).records);

const places = new Map<string, string>();
recordStoreSuite('Redis', {
  kind: 'redis',
  async open(place) {
    if (!places.has(place)) places.set(place, randomPrefix());
    return (await open(places.get(place)!)).store;
  },
  lasting: true,
});

describe('documents in Redis', () => {
  test('any bytes come back as they were, also in pages of many', async () => {
    const one = await open(randomPrefix());
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    await one.store.write({ collection: 'secret', id: 'pepper', version: 1, sealed: bytes });
    await Promise.all(Array.from({ length: 1_203 }, (_, at) => one.store.write(record(`key_${at}`, 1, `:${at}-`))));
    const { records, sequence } = await one.store.changes(0);
    expect(records).toHaveLength(1_204);
    expect(sequence).toBe(1_204);
    expect(Buffer.from(records.find(({ id }) => id === 'pepper')!.sealed!)).toEqual(bytes);
  });

  test('of many that write the same version exactly one does, the others are told', async () => {
    const prefix = randomPrefix();
    const stores = await Promise.all(Array.from({ length: 8 }, () => open(prefix)));
    const ended = await Promise.allSettled(stores.map(({ store }, at) => store.write(record('key_a', 1, `by ${at}`))));
    expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const each of ended) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(RecordConflict);
    const winner = ended.findIndex(({ status }) => status === 'fulfilled');
    for (const each of stores) expect(await all(each)).toEqual({ key_a: `1 by ${winner}` });
  });

  test('changes are told once, in order, and asking costs one small answer when there are none', async () => {
    const prefix = randomPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    await one.store.write(record('key_a', 1, 'a'));
    await one.store.write(record('key_b', 1, 'b'));
    const first = await two.store.changes(0);
    await one.store.write(record('key_a', 2, 'a2'));
    const second = await two.store.changes(first.sequence);
    expect(shown(second.records)).toEqual({ key_a: '2 a2' });
    await server.command('config', 'resetstat');
    expect((await two.store.changes(second.sequence)).records).toEqual([]);
    const stats = String(await server.command('info', 'commandstats'));
    expect(stats).not.toContain('zrangebyscore');
    expect(stats).not.toContain('hget:');
  });

  test('the same command delivered twice is one change, another with the same version a conflict', async () => {
    const { store, redis } = await open(randomPrefix());
    const original = redis.callBuffer.bind(redis) as (...args: unknown[]) => Promise<unknown>;
    let twice = true;
    redis.callBuffer = (async (...args: unknown[]) => {
      if (twice) await original(...args).catch(() => {});
      return original(...args);
    }) as typeof redis.callBuffer;
    await store.write(record('key_a', 1, 'a'));
    await store.write(record('key_a', 2, null));
    twice = false;
    expect((await store.changes(0)).sequence).toBe(2);
    await expect(store.write(record('key_a', 2, null))).rejects.toBeInstanceOf(RecordConflict);
  });

  test('removals are forgotten after a day; who was away for longer compares, and does not bring the document back', async () => {
    const prefix = randomPrefix();
    let clock = Date.now();
    const [one, away] = [await open(prefix), await open(prefix, () => clock)];
    await one.store.write(record('key_a', 1, 'a'));
    const before = await away.store.changes(0);
    await one.store.write(record('key_a', 2, null));
    await server.command('zadd', `{${prefix}}:records:removed`, Math.floor(Date.now() / 1_000) - 86_401, 'key:key_a');
    await one.store.write(record('key_b', 1, 'b'));
    expect(await server.command('hkeys', `{${prefix}}:records:sealed`)).toEqual(['key:key_b']);
    clock += 2 * day;
    const after = await away.store.changes(before.sequence);
    expect(shown(after.records)).toEqual({ key_a: '2 -', key_b: '1 b' });
    expect(away.restored).toEqual([]);
    expect(await all(away)).toEqual({ key_b: '1 b' });
  });

  test('R5: what Redis has lost is put back by those who know it, the newest version of each', async () => {
    const prefix = randomPrefix();
    const [one, two, fresh] = [await open(prefix), await open(prefix), await open(prefix)];
    for (const id of ['key_a', 'key_b', 'key_c']) await one.store.write(record(id, 1, id));
    const seen = await two.store.changes(0);
    const own = await one.store.changes(0);
    await one.store.write(record('key_b', 2, null));
    await one.store.write(record('key_c', 2, 'newer'));
    await server.command('del', ...['meta', 'sealed', 'changes', 'removed'].map((name) => `{${prefix}}:records:${name}`));
    await two.store.changes(seen.sequence);
    await one.store.changes(own.sequence);
    expect(two.restored).toEqual([3]);
    expect(one.restored).toEqual([2]);
    expect(await all(fresh)).toEqual({ key_a: '1 key_a', key_b: '2 -', key_c: '2 newer' });
    expect(await all(two)).toEqual({ key_a: '1 key_a', key_b: '2 -', key_c: '2 newer' });
  });

  test('R17: an older version that is put in the place of a newer one is not told, and the newer one comes back', async () => {
    const prefix = randomPrefix();
    const [one, two] = [await open(prefix), await open(prefix)];
    await one.store.write(record('key_a', 1, 'works'));
    const old = (await server.command('hget', `{${prefix}}:records:sealed`, 'key:key_a')) as string;
    await one.store.write(record('key_a', 2, null));
    const seen = await two.store.changes(0);
    await server.command('hset', `{${prefix}}:records:sealed`, 'key:key_a', old);
    const sequence = (await server.command('hincrby', `{${prefix}}:records:meta`, 'sequence', 1)) as number;
    await server.command('zadd', `{${prefix}}:records:changes`, sequence, 'key:key_a');
    expect((await two.store.changes(seen.sequence)).records).toEqual([]);
    expect(two.restored).toEqual([1]);
    expect(await all(await open(prefix))).toEqual({ key_a: '2 -' });
  });

  test('a copy that lagged behind takes over: a revocation it never had is put back after the reconnection', async () => {
    const prefix = randomPrefix();
    const one = await open(prefix);
    await one.store.write(record('key_a', 1, 'works'));
    await one.store.write(record('key_b', 1, 'b'));
    const seen = await one.store.changes(0);
    await one.store.write(record('key_a', 2, null));
    const { sequence } = await one.store.changes(seen.sequence);
    // The same epoch and a sequence as high as before, as after a failover and a write of another process.
    await server.command('hset', `{${prefix}}:records:sealed`, 'key:key_a', `1:${'t'.repeat(16)}works`);
    expect((await one.store.changes(sequence)).records).toEqual([]);
    const again = once(one.redis, 'ready');
    one.redis.disconnect(true);
    await again;
    await one.store.changes(sequence);
    expect(one.restored).toEqual([1]);
    expect(await all(await open(prefix))).toEqual({ key_a: '2 -', key_b: '1 b' });
  });

  test('what no gateway wrote is passed over', async () => {
    const prefix = randomPrefix();
    const one = await open(prefix);
    await one.store.write(record('key_a', 1, 'a'));
    const hostile = {
      'key:x': '',
      'key:y': 'no version',
      'key:short': '1:short',
      'key:z': '99999999999999999999:sealed',
      nothing: '1:sealed',
      'other:id': '1:sealed',
      '__proto__:id': '1:sealed',
      'key:big': `1:${'x'.repeat(1_100_000)}`,
      'key:minus': '-1:sealed',
    };
    for (const [at, [field, value]] of Object.entries(hostile).entries()) {
      await server.command('hset', `{${prefix}}:records:sealed`, field, value);
      await server.command('zadd', `{${prefix}}:records:changes`, 2 + at, field);
    }
    await server.command('hset', `{${prefix}}:records:meta`, 'sequence', 20);
    expect(await all(one)).toEqual({ key_a: '1 a' });
  });

  test('a server that is gone, slow or out of scripts: an error of the store, then all is as before', async () => {
    const own = await startRedis();
    const one = await open(randomPrefix(), undefined, own);
    await one.store.write(record('key_a', 1, 'a'));
    await one.store.changes(0);
    await own.command('script', 'flush');
    await one.store.write(record('key_a', 2, 'a2'));
    own.pause();
    await expect(one.store.changes(1)).rejects.toBeInstanceOf(RecordStoreError);
    own.resume();
    await own.kill();
    await expect(one.store.write(record('key_a', 3, 'a3'))).rejects.toBeInstanceOf(RecordStoreError);
    await expect(one.store.changes(1)).rejects.toBeInstanceOf(RecordStoreError);
    await own.start();
    await connected(one.redis);
    await one.store.changes(1);
    expect(one.restored).toEqual([1]);
    expect(shown((await one.store.changes(0)).records).key_a).toMatch(/^[23] a[23]$/);
  });

  test('in a Cluster every script stays in one slot', async () => {
    const cluster = await startRedis({ cluster: true, args: ['--cluster-announce-ip', '127.0.0.1'] });
    const redis = new Cluster([{ host: '127.0.0.1', port: cluster.port }]);
    whenDone(() => redis.disconnect());
    const store = opened(new RedisRecordStore({ redis, prefix: 'postern' }));
    await store.write(record('key_a', 1, 'a'));
    expect(shown((await store.changes(0)).records)).toEqual({ key_a: '1 a' });
  });
});

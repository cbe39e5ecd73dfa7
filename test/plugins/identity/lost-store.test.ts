import { Redis } from 'ioredis';
import { beforeAll, expect, test, vi } from 'vitest';
import type { RecordChanges } from '../../../plugins/records/contract.ts';
import { RedisRecordStore } from '../../../plugins/records/redis-store.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { fullScope, startIdentity } from '../../helper/identity.ts';
import { type RedisServer, randomPrefix, startRedis } from '../../helper/redis.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

/** One whose looks at Redis can be made to wait. */
class Waiting extends RedisRecordStore {
  looks = 0;
  held: Promise<void> = Promise.resolve();

  override async changes(after: number): Promise<RecordChanges> {
    await this.held;
    const found = await super.changes(after);
    this.looks++;
    return found;
  }
}

async function storeAt(prefix: string): Promise<Waiting> {
  const redis = new Redis(server.url, { retryStrategy: () => 20 });
  redis.on('error', () => {});
  whenDone(() => redis.disconnect());
  await new Promise((resolve) => redis.once('ready', resolve));
  return new Waiting({ redis, prefix });
}

test('R5: a replica that starts right after Redis has lost everything ends up with the keys of those that run', async () => {
  const prefix = randomPrefix();
  const store = await storeAt(prefix);
  const one = await startIdentity({ store });
  const { secret, info } = await one.changes.createKey({ name: 'a' }, fullScope);
  const { looks } = store;
  await vi.waitFor(() => expect(store.looks).toBeGreaterThan(looks + 1), { interval: 5 });
  const { promise, resolve } = Promise.withResolvers<void>();
  store.held = promise;
  await new Promise((done) => setTimeout(done, 30));
  await server.command('flushall');
  const other = await startIdentity({ store: await storeAt(prefix) });
  expect(other.find(secret!)).toBeNull();
  resolve();
  await vi.waitFor(() => expect(other.find(secret!)?.keyId).toBe(info.id), { timeout: 1500, interval: 10 });
  expect(one.find(secret!)?.keyId).toBe(info.id);
  expect(other.clientId('sk-of-a-provider')).toBe(one.clientId('sk-of-a-provider'));
  // One that starts afterwards, too.
  const late = await startIdentity({ store: await storeAt(prefix) });
  expect(late.find(secret!)?.keyId).toBe(info.id);
});

test('R5: a removal stands against another document of the same version, which a lagging copy of Redis took', async () => {
  const prefix = randomPrefix();
  const [one, other] = [await storeAt(prefix), await storeAt(prefix)];
  const place = { collection: 'key', id: 'key_a' } as const;
  await one.write({ ...place, version: 1, sealed: Buffer.from('first') });
  await other.changes((await one.changes(0)).sequence - 1);
  const before = await server.command('hget', `{${prefix}}:records:sealed`, 'key:key_a');
  await one.write({ ...place, version: 2, sealed: null });
  const { sequence } = await one.changes(0);
  // The removal is lost before the other heard of it, and it changes the document.
  await server.command('hset', `{${prefix}}:records:sealed`, 'key:key_a', String(before));
  await other.write({ ...place, version: 2, sealed: Buffer.from('changed') });
  await one.changes(sequence);
  const { records } = await other.changes(sequence);
  expect(records).toEqual([{ ...place, version: 2, sealed: null, instead: true }]);
});

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import records from '../../../plugins/records/index.ts';
import { RedisRecordStore } from '../../../plugins/records/redis-store.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { type RedisServer, randomPrefix, startRedis } from '../../helper/redis.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

const owner = randomBytes(32).toString('base64');

/** The records of one process. */
async function gateway(prefix: string, encryptionKey = owner): Promise<FastifyInstance> {
  const redis = new Redis(server.url);
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-records-'));
  const app = Fastify();
  await app.register(records, { dataDir, encryptionKey, store: new RedisRecordStore({ redis, prefix }), poll: 20 });
  await app.ready();
  whenDone(async () => {
    await app.close();
    redis.disconnect();
    rmSync(dataDir, { recursive: true, force: true });
  });
  return app;
}

/** What somebody has who may write to Redis and has no key of ours. */
function attacker(prefix: string) {
  const key = (name: string) => `{${prefix}}:records:${name}`;
  const redis = new Redis(server.url);
  whenDone(() => redis.disconnect());
  return {
    read: async (field: string): Promise<Buffer> => (await redis.hgetBuffer(key('sealed'), field))!,
    /** Written so that every process looks at it. */
    async write(field: string, value: Buffer): Promise<void> {
      await redis.hset(key('sealed'), field, value);
      await redis.zadd(key('changes'), await redis.hincrby(key('meta'), 'sequence', 1), field);
    },
  };
}

/** The same bytes under another version. */
const renumbered = (value: Buffer, version: number): Buffer =>
  Buffer.concat([Buffer.from(`${version}`), value.subarray(value.indexOf(':'))]);

const valuesOf = (app: FastifyInstance) =>
  Object.fromEntries([...app.records.all<{ name: string }>('key')].map(([id, { value }]) => [id, value.name]));

/** Long enough for several looks. */
const looked = () => new Promise((resolve) => setTimeout(resolve, 120));

describe('R17: whoever may write to Redis', () => {
  const attacks: Readonly<Record<string, (of: ReturnType<typeof attacker>, old: Buffer) => Promise<void>>> = {
    'copies one document over another': async ({ read, write }) => {
      await write('key:key_b', renumbered(await read('key:key_a'), 2));
    },
    'adds a copy as a new document': async ({ read, write }) => {
      await write('key:key_c', await read('key:key_a'));
    },
    'adds a copy in another collection': async ({ read, write }) => {
      await write('admin_key:key_a', await read('key:key_a'));
    },
    'swaps two documents': async ({ read, write }) => {
      const [a, b] = [await read('key:key_a'), await read('key:key_b')];
      await write('key:key_a', renumbered(b, 3));
      await write('key:key_b', renumbered(a, 2));
    },
    'replays an older version': async ({ write }, old) => {
      await write('key:key_a', old);
    },
    'replays an older version as the newest': async ({ write }, old) => {
      await write('key:key_a', renumbered(old, 3));
    },
    'changes a byte': async ({ read, write }) => {
      const value = renumbered(await read('key:key_a'), 3);
      value[value.length - 1]! ^= 1;
      await write('key:key_a', value);
    },
    'writes what it likes': async ({ write }) => {
      await write('key:key_c', Buffer.from(`1:${'t'.repeat(16)}{"name":"forged"}`));
      await write('key:__proto__', Buffer.from(`1:${'t'.repeat(16)}{}`));
    },
  };

  test.for(Object.entries(attacks))('%s: nothing of it counts', async ([, attack]) => {
    const prefix = randomPrefix();
    const running = await gateway(prefix);
    const hostile = attacker(prefix);
    await running.records.create('key', 'key_a', { name: 'a, first' });
    await running.records.create('key', 'key_b', { name: 'b' });
    const old = await hostile.read('key:key_a');
    await running.records.replace('key', 'key_a', 1, { name: 'a' });
    const other = await gateway(prefix);
    await attack(hostile, old);
    await looked();
    const started = await gateway(prefix);
    for (const app of [running, other]) expect(valuesOf(app)).toEqual({ key_a: 'a', key_b: 'b' });
    for (const [id, name] of Object.entries(valuesOf(started))) expect({ key_a: 'a', key_b: 'b' }).toMatchObject({ [id]: name });
    expect([...started.records.all('admin_key')]).toEqual([]);
  });

  test('seals documents under a key of its own: they are left out', async () => {
    const prefix = randomPrefix();
    const running = await gateway(prefix);
    await running.records.create('key', 'key_a', { name: 'a' });
    const foreign = randomPrefix();
    const forger = await gateway(foreign, randomBytes(32).toString('base64'));
    await forger.records.create('key', 'key_x', { name: 'forged' });
    await attacker(prefix).write('key:key_x', await attacker(foreign).read('key:key_x'));
    await looked();
    expect(valuesOf(running)).toEqual({ key_a: 'a' });
    expect(running.records.counts.unreadable).toBe(1);
  });
});

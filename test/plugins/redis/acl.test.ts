import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../helper/gateway.ts';
import { startRedis } from '../../helper/redis.ts';
import { openReplica } from '../limits/redis-rig.ts';
import { budget, charge, concurrent, rate } from '../limits/rules.ts';

test('a user with the rights that the documents name is enough, and they are for keys of the prefix only', async () => {
  const [, rights = ''] = /`(~\{postern\}\* [^`]+)`/.exec(readFileSync(join(root, 'docs/limits.md'), 'utf8')) ?? [];
  const server = await startRedis();
  await server.command('acl', 'setuser', 'gateway', 'on', '>secret', 'resetkeys', ...rights.split(' '));
  const url = server.url.replace('redis://', 'redis://gateway:secret@');
  const { store, link } = await openReplica({ url, tag: '{postern}' });
  const charges = [charge(budget(10)), charge(rate(10)), charge(rate(10, 'token_bucket')), charge(concurrent(10))];
  expect((await store.take('a', charges, 1000)).ok).toBe(true);
  store.settle('a', [1, 1, 1, 1]);
  await store.told();
  expect((await store.read([budget(10)]))[0]).toMatchObject({ used: 0, held: 0 });
  await expect(link.client.set('other', '1')).rejects.toThrow(/NOPERM/);
});

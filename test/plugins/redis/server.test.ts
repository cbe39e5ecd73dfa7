import { expect, test } from 'vitest';
import { startRedis } from '../../helper/redis.ts';

test('the server of the tests starts, forgets when it is killed, and comes again', async () => {
  const server = await startRedis();
  await server.command('set', 'a', '1');
  expect(await server.command('get', 'a')).toBe('1');
  await server.kill();
  await server.start();
  expect(await server.command('get', 'a')).toBeNull();
});

import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { type ClientTimes, hotTimes, makeClient } from '../../../plugins/redis/client.ts';
import redis from '../../../plugins/redis/index.ts';
import { Link } from '../../../plugins/redis/link.ts';
import { script } from '../../../plugins/redis/script.ts';
import { parseRedisUrl, type RedisPlace } from '../../../plugins/redis/url.ts';
import { opened } from '../../helper/cleanup.ts';
import { freePort } from '../../helper/ports.ts';
import { startRedis } from '../../helper/redis.ts';
import { until } from '../limits/redis-rig.ts';

const one = script('return 1');

async function registered(url: string) {
  const app = opened(Fastify());
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(redis, { url, prefix: 'p' });
  await app.ready();
  return { app, added: Object.getOwnPropertyNames(app).filter((name) => !before.has(name) && !name.startsWith('Symbol')) };
}

function link(url: string, times: ClientTimes = hotTimes) {
  const log: string[] = [];
  const note = (_: object, message: string) => void log.push(message);
  const client = makeClient(parseRedisUrl(url) as RedisPlace, times, 'test');
  return { log, link: opened(new Link({ client, probeKey: '{p}:probe', log: { warn: note, info: note } })) };
}

test('R1: registers without a server, at once, and adds exactly the decorators redis and redisLink', async () => {
  const start = performance.now();
  const { app, added } = await registered(`redis://127.0.0.1:${await freePort()}`);
  expect(performance.now() - start).toBeLessThan(1000);
  expect(added.sort()).toEqual(['redis', 'redisLink']);
  expect(app.redisLink.tag).toBe('{p}');
  expect(app.redisLink.hot.up).toBe(false);
  await expect(app.redisLink.hot.run(one, [], [])).rejects.toMatchObject({ name: 'RedisUnavailable', sent: false });
});

test('other plugins have the client of @fastify/redis, which is ours', async () => {
  const server = await startRedis();
  const { app } = await registered(server.url);
  await until('it is up', () => app.redisLink.hot.up);
  expect(await app.redis.set('k', 'v')).toBe('OK');
  expect(await app.redisLink.background.get('k')).toBe('v');
  expect(app.redis.status).toBe('ready');
  expect(await app.redisLink.hot.run(one, [], [])).toBe(1);
});

test('a URL that is none is refused without quoting it', async () => {
  await expect(registered('http://:CANARY@h')).rejects.toThrow(/^redis_url: (?!.*CANARY)/);
});

test('a wrong password is said to be one, and nobody is told the password', async () => {
  const server = await startRedis({ args: ['--requirepass', 'right'] });
  const wrong = link(server.url.replace('right', 'CANARY-wrong'));
  await until('it is known', () => wrong.link.reason === 'authentication');
  await until('it is logged', () => wrong.log.length > 0);
  expect(wrong.log.join()).toMatch(/user or password/);
  expect(wrong.log.join()).not.toContain('CANARY');
});

test('R3: what hangs is logged once, however many calls it fails, and once more when it is back', { retry: 2 }, async () => {
  const server = await startRedis();
  const { link: hot, log } = link(server.url, { command: 50, silence: 1500 });
  await until('it is up', () => hot.up);
  server.pause();
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => hot.run(one, [], [])));
  expect(all.every(({ status }) => status === 'rejected')).toBe(true);
  for (let at = 0; at < 100; at++) await hot.run(one, [], []).catch(() => {});
  server.resume();
  await until('it is up', () => hot.up);
  expect(log).toHaveLength(2);
  expect(hot.outages).toBe(1);
});

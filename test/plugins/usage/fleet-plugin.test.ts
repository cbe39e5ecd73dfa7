import Fastify, { type FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import fleet from '../../../plugins/usage/fleet/index.ts';
import usage from '../../../plugins/usage/index.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { randomPrefix, startRedis } from '../../helper/redis.ts';
import { directory } from './fleet-rig.ts';
import { intent, prices, settlement, target } from './sample.ts';

async function started(redisUrl: string, prefix: string): Promise<FastifyInstance> {
  const app = Fastify();
  const dataDir = directory();
  await app.register(usage, { dataDir, fsync: 'normal', prices, version: 'c1', fleet: true });
  const before = new Set(Object.keys(app));
  await app.register(fleet, { redisUrl, prefix, dataDir });
  await app.ready();
  expect(Object.keys(app).filter((name) => !before.has(name))).toEqual(['fleet']);
  whenDone(() => app.close());
  return app;
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > 8_000) throw new Error('It did not happen.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const spend = (app: FastifyInstance) => app.usage.open(intent(), target()).settle(settlement());

test('a process that ends hands its last rows over; one without Redis says so, and its rows wait', async () => {
  const redis = await startRedis();
  const prefix = randomPrefix();
  const app = await started(redis.url, prefix);
  await until(() => app.fleet.problem() === null);
  for (let at = 0; at < 5; at++) await spend(app);
  await app.close();
  expect(await redis.command('xlen', `{${prefix}}:ledger:${app.usage.replica}`)).toBe(5);

  await redis.kill();
  const alone = await started(redis.url, prefix);
  await spend(alone);
  await until(() => alone.fleet.status().waiting === 1);
  expect(alone.fleet.problem()).toBe('Redis cannot be reached');
  const began = performance.now();
  await alone.close();
  expect(performance.now() - began).toBeLessThan(2_500);
});

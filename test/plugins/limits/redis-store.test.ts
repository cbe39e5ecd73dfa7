import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe } from 'vitest';
import { anyRedis, randomPrefix } from '../../helper/redis.ts';
import { openReplica } from './redis-rig.ts';
import { storeSuite } from './store-suite.ts';

// Windows of 400 ms by the clock of the machine: on a busy one a window may end in the middle of a test.
describe('with a real server', { retry: 2 }, () => {
  let url = '';
  beforeAll(async () => {
    url = await anyRedis();
  });

  storeSuite({
    name: 'in Redis',
    manualClock: false,
    async create() {
      const { store, close } = await openReplica({ url, tag: `{${randomPrefix()}}` });
      return { store, now: () => store.now(), pass: (ms) => sleep(ms), quiet: () => store.told(), close };
    },
  });
});

import { expect, test } from 'vitest';
import { opened } from '../../helper/cleanup.ts';
import { anyRedis, randomPrefix } from '../../helper/redis.ts';
import { Fleet } from './redis-overshoot.ts';
import { openReplica } from './redis-rig.ts';

const seeds = Number(process.env.LIMIT_SEEDS ?? 3);
const calls = Number(process.env.LIMIT_CALLS ?? 500);

test(`R8 G2: ${calls} calls at once in each of four processes never overdraw a budget, and leave nothing held`, {
  timeout: 10_000 + seeds * 10_000,
}, async () => {
  const url = await anyRedis();
  const tag = `{${randomPrefix()}}`;
  const fleet = opened(new Fleet());
  await fleet.start(url, tag, 4);
  const { store } = await openReplica({ url, tag, replica: 'observer', times: { command: 5000, silence: 10_000 } });
  for (let seed = 1; seed <= seeds; seed++) {
    expect(await fleet.run(seed, calls, store)).toEqual({ seed, wrongFirst: 0, wrongAgain: 0, wrongSum: 0, held: 0 });
  }
});

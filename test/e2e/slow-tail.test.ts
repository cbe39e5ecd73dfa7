import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open } from '../helper/client.ts';
import { seeded } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { startUpstream } from '../helper/upstream.ts';

// One request in twenty takes forty times as long: what hedging makes of it, and what it costs.

const warmUp = 40;
const calls = 400;
const atOnce = 8;
const usual = 10;
const tail = 400;
const maxRatio = 0.1;

/** Milliseconds to the first content of every call after the first ones, ascending, and requests that the upstreams got. */
async function measure(hedged: boolean): Promise<{ times: number[]; requests: number }> {
  const random = seeded(7);
  const slowAtTimes = async () =>
    opened(
      await startUpstream(async (call, wire) => {
        await sleep(random() < 0.05 ? tail : usual);
        if (!wire.closed) await chat(call, wire);
      }),
    );
  const upstreams = [await slowAtTimes(), await slowAtTimes()];
  const gateway = await startGateway({
    random: seeded(11),
    overlay: {
      providers: { a: provider(upstreams[0]!.url), b: provider(upstreams[1]!.url) },
      models: {
        m: {
          strategy: 'round-robin',
          targets: ['a', 'b'].map((name) => ({ provider: name, model: 'up-1' })),
          hedge: { enabled: hedged, percentile: 90, min_samples: 20, min_delay: '40ms', max_ratio: maxRatio },
        },
      },
    },
  });
  const times: number[] = [];
  let left = warmUp + calls;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const client = await open(gateway.url);
      while (left-- > 0) {
        const began = performance.now();
        client.send({ body: ask({ stream: true }) });
        await client.saw('Hello');
        const took = performance.now() - began;
        if (left < calls) times.push(took);
        await client.until(({ complete }) => complete);
      }
      client.leave('fin');
    }),
  );
  return { times: times.sort((a, b) => a - b), requests: upstreams.reduce((sum, each) => sum + each.calls.length, 0) };
}

test('P4: with a slow tail of 5 % hedging halves the 99th percentile at least, within its cap', { retry: 2 }, async () => {
  const [without, hedged] = [await measure(false), await measure(true)];
  const p99 = ({ times }: { times: readonly number[] }) => times[Math.floor(times.length * 0.99)]!;
  expect(without.requests).toBe(warmUp + calls);
  expect(p99(without)).toBeGreaterThan(tail - 10);
  expect(p99(hedged)).toBeLessThan(p99(without) / 2);
  const extra = hedged.requests - warmUp - calls;
  expect(extra).toBeGreaterThan(5);
  expect(extra).toBeLessThanOrEqual(maxRatio * (warmUp + calls));
});

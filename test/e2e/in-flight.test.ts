import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open } from '../helper/client.ts';
import { seeded } from '../helper/cuts.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

test('after any mix of outcomes nothing is under way at a target and nobody waits', async () => {
  const dice = seeded(9);
  const outcomes: readonly Script[] = [
    chat,
    chat,
    json(500, errorBody('broken')),
    json(429, errorBody('slow down', 'requests', 'rate_limit_exceeded'), { 'retry-after-ms': '20' }),
    json(529, errorBody('overloaded')),
    (_call, wire) => wire.rst(),
    (_call, wire) => wire.fin(),
    async (call, wire) => {
      await chat(call, wire);
      wire.fin();
    },
    async (call, wire) => {
      await sleep(40);
      if (!wire.closed) await chat(call, wire);
    },
    (_call, wire) => wire.gone,
  ];
  const script: Script = (call, wire) => outcomes[Math.floor(dice() * outcomes.length)]!(call, wire);
  const [a, b] = [opened(await startUpstream(script)), opened(await startUpstream(script))];
  const gateway = await startGateway({
    overlay: {
      providers: {
        a: provider(a.url, { concurrency: { max: 3 } }),
        b: provider(b.url, { concurrency: { adaptive: true, max: 4 } }),
      },
      models: {
        m: {
          targets: ['a', 'b'].map((name) => ({ provider: name, model: 'up-1' })),
          hedge: { enabled: true, min_samples: 10, min_delay: '1ms', max_ratio: 0.5 },
          timeouts: { first_byte: '150ms', total: '600ms' },
        },
      },
      health: { consecutive_failures: 4, open_for: '20ms', max_open_for: '40ms', slow_start: '50ms' },
      limits: { queue: { max: 20, wait: '200ms' } },
    },
  });
  const { api } = gateway.gateway;
  let most = 0;
  const watch = setInterval(() => {
    for (const { inFlight } of api.router.health()) most = Math.max(most, inFlight);
  }, 1);
  const callers = Array.from({ length: 30 }, async () => {
    for (let call = 0; call < 12; call++) {
      const connection = await open(gateway.url);
      connection.send({ body: ask({ stream: dice() < 0.3 }) });
      if (dice() < 0.15) await sleep(dice() * 60);
      else await connection.until(({ complete, ended }) => complete || ended !== null);
      connection.leave(dice() < 0.5 ? 'rst' : 'fin');
    }
  });
  await Promise.all(callers);
  clearInterval(watch);
  expect(most).toBeLessThanOrEqual(4);
  await expect.poll(() => [api.exchanges.open.size, api.router.waiting.size]).toEqual([0, 0]);
  expect(api.router.health().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

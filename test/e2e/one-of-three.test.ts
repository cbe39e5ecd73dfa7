import { expect, test } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, open, ask as request, streamError, textOf } from '../helper/client.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, provider } from '../helper/overlay.ts';
import { blackhole, freePort } from '../helper/ports.ts';
import { json, rawBytes } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

// G13: one of three providers is broken, with the settings a gateway has by default. Callers see nothing of it but a little time.

const calls = 1_000;
const atOnce = 8;

interface Outcome {
  /** Milliseconds to the first byte of each whole answer: of those that one send brought, and of the others. */
  readonly direct: readonly number[];
  readonly failedOver: readonly number[];
  readonly failures: readonly string[];
}

async function measure(bad: string): Promise<Outcome> {
  const good = [opened(await startUpstream(chat, { forget: true })), opened(await startUpstream(chat, { forget: true }))];
  const names = ['bad', 'good-1', 'good-2'];
  const gateway = await startGateway({
    overlay: {
      providers: { bad: provider(bad), 'good-1': provider(good[0]!.url), 'good-2': provider(good[1]!.url) },
      models: {
        m: { strategy: 'round-robin', targets: names.map((name) => ({ provider: name, model: 'up-1' })) },
        warm: { targets: [{ provider: 'good-1', model: 'up-1' }] },
      },
    },
  });
  // The first calls of a process take longer than any failover.
  for (let sent = 0; sent < 40; sent++) await request(gateway.url, { body: ask({ model: 'warm', stream: sent % 2 === 0 }) });
  const outcome = { direct: [] as number[], failedOver: [] as number[], failures: [] as string[] };
  let left = calls;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const client = await open(gateway.url);
      while (left-- > 0) {
        const stream = left % 2 === 0;
        const began = performance.now();
        const reply = await client.ask({ body: ask({ stream }) });
        const whole = stream
          ? textOf(reply.body) === 'Hello there' && streamError(reply.body) === null
          : jsonOf<{ choices?: unknown[] }>(reply).choices?.length === 1;
        if (reply.status !== 200 || !whole) outcome.failures.push(`${reply.status} ${reply.body}`);
        else outcome[reply.headers['x-postern-attempts'] === '1' ? 'direct' : 'failedOver'].push(reply.headAt - began);
      }
      client.leave('fin');
    }),
  );
  return outcome;
}

const quantile = (times: readonly number[], share: number) =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))]!;

const broken: readonly [name: string, script: Script][] = [
  ['U5: reset', rawBytes('', 'rst')],
  ['A5: 500', json(500, errorBody('broken'))],
  ['A4: 529', json(529, errorBody('overloaded', 'overloaded_error'))],
];

test.each(broken)('%s of one of three providers (G13) fails no call', { retry: 1 }, async (_name, script) => {
  const upstream = opened(await startUpstream(script, { forget: true }));
  const { direct, failedOver, failures } = await measure(upstream.url);
  expect(failures).toEqual([]);
  // Until its breaker opens: five failures, and what was under way then.
  expect(failedOver.length).toBeGreaterThanOrEqual(5);
  expect(failedOver.length).toBeLessThanOrEqual(5 + atOnce);
  expect(quantile(failedOver, 0.5) - quantile(direct, 0.5)).toBeLessThan(50);
});

test('U1: a provider of three that refuses connections (G13) fails no call and costs those it got 50 ms at most', {
  retry: 2,
}, async () => {
  const { direct, failedOver, failures } = await measure(`http://127.0.0.1:${await freePort()}/v1`);
  expect(failures).toEqual([]);
  expect(failedOver.length).toBeGreaterThanOrEqual(5);
  expect(quantile(failedOver, 1) - quantile(direct, 0.5)).toBeLessThan(50);
});

test('U3: a provider of three that nothing is heard of (G13) fails no call and costs those it got 2.5 s at most', {
  retry: 2,
}, async () => {
  const dark = opened(await blackhole());
  const { direct, failedOver, failures } = await measure(`http://127.0.0.1:${dark.port}/v1`);
  expect(failures).toEqual([]);
  expect(failedOver.length).toBeGreaterThanOrEqual(5);
  expect(quantile(failedOver, 1)).toBeLessThan(2_500);
  expect(quantile(direct, 0.99)).toBeLessThan(500);
  process.stderr.write(`[${[quantile(direct, 0.5), quantile(failedOver, 1), failedOver.length]}]\n`);
});

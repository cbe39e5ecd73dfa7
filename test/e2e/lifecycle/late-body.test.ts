import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chat } from '../../helper/chat.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { open, requestBytes } from '../../helper/client.ts';
import { startGateway } from '../../helper/gateway.ts';
import { ask, patient } from '../../helper/overlay.ts';
import { startUpstream } from '../../helper/upstream.ts';

test.each([false, true])('L1: a call whose body ends after it was given up is not sent (stream: %s)', async (stream) => {
  const upstream = opened(await startUpstream(chat));
  const server = { shutdown: { delay: '0s', timeout: '300ms' } };
  const gateway = await startGateway({ overlay: patient(upstream.url, { server }) });
  const connection = await open(gateway.url);
  whenDone(() => connection.leave('fin'));
  const bytes = requestBytes({ body: ask({ stream }) });
  connection.send(bytes.subarray(0, bytes.length - 10));
  await expect.poll(() => gateway.gateway.api.exchanges.open.size).toBe(1);
  const drained = gateway.gateway.drain();
  await expect.poll(() => [...gateway.gateway.api.exchanges.open][0]?.cancelled, { timeout: 3_000 }).toBe('shutdown');
  connection.socket.write(bytes.subarray(bytes.length - 10));
  await drained;
  await sleep(50);
  expect([connection.reply.status, upstream.calls.length]).toEqual([503, 0]);
});

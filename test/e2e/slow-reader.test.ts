import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { chunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf, open, requestBytes, textOf } from '../helper/client.ts';
import { startGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { framed, headOf } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

const filler = 'y'.repeat(16_000);

/** Writes events as fast as they are taken and counts the bytes that were. */
function flood(events: number, taken: { bytes: number }): Script {
  return async (_call, wire) => {
    await wire.send(headOf(200, 'chunked', 0, { 'content-type': 'text/event-stream' }));
    for (let count = 0; count < events && !wire.closed; count++) {
      const event = Buffer.from(`${chunk({ content: `${count} ${filler}` })}\n\n`);
      await wire.send(framed(event, 'chunked'));
      if (!wire.closed) taken.bytes += event.length;
    }
    await wire.send(framed(Buffer.from(`${chunk({}, 'stop')}\n\ndata: [DONE]\n\n`), 'chunked'));
    await wire.send('0\r\n\r\n');
  };
}

test('C4 S16: while a client does not read, the upstream is made to wait and memory does not grow', async () => {
  const taken = { bytes: 0 };
  const upstream = opened(await startUpstream(flood(6_000, taken)));
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  const client = await open(gateway.url);
  client.send({ body: ask({ stream: true }) });
  await client.until((reply) => reply.headAt > 0);
  client.stall();
  let stalled = 0;
  // Until nothing has moved for half a second.
  while (stalled !== taken.bytes) {
    stalled = taken.bytes;
    await sleep(500);
  }
  // Of 96 MB: what the kernel's socket buffers of both hops hold, and the gateway's own.
  expect(stalled).toBeLessThan(24_000_000);
  client.leave('rst');
});

test('C4: a client that reads late gets everything, in order', async () => {
  const taken = { bytes: 0 };
  const upstream = opened(await startUpstream(flood(800, taken)));
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  const client = await open(gateway.url);
  const parts: Buffer[] = [];
  client.socket.removeAllListeners('data');
  client.socket.on('data', (part: Buffer) => {
    parts.push(part);
    if (parts.length % 20 !== 0) return;
    client.stall();
    setTimeout(() => client.resume(), 2);
  });
  client.socket.write(requestBytes({ body: ask({ stream: true }), headers: { connection: 'close' } }));
  await new Promise((resolve) => client.socket.once('close', resolve));
  const raw = Buffer.concat(parts).toString('latin1');
  const numbers = [...raw.matchAll(/"content":"(\d+) y/g)].map((match) => Number(match[1]));
  expect(numbers).toEqual(Array.from({ length: 800 }, (_, index) => index));
  expect(raw).toContain('data: [DONE]\n\n');
});

test('C3: a client that reads nothing for write_timeout is cut, and the upstream with it', async () => {
  const upstream = opened(await startUpstream(flood(6_000, { bytes: 0 })));
  const gateway = await startGateway({ overlay: patient(upstream.url, { server: { write_timeout: '300ms' } }) });
  const client = await open(gateway.url);
  client.send({ body: ask({ stream: true }) });
  await client.until((reply) => reply.headAt > 0);
  client.stall();
  const call = upstream.calls[0]!;
  const began = performance.now();
  await expect.poll(() => call.abortedAt, { timeout: 3_000 }).not.toBeNull();
  expect(call.abortedAt! - began).toBeGreaterThan(250);
  expect(call.abortedAt! - began).toBeLessThan(1_500);
  const [row] = await gateway.ledgerRows(1);
  expect(row).toMatchObject({ outcome: 'cancelled', reason: 'write_stall' });
  client.leave('rst');
});

test('a stalled stream does not slow another one down', async () => {
  const upstream = opened(await startUpstream(flood(6_000, { bytes: 0 })));
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  const slow = await open(gateway.url);
  slow.send({ body: ask({ stream: true }) });
  await slow.until((reply) => reply.headAt > 0);
  slow.stall();
  upstream.script = flood(20, { bytes: 0 });
  const quick = await open(gateway.url);
  const reply = await quick.ask({ body: ask({ stream: true }) }, 1_000);
  expect(textOf(reply.body).length).toBeGreaterThan(20 * filler.length);
  expect(eventsOf(reply.body)).toHaveLength(22);
  slow.leave('rst');
  quick.leave('fin');
});

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { opened } from '../../helper/cleanup.ts';
import { blackhole } from '../../helper/ports.ts';
import { answer, framed, headOf, json, silence } from '../../helper/replies.ts';
import { type Script, startUpstream } from '../../helper/upstream.ts';
import { fastest } from './fastest.ts';
import { providerAt, startSender } from './sender.ts';

const block = Buffer.alloc(256 * 1024, 0x78);

/** Random bytes: compressed they are as long. More than the buffers of both kernels and libraries together. */
const noise = randomBytes(32 * 1024 * 1024);

/** Sends `bytes` in pieces, the next when the one before is out; tells how many are. */
function flood(headers: Readonly<Record<string, string>>, bytes: Buffer): { script: Script; taken: () => number } {
  let taken = 0;
  return {
    taken: () => taken,
    script: async (_call, wire) => {
      await wire.send(headOf(200, 'chunked', 0, headers));
      for (; taken < bytes.length && !wire.closed; taken += block.length) {
        await wire.send(framed(bytes.subarray(taken, taken + block.length), 'chunked'));
      }
      await wire.send('0\r\n\r\n');
    },
  };
}

describe('abort', () => {
  it('before the connection is there: nothing is heard and nothing is sent later', async () => {
    const hole = opened(await blackhole());
    const { call, answer: heard } = (await startSender(300)).start(providerAt(`http://127.0.0.1:${hole.port}`));
    call.abort();
    await sleep(400);
    expect([heard.heard, call.sent]).toEqual([[], false]);
  });

  it('while connecting: the request does not go out on the new socket', async () => {
    const server = opened(await startUpstream(json(200, {})));
    const { call, answer: heard } = (await startSender()).start(providerAt(server.url));
    call.abort();
    await sleep(50);
    expect([heard.heard, call.sent, server.calls.length]).toEqual([[], false, 0]);
  });

  it('while queued behind another request: it is never sent, the one before it goes on', async () => {
    const server = opened(await startUpstream(answer('x', { wait: 60 })));
    const sender = await startSender();
    const provider = providerAt(server.url, { connections: 1 });
    const first = sender.start(provider);
    const second = sender.start(provider);
    await server.arrived(1);
    second.call.abort();
    expect(await first.answer.over).toBe('end');
    await sleep(50);
    expect([second.answer.heard, second.call.sent, server.calls.length]).toEqual([[], false, 1]);
    expect((await sender.send(provider)).how).toBe('end');
  });

  it('while waiting for the head: closes the socket within 100 ms', async () => {
    const server = opened(await startUpstream(silence));
    const sender = await startSender();
    const took = await fastest(100, async () => {
      const { call, answer: heard } = sender.start(providerAt(server.url));
      const arrived = await server.arrived(server.calls.length + 1);
      const before = performance.now();
      call.abort();
      await expect.poll(() => arrived.abortedAt, { interval: 5 }).not.toBeNull();
      expect(heard.heard).toEqual(['sent']);
      return arrived.abortedAt! - before;
    });
    expect(took).toBeLessThan(100);
  });

  it.each([
    ['plain', {}, block],
    ['compressed', { 'content-encoding': 'gzip' }, gzipSync(block)],
  ] as const)(
    'in the middle of a %s body: closes the socket within 100 ms and nothing more is heard',
    async (_name, headers, bytes) => {
      const server = opened(
        await startUpstream(async (_call, wire) => {
          await wire.send(Buffer.concat([headOf(200, 'chunked', 0, headers), framed(bytes, 'chunked')]));
          await wire.gone;
        }),
      );
      const sender = await startSender();
      const took = await fastest(100, async () => {
        const { call, answer: heard } = sender.start(providerAt(server.url));
        await new Promise<void>((resolve) => {
          heard.onChunk = () => resolve();
        });
        const before = performance.now();
        call.abort();
        const size = heard.body.length;
        await expect.poll(() => server.open(), { interval: 5 }).toBe(0);
        const closed = performance.now();
        expect([heard.body.length, heard.heard]).toEqual([size, ['sent', 'head 200', 'data']]);
        return closed - before;
      });
      expect(took).toBeLessThan(100);
    },
  );

  it('from within the head: no body is heard', async () => {
    const server = opened(await startUpstream(json(200, {}, { 'content-encoding': 'gzip' })));
    const sender = await startSender();
    const { call, answer: heard } = sender.start(providerAt(server.url));
    heard.onAnswer = () => call.abort();
    await expect.poll(() => server.calls.length).toBe(1);
    await sleep(50);
    expect(heard.heard).toEqual(['sent', 'head 200']);
  });

  it('after the end, twice, or with pause and resume after it: does nothing', async () => {
    const server = opened(await startUpstream(json(200, {})));
    const sender = await startSender();
    const { call, answer: heard } = sender.start(providerAt(server.url));
    await heard.over;
    call.abort();
    call.abort();
    call.pause();
    call.resume();
    await sleep(10);
    expect(heard.heard).toEqual(['sent', 'head 200', 'data', 'end']);
    expect(server.open()).toBe(1);
  });
});

describe('pause', () => {
  it.each([
    ['plain', {}, noise],
    ['compressed', { 'content-encoding': 'gzip' }, gzipSync(noise)],
  ] as const)('C4: stops reading from the upstream until resumed: %s', async (_name, headers, bytes) => {
    const { script, taken } = flood(headers, bytes);
    const server = opened(await startUpstream(script));
    const { call, answer: heard } = (await startSender()).start(providerAt(server.url));
    await new Promise<void>((resolve) => {
      heard.onChunk = () => {
        call.pause();
        resolve();
      };
    });
    heard.onChunk = () => {};
    await sleep(150);
    const paused = heard.body.length;
    await sleep(100);
    expect(heard.body.length).toBe(paused);
    expect(paused).toBeLessThan(1024 * 1024);
    // What the kernel's buffers hold is out; the rest waits in the upstream.
    expect(taken()).toBeLessThan(bytes.length / 2);
    call.resume();
    expect(await heard.over).toBe('end');
    expect(heard.body.equals(noise)).toBe(true);
  });
});

it('the end of the process closes every socket', async () => {
  const server = opened(await startUpstream(silence));
  const sender = await startSender();
  const { answer: heard } = sender.start(providerAt(server.url));
  await server.arrived(1);
  await sender.app.close();
  await expect.poll(() => server.open()).toBe(0);
  expect(heard.heard.at(-1)).toBe('failure');
});

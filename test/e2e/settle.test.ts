import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { OpenAttempt } from '../../plugins/usage/contract.ts';
import { chat, chatStream, chunk } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { sse } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Usage survives kill -9: the intent is committed before anything is sent, the settlement before the last bytes.

const commitMs = 250;
let upstream: Upstream;
let gateway: TestGateway;
/** Milliseconds a commit takes, besides its own time. */
const slow = { intent: 0, settlement: 0 };

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  gateway = await startGateway({ overlay: patient(upstream.url) });
  const { usage } = gateway.gateway.api;
  const { open: begin } = usage;
  usage.open = (...args) => {
    const attempt = begin.apply(usage, args);
    const delayed: OpenAttempt = {
      id: attempt.id,
      get settled() {
        return attempt.settled;
      },
      committed: attempt.committed.then(() => sleep(slow.intent)),
      settle: async (settlement) => {
        const cost = await attempt.settle(settlement);
        await sleep(slow.settlement);
        return cost;
      },
    };
    return delayed;
  };
});

async function send(stream: boolean): Promise<Connection> {
  const client = await open(gateway.url);
  whenDone(() => client.leave('fin'));
  client.send({ body: ask({ stream }) });
  return client;
}

test.each([{ stream: false }, { stream: true }])(
  'nothing is sent upstream before the intent is committed (stream $stream)',
  async ({ stream }) => {
    Object.assign(slow, { intent: commitMs, settlement: 0 });
    const before = upstream.calls.length;
    const began = performance.now();
    await send(stream);
    const call = await upstream.arrived(before + 1);
    expect(call.at - began).toBeGreaterThan(commitMs - 10);
  },
);

test('the content of a stream does not wait for the settlement, its [DONE] does', async () => {
  Object.assign(slow, { intent: 0, settlement: commitMs });
  upstream.script = chatStream();
  const client = await send(true);
  await client.saw(' there');
  const content = performance.now();
  await client.saw('[DONE]');
  expect(performance.now() - content).toBeGreaterThan(commitMs - 50);
});

test('the end of a JSON answer waits for the settlement', async () => {
  Object.assign(slow, { intent: 0, settlement: commitMs });
  upstream.script = chat;
  const client = await send(false);
  const began = performance.now();
  await client.until(({ complete }) => complete);
  expect(performance.now() - began).toBeGreaterThan(commitMs - 10);
});

test('the error event of a broken stream waits for the settlement', async () => {
  Object.assign(slow, { intent: 0, settlement: commitMs });
  const event = chunk({ content: 'a' });
  upstream.script = sse([event], { cut: event.length + 2, end: 'rst' });
  const client = await send(true);
  await client.saw('"content":"a"');
  const content = performance.now();
  await client.saw('stream_interrupted');
  expect(performance.now() - content).toBeGreaterThan(commitMs - 50);
});

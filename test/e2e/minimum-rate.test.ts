import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { chat, chatBody, chatEvents, chunk, usageChunk } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { open, type Reply, ask as request, streamError, textOf } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { answer, paced } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// An upstream that answers, too slowly to be of use: fewer characters than `timeouts.min_rate` in a window.

let slow: Upstream;
let gateway: TestGateway;

/** 20 characters in 100 ms. */
const timeouts = { min_rate: 200, min_rate_window: '100ms' };
const one = (name: string) => [{ provider: name, model: 'up-1' }];

beforeAll(async () => {
  slow = opened(await startUpstream(chat));
  const good = opened(await startUpstream(chat));
  gateway = await startGateway({
    overlay: {
      providers: { slow: provider(slow.url, { timeouts }), free: provider(slow.url), good: provider(good.url) },
      models: {
        m: { strategy: 'priority', targets: [...one('slow'), ...one('good')] },
        alone: { targets: one('slow') },
        patient: { targets: one('slow'), timeouts: { min_rate: 0 } },
        strict: { targets: one('free'), timeouts },
      },
      health: neverOpen,
      server: { keep_alive_comments: '0s' },
    },
  });
});

const post = (body: object): Promise<Reply> => request(gateway.url, { body: ask(body) });
/** A character every 40 ms: 2 or 3 in a window. */
const trickle = paced(
  Array.from({ length: 100 }, () => chunk({ content: 'x' })),
  40,
);

describe('a stream below the minimum rate', () => {
  test.each(['m', 'alone', 'strict'])('U9: ends with an error event, as content was sent (%s)', async (model) => {
    slow.script = trickle;
    const began = performance.now();
    const reply = await post({ model, stream: true });
    expect(reply).toMatchObject({ status: 200, complete: true });
    expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
    expect(reply.body.toString()).not.toContain('[DONE]');
    expect(textOf(reply.body)).toMatch(/^x{2,}$/);
    expect(performance.now() - began).toBeLessThan(1_500);
    await expect.poll(() => slow.calls.at(-1)!.abortedAt).not.toBeNull();
  });

  test('is nothing a model with min_rate 0 looks at', async () => {
    slow.script = paced(chatEvents({ text: Array.from({ length: 8 }, () => 'x') }), 40);
    const reply = await post({ model: 'patient', stream: true });
    expect([textOf(reply.body), streamError(reply.body)]).toEqual(['x'.repeat(8), null]);
  });

  test('may think as long as first_content before its first content', async () => {
    slow.script = async (call, wire) => {
      await sleep(350);
      await chat(call, wire);
    };
    const reply = await post({ model: 'alone', stream: true });
    expect([textOf(reply.body), streamError(reply.body)]).toEqual(['Hello there', null]);
  });

  test('is asked for again after the next pause of a fast one', async () => {
    slow.script = paced(
      [chunk({ content: 'y'.repeat(5_000) }), ...Array.from({ length: 60 }, () => chunk({ content: 'x' }))],
      50,
    );
    const reply = await post({ model: 'alone', stream: true });
    expect(streamError(reply.body)).toMatchObject({ code: 'stream_interrupted' });
    expect(textOf(reply.body).length).toBeLessThan(5_030);
  });
});

describe('an answer of which the caller has seen nothing', () => {
  const document = JSON.stringify(chatBody('Hello '.repeat(30)));
  const drip = answer(document, { headers: { 'content-type': 'application/json' }, piece: 1, delay: 40 });

  test('U9: a document that trickles fails over to the next target', async () => {
    slow.script = drip;
    const reply = await post({});
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'good', 'x-postern-attempts': '2' } });
  });

  test('U9: a document that trickles is 504 where there is no other target', async () => {
    slow.script = drip;
    const reply = await post({ model: 'alone' });
    expect(reply.status).toBe(504);
    expect(expectEnvelope(reply).code).toBe('upstream_timeout');
    expect((await gateway.ledgerRows(1)).at(-1)).toMatchObject({ reason: 'timeout' });
  });
});

test('S16: a caller who reads slowly is not taken for a slow upstream', { retry: 2 }, async () => {
  const big = 'z'.repeat(64_000);
  slow.script = paced(
    [...Array.from({ length: 160 }, () => chunk({ content: big })), chunk({}, 'stop'), usageChunk(), 'data: [DONE]'],
    0,
  );
  const connection = await open(gateway.url);
  connection.socket.pause();
  connection.send({ body: ask({ model: 'alone', stream: true }) });
  await sleep(900);
  connection.socket.resume();
  const reply = await connection.until(({ complete }) => complete);
  connection.leave('fin');
  expect(streamError(reply.body)).toBeNull();
  expect(textOf(reply.body).length).toBe(160 * big.length);
});

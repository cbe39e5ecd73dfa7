import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { chatEvents } from '../../helper/chat.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { Connection, textOf } from '../../helper/client.ts';
import { startGateway } from '../../helper/gateway.ts';
import { ask, patient } from '../../helper/overlay.ts';
import { paced } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';

vi.setConfig({ testTimeout: 60_000 });

// Not every machine has a name with two addresses.
vi.mock('node:dns/promises', async (original) => {
  const real = await original<typeof import('node:dns/promises')>();
  const both = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  return { ...real, lookup: async () => both };
});

/** A connection to this address of the host; rejects when it is refused. */
async function openTo(host: string, port: number): Promise<Connection> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  whenDone(() => socket.destroy());
  return new Connection(socket);
}

test.each(['127.0.0.1', '::1'])(
  'L1 G15: on both addresses of localhost a stream over %s ends undisturbed while nobody can connect any more',
  async (host) => {
    const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const upstream = opened(await startUpstream(paced(chatEvents({ text: words }), 300)));
    const server = { keep_alive_comments: '0s', shutdown: { delay: '600ms', timeout: '20s' } };
    const started = await startGateway({ overlay: patient(upstream.url, { server }), env: { LISTEN: 'localhost:0' } });
    const port = Number(new URL(started.url).port);
    const stream = await openTo(host, port);
    stream.send({ body: ask({ stream: true }) });
    await stream.saw('"content":"a"');
    const drained = started.gateway.drain();
    await expect.poll(() => started.gateway.api.lifecycle.parting, { timeout: 10_000 }).toBe(true);
    for (const each of ['127.0.0.1', '::1']) await expect(openTo(each, port)).rejects.toThrow('ECONNREFUSED');
    const reply = await stream.until(({ complete }) => complete);
    expect(textOf(reply.body)).toBe(words.join(''));
    await drained;
  },
);

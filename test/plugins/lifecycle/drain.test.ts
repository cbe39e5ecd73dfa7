import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describe, expect, it } from 'vitest';
import errors from '../../../plugins/errors/index.ts';
import exchange, { type Exchange } from '../../../plugins/exchange/index.ts';
import { drain } from '../../../plugins/lifecycle/drain.ts';
import lifecycle from '../../../plugins/lifecycle/index.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { ask, jsonOf, open } from '../../helper/client.ts';
import { fastest } from '../upstream/fastest.ts';

const chat = { operation: 'chat' };

interface Rig {
  readonly app: FastifyInstance;
  readonly url: string;
  /** Calls of `/held`, which end when the test ends them. */
  readonly held: { reply: FastifyReply; exchange: Exchange }[];
}

async function start(maxInFlight = 100, overload = { unready_above: 0, shed_above: 0, target: 0 }): Promise<Rig> {
  const app = Fastify({ forceCloseConnections: true, keepAliveTimeout: 60_000 });
  whenDone(() => app.close());
  const held: Rig['held'] = [];
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(exchange, { config: () => ({}) as Config });
  await app.register(lifecycle, { maxInFlight, overload });
  app.get('/chat', { config: chat }, async () => ({}));
  app.get('/livez', async () => 'alive');
  app.get('/held', { config: chat }, (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
    reply.raw.write('data: 1\n\n');
    held.push({ reply, exchange: request.exchange });
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url, held };
}

/** A call of `/held` that is under way. */
async function hold({ url, held }: Rig) {
  const connection = await open(url);
  const count = held.length;
  connection.send({ path: '/held' });
  await connection.saw('data: 1');
  return { connection, ...held[count]! };
}

/** Milliseconds the promise takes. */
async function timed(promise: Promise<unknown>): Promise<number> {
  const before = performance.now();
  await promise;
  return performance.now() - before;
}

describe('L1: draining', () => {
  it('ends at once when nothing is open', async () => {
    const { app } = await start();
    expect(await timed(drain(app, 0, 5_000))).toBeLessThan(1_000);
    expect(app.lifecycle).toMatchObject({ draining: true, refusing: true });
  });

  it('refuses new calls in the envelope, on connections that are told to close; probes still answer', async () => {
    const rig = await start();
    const { reply } = await hold(rig);
    const connection = await open(rig.url);
    expect((await connection.ask({ path: '/chat' })).status).toBe(200);
    const draining = drain(rig.app, 0, 5_000);
    const refused = await ask(rig.url, { path: '/chat' });
    expect([refused.status, jsonOf<{ error: { code: string } }>(refused).error.code]).toEqual([503, 'gateway_draining']);
    expect(refused.headers).toMatchObject({ connection: 'close', 'retry-after': '1', 'x-should-retry': 'true' });
    expect((await ask(rig.url, { path: '/livez' })).status).toBe(200);
    reply.raw.end();
    await draining;
  });

  it('is not ready at once, and still takes calls during the delay', async () => {
    const { app, url } = await start();
    const draining = timed(drain(app, 2_000, 5_000));
    expect(app.lifecycle).toMatchObject({ draining: true, parting: false, refusing: false });
    const reply = await ask(url, { path: '/chat' });
    expect([reply.status, reply.headers.connection]).toEqual([200, 'keep-alive']);
    expect(await draining).toBeGreaterThan(990);
    expect(app.lifecycle.refusing).toBe(true);
  });

  it('G15: in the last part of the delay nobody can connect, and a call on an open connection is served and ends it', async () => {
    const rig = await start();
    const [used, fresh, idle] = [await open(rig.url), await open(rig.url), await open(rig.url)];
    for (const each of [used, idle]) await each.ask({ path: '/chat' });
    const draining = drain(rig.app, 2_000, 5_000);
    await expect.poll(() => rig.app.lifecycle.parting, { timeout: 5_000 }).toBe(true);
    await expect(open(rig.url)).rejects.toThrow('ECONNREFUSED');
    for (const each of [used, fresh]) {
      const reply = await each.ask({ path: '/chat' });
      expect([reply.status, reply.headers.connection]).toEqual([200, 'close']);
      await each.closed(1_000);
    }
    expect([rig.app.lifecycle.refusing, idle.reply.ended]).toEqual([false, null]);
    await draining;
  });

  it('G15: a stream that begins in the last part of the delay ends undisturbed, and its connection with it', async () => {
    const rig = await start();
    const connection = await open(rig.url);
    const draining = drain(rig.app, 1_000, 5_000);
    await expect.poll(() => rig.app.lifecycle.parting, { timeout: 5_000 }).toBe(true);
    connection.send({ path: '/held' });
    await connection.saw('data: 1');
    await expect.poll(() => rig.app.lifecycle.refusing, { timeout: 5_000 }).toBe(true);
    rig.held[0]!.reply.raw.end('data: 2\n\n');
    const whole = await connection.until((reply) => reply.complete);
    expect([whole.body.toString(), whole.headers.connection]).toEqual(['data: 1\n\ndata: 2\n\n', 'close']);
    await draining;
  });

  it('G15: a connection whose stream began before carries one more call after it, which ends it, and the drain waits for that', async () => {
    const rig = await start();
    const first = await hold(rig);
    const second = await hold(rig);
    const drained = drain(rig.app, 100, 20_000).then(() => performance.now());
    await expect.poll(() => rig.app.lifecycle.refusing, { timeout: 5_000 }).toBe(true);
    first.reply.raw.end();
    await first.connection.until((reply) => reply.complete);
    const more = await first.connection.ask({ path: '/chat' });
    expect([more.status, more.headers.connection]).toEqual([200, 'close']);
    second.reply.raw.end();
    await second.connection.until((reply) => reply.complete);
    const at = performance.now();
    await second.connection.closed(5_000);
    expect(performance.now() - at).toBeGreaterThan(200);
    expect(await drained).toBeGreaterThan(at + 200);
  });

  it('waits for open calls, which end undisturbed', async () => {
    const rig = await start();
    const first = await hold(rig);
    const second = await hold(rig);
    let over = false;
    const draining = drain(rig.app, 0, 5_000).then(() => {
      over = true;
    });
    first.reply.raw.end('data: 2\n\n');
    await sleep(60);
    expect(over).toBe(false);
    second.reply.raw.end('data: 2\n\n');
    await draining;
    for (const { connection, exchange: each } of [first, second]) {
      const { body } = await connection.until((reply) => reply.complete);
      expect([body.toString(), each.cancelled, each.status]).toEqual(['data: 1\n\ndata: 2\n\n', null, 200]);
    }
  });

  it('waits for what holds an exchange after its response', async () => {
    const rig = await start();
    const { reply, exchange: held } = await hold(rig);
    held.hold();
    reply.raw.end();
    const draining = drain(rig.app, 0, 5_000);
    await sleep(60);
    expect(rig.app.exchanges.open.size).toBe(1);
    held.release();
    await draining;
  });

  it('interrupts at the deadline what is still open, and lets it say so', async () => {
    const rig = await start();
    const { connection, reply, exchange: held } = await hold(rig);
    const other = await hold(rig);
    held.onCancel = (reason) => reply.raw.end(`data: ${reason}\n\n`);
    other.exchange.onCancel = (reason) => other.reply.raw.end(`data: ${reason}\n\n`);
    const took = await timed(drain(rig.app, 0, 120));
    expect(took).toBeGreaterThan(110);
    expect(took).toBeLessThan(1_000);
    for (const each of [connection, other.connection]) {
      expect((await each.until((answer) => answer.complete)).body.toString()).toBe('data: 1\n\ndata: shutdown\n\n');
    }
  });

  it('waits no longer than a second for what does not listen', async () => {
    const rig = await start();
    const { exchange: held } = await hold(rig);
    const took = await timed(drain(rig.app, 0, 50));
    expect(took).toBeGreaterThan(1_000);
    expect(took).toBeLessThan(3_000);
    expect(held.cancelled).toBe('shutdown');
  });

  it('G15: closes idle connections, so that the close does not wait for their keep-alive', async () => {
    const rig = await start();
    const { reply } = await hold(rig);
    const idle = await open(rig.url);
    await idle.ask({ path: '/chat' });
    const draining = drain(rig.app, 0, 5_000);
    expect((await idle.closed(1_000)).ended).not.toBeNull();
    reply.raw.end();
    await draining;
  });
});

describe('too many calls under way', () => {
  it('U18 P2: the next one is refused at once in the envelope, on a connection that stays, and taken when one has ended', async () => {
    const rig = await start(1);
    const { reply, connection } = await hold(rig);
    const other = await open(rig.url);
    expect(await fastest(50, () => timed(other.ask({ path: '/chat' })))).toBeLessThan(50);
    const refused = await other.ask({ path: '/chat' });
    expect([refused.status, jsonOf<{ error: { code: string } }>(refused).error.code]).toEqual([503, 'gateway_overloaded']);
    expect(refused.headers).toMatchObject({ connection: 'keep-alive', 'retry-after': '1', 'x-should-retry': 'true' });
    reply.raw.end();
    await connection.until((each) => each.complete);
    await expect.poll(() => rig.app.exchanges.open.size).toBe(0);
    expect((await other.ask({ path: '/chat' })).status).toBe(200);
  });

  it('leaves probes alone', async () => {
    const rig = await start(0);
    expect((await ask(rig.url, { path: '/livez' })).status).toBe(200);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { describe, expect, it } from 'vitest';
import exchanges, { type Exchange } from '../../../plugins/exchange/index.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { ask, open } from '../../helper/client.ts';
import { fastest } from '../upstream/fastest.ts';

const chat = { operation: 'chat' };

interface Rig {
  readonly app: FastifyInstance;
  readonly url: string;
  readonly settled: Exchange[];
  /** Resolves with the exchange that settles as number `count`. */
  settle(count?: number): Promise<Exchange>;
}

async function start(plan: (app: FastifyInstance) => void = () => {}, config: () => Config = () => ({}) as Config): Promise<Rig> {
  const app = Fastify({ forceCloseConnections: true });
  whenDone(() => app.close());
  await app.register(exchanges, { config });
  const settled: Exchange[] = [];
  app.exchanges.onSettled((exchange) => settled.push(exchange));
  app.post('/chat', { config: chat }, async (request) => ({ id: request.exchange.id }));
  app.get('/free', async (request) => ({ exchange: request.exchange }));
  plan(app);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const settle = async (count = 1) => {
    await expect.poll(() => settled.length, { interval: 2 }).toBeGreaterThanOrEqual(count);
    return settled[count - 1]!;
  };
  return { app, url, settled, settle };
}

const post = (path = '/chat', headers: Record<string, string> = {}) => ({ path, body: { prompt: 'x'.repeat(10_000) }, headers });

/** Takes the reply over and gives it to the test. */
function hijacking(path: string, take: (reply: FastifyReply, exchange: Exchange) => void) {
  return (app: FastifyInstance) => {
    app.post(path, { config: chat }, (request, reply) => {
      reply.hijack();
      take(reply, request.exchange);
    });
  };
}

describe('a healthy call', () => {
  it('is never cancelled, also one POST after another on one connection', async () => {
    const { url, settled, settle } = await start();
    const connection = await open(url);
    for (let count = 1; count <= 5; count++) {
      expect((await connection.ask(post())).status).toBe(200);
      await settle(count);
    }
    expect(settled.map(({ cancelled, status, outcome, reason }) => [cancelled, status, outcome, reason])).toEqual(
      Array.from({ length: 5 }, () => [null, 200, 'ok', null]),
    );
    expect(new Set(settled.map((each) => each.id)).size).toBe(5);
    connection.leave('fin');
  });

  it('that takes its time is not cancelled when its body has been read', async () => {
    const { url, settle } = await start((app) => {
      app.post('/slow', { config: chat }, async (request) => {
        await sleep(80);
        return { cancelled: request.exchange.cancelled };
      });
    });
    expect((await ask(url, post('/slow'))).body.toString()).toBe('{"cancelled":null}');
    expect((await settle()).cancelled).toBeNull();
  });

  it('is open until its response has closed, and settles after everything that holds it', async () => {
    let finish!: () => void;
    const { app, url, settled } = await start(
      hijacking('/held', (reply, exchange) => {
        exchange.hold();
        reply.raw.end('done');
        finish = () => exchange.release();
      }),
    );
    await ask(url, post('/held'));
    await sleep(20);
    expect([app.exchanges.open.size, settled.length]).toEqual([1, 0]);
    finish();
    expect([app.exchanges.open.size, settled.length]).toEqual([0, 1]);
    await app.exchanges.idle();
  });

  it('keeps the configuration it started with', async () => {
    let version = 1;
    const { url, settle } = await start(undefined, () => ({ version }) as unknown as Config);
    await ask(url, post());
    version = 2;
    await ask(url, post());
    expect([(await settle(1)).config, (await settle(2)).config]).toEqual([{ version: 1 }, { version: 2 }]);
  });

  it('is announced when it opens, and idle waits for the last one', async () => {
    let finish!: () => void;
    const { app, url } = await start(
      hijacking('/held', (reply) => {
        finish = () => reply.raw.end();
      }),
    );
    let opened = 0;
    app.exchanges.onOpened(() => opened++);
    const pending = ask(url, post('/held'));
    await expect.poll(() => opened).toBe(1);
    let idle = false;
    const waiting = app.exchanges.idle().then(() => {
      idle = true;
    });
    await sleep(20);
    expect(idle).toBe(false);
    finish();
    await pending;
    await waiting;
    expect(idle).toBe(true);
  });
});

describe('a caller who leaves', () => {
  it.each(['fin', 'rst'] as const)('C2: before any header is seen within 100 ms (%s)', async (how) => {
    let heard = 0;
    const { url, settle } = await start(
      hijacking('/silent', (reply, exchange) => {
        exchange.onCancel = () => {
          heard = performance.now();
        };
        void reply;
      }),
    );
    let count = 0;
    const took = await fastest(100, async () => {
      const connection = await open(url);
      connection.send(post('/silent'));
      await sleep(30);
      const left = performance.now();
      connection.leave(how);
      await settle(++count);
      return heard - left;
    });
    expect(took).toBeLessThan(100);
    expect(await settle()).toMatchObject({
      cancelled: 'client_closed',
      status: 499,
      outcome: 'cancelled',
      reason: 'client_closed',
    });
  });

  it.each(['fin', 'rst'] as const)('C2: in the middle of the response is seen within 100 ms (%s)', async (how) => {
    let heard = 0;
    const { url, settle } = await start(
      hijacking('/stream', (reply, exchange) => {
        exchange.onCancel = () => {
          heard = performance.now();
        };
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
        reply.raw.write('data: 1\n\n');
      }),
    );
    let count = 0;
    const took = await fastest(100, async () => {
      const connection = await open(url);
      connection.send(post('/stream'));
      await connection.saw('data: 1');
      const left = performance.now();
      connection.leave(how);
      await settle(++count);
      return heard - left;
    });
    expect(took).toBeLessThan(100);
    expect(await settle()).toMatchObject({ cancelled: 'client_closed', status: 499, outcome: 'cancelled' });
  });

  it('before the whole answer has left this process has not got it', async () => {
    const { url, settle } = await start(
      hijacking('/large', (reply) => {
        reply.raw.writeHead(200, { 'content-type': 'text/plain' });
        reply.raw.end(Buffer.alloc(64 * 1024 * 1024));
      }),
    );
    const connection = await open(url);
    connection.stall();
    connection.send(post('/large'));
    await sleep(100);
    connection.leave('rst');
    expect(await settle()).toMatchObject({ status: 499, outcome: 'cancelled', reason: 'client_closed' });
  });

  it('after the answer has got it', async () => {
    const { url, settle } = await start();
    const connection = await open(url);
    await connection.ask(post());
    connection.leave('rst');
    expect(await settle()).toMatchObject({ cancelled: null, status: 200, outcome: 'ok' });
  });
});

describe('what opens an exchange', () => {
  it('routes with an operation do, others do not', async () => {
    const { url, settled, settle } = await start();
    const free = await ask(url, { path: '/free' });
    expect(free.body.toString()).toBe('{"exchange":null}');
    expect(free.headers['x-request-id']).toBeUndefined();
    await ask(url, post());
    expect([(await settle()).operation, settled.length]).toEqual(['chat', 1]);
  });

  it('paths that are not known do, as unknown', async () => {
    const { url, settle } = await start();
    await ask(url, { path: '/nothing' });
    expect(await settle()).toMatchObject({ operation: 'unknown', status: 404 });
  });
});

describe('ids', () => {
  it.each(['abc', 'A-z_09', 'x'.repeat(64)])('x-request-id of the caller comes back: %s', async (id) => {
    const { url, settle } = await start();
    const reply = await ask(url, post('/chat', { 'x-request-id': id }));
    const exchange = await settle();
    expect([reply.headers['x-request-id'], exchange.requestId]).toEqual([id, id]);
    expect(reply.headers['x-postern-exchange-id']).toBe(exchange.id);
    expect(exchange.id).toMatch(/^ex_[0-9a-z]{20}$/);
  });

  it.each(['', 'x'.repeat(65), 'a b', 'a;b', 'a\tb', 'ä', '<script>', 'a, b', '../x', '$x'])(
    'security 39: x-request-id that is not well-formed is replaced by ours: %j',
    async (id) => {
      const { url, settle } = await start();
      const reply = await ask(url, post('/chat', { 'x-request-id': id }));
      const exchange = await settle();
      expect([exchange.requestId, reply.headers['x-request-id']]).toEqual([exchange.id, exchange.id]);
    },
  );

  it('no reply is to be stored, unless it says so itself', async () => {
    const { url } = await start((app) => {
      app.get('/kept', async (_request, reply) => {
        reply.header('cache-control', 'max-age=60');
        return {};
      });
    });
    expect((await ask(url, post())).headers['cache-control']).toBe('no-store');
    expect((await ask(url, { path: '/free' })).headers['cache-control']).toBe('no-store');
    expect((await ask(url, { path: '/kept' })).headers['cache-control']).toBe('max-age=60');
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import errors from '../../plugins/errors/index.ts';
import { apiServerOptions, managementServerOptions, type ServerLimits } from '../../plugins/http-server.ts';
import { filesWarning, ListenError, openListener } from '../../plugins/lifecycle/listen.ts';
import type { Config } from '../../schemas/config.ts';
import { chat } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open, ask as request, requestBytes } from '../helper/client.ts';
import { expectEnvelope } from '../helper/envelope.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { freePort } from '../helper/ports.ts';
import { entryPoint, node } from '../helper/process.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// What both listeners allow a caller, and that a start without one of these limits fails.

let upstream: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  gateway = await startGateway({ overlay: patient(upstream.url) });
});

async function connect(url: string): Promise<Connection> {
  const connection = await open(url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

const both: ServerLimits = {
  requestTimeout: 60_000,
  headersTimeout: 10_000,
  keepAliveTimeout: 72_000,
  connectionsCheckingInterval: 5_000,
  timeout: 720_000,
  maxHeaderSize: 16_384,
  maxHeadersCount: 1_000,
  maxRequestsPerSocket: 0,
  maxConnections: 10_000,
};
const names = Object.keys(both) as (keyof ServerLimits)[];
const limitsOn = (server: Server) =>
  Object.fromEntries(names.map((name) => [name, (server as unknown as Record<string, unknown>)[name]]));

describe('security 23: every limit', () => {
  test('is in force on the API listener', () => {
    expect(limitsOn(gateway.gateway.api.server)).toEqual(both);
  });

  test('is in force on the management listener', () => {
    expect(limitsOn(gateway.gateway.management.server)).toEqual({ ...both, timeout: 120_000, maxConnections: 1_000 });
  });

  test('comes from its setting', async () => {
    const server = {
      body_timeout: '61s',
      header_timeout: '62s',
      keep_alive_timeout: '63s',
      write_timeout: '64s',
      max_header_size: '17KiB',
      max_requests_per_socket: 65,
      max_connections: 66,
      keep_alive_comments: '0s',
    };
    const other = await startGateway({
      overlay: patient(upstream.url, { server, management: { max_connections: 67 }, timeouts: { total: '900s' } }),
    });
    const set = {
      ...both,
      requestTimeout: 61_000,
      // No longer than the whole request: Node refuses to start with more.
      headersTimeout: 61_000,
      keepAliveTimeout: 63_000,
      maxHeaderSize: 17 * 1024,
      maxRequestsPerSocket: 65,
    };
    expect(limitsOn(other.gateway.api.server)).toEqual({ ...set, timeout: 1_025_000, maxConnections: 66 });
    expect(limitsOn(other.gateway.management.server)).toEqual({ ...set, timeout: 125_000, maxConnections: 67 });
  });

  test.each(names)('missing from the server (%s) fails the start of either listener, by its name', async (name) => {
    const { config } = gateway;
    for (const options of [apiServerOptions, managementServerOptions]) {
      const app = Fastify(options(config, Fastify().log)) as unknown as FastifyInstance;
      whenDone(() => app.close());
      Object.assign(app.server, { [name]: undefined });
      const opening = openListener(app, '127.0.0.1:0', 'LISTEN');
      await expect(opening).rejects.toThrow(ListenError);
      await expect(opening).rejects.toThrow(new RegExp(`has ${name} undefined instead of \\d+ .*LISTEN`));
      expect(app.server.listening).toBe(false);
    }
  });

  test.each(['body_timeout', 'header_timeout', 'keep_alive_timeout', 'max_header_size'])(
    'switched off (%s: 0) fails the start, by its name',
    async (setting) => {
      const overlay = patient(upstream.url, { server: { [setting]: '0' } });
      await expect(startGateway({ overlay })).rejects.toThrow(
        /(?:body_timeout|header_timeout|keep_alive_timeout|max_header_size) is 0/,
      );
    },
  );

  test('is also in force on the second address of localhost', async () => {
    vi.resetModules();
    const found = [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ];
    vi.doMock('node:dns/promises', () => ({ lookup: async () => found }));
    whenDone(() => vi.doUnmock('node:dns/promises'));
    const server = await import('../../plugins/http-server.ts');
    const listen = await import('../../plugins/lifecycle/listen.ts');
    const limited = { ...gateway.config, server: { ...gateway.config.server, max_header_size: 2_000 } } as Config;
    const app = Fastify(server.apiServerOptions(limited, Fastify().log)) as unknown as FastifyInstance;
    whenDone(() => app.close());
    await app.register(errors, { notFound: () => 'Nothing is here.' });
    app.get('/', async () => 'hello');
    const { port } = new URL(await listen.openListener(app, 'localhost:0', 'LISTEN'));
    for (const url of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
      const host = url.includes('localhost') ? '::1' : '127.0.0.1';
      const ask = async (bytes: string) => {
        const connection = await connectTo(host, Number(port));
        connection.send(Buffer.from(bytes));
        return connection.until((reply) => reply.complete, 2_000);
      };
      expect((await ask('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')).body.toString()).toBe('hello');
      expect((await ask(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(3_000)}\r\n\r\n`)).status).toBe(431);
      expectEnvelope(await ask('CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n'));
      expectEnvelope(await ask('GET / HTTP/1.1\r\nhost: a\r\nexpect: magic\r\n\r\n'));
    }
    await app.close();
    await expect(connectTo('::1', Number(port))).rejects.toThrow('ECONNREFUSED');
  });
});

/** `open` for an address that a URL of the helper cannot name. */
async function connectTo(host: string, port: number): Promise<Connection> {
  const { connect } = await import('node:net');
  const socket = connect({ host, port });
  await once(socket, 'connect');
  const { Connection } = await import('../helper/client.ts');
  const connection = new Connection(socket);
  whenDone(() => connection.leave('fin'));
  return connection;
}

describe('C10: the last request a connection may carry', () => {
  let limited: TestGateway;

  beforeAll(async () => {
    const server = { max_requests_per_socket: 3, keep_alive_comments: '0s' };
    limited = await startGateway({ overlay: patient(upstream.url, { server }) });
  });

  test.each([
    ['a JSON answer', { body: ask() }],
    ['a stream', { body: ask({ stream: true }) }],
    ['an answer of its own', { path: '/v1/models' }],
    ['an error', { path: '/v1/nothing' }],
  ])('ends it politely (%s): connection: close, then the end', async (_name, last) => {
    const connection = await connect(limited.url);
    for (const _ of [1, 2]) expect((await connection.ask({ path: '/v1/models' })).headers.connection).toBe('keep-alive');
    const reply = await connection.ask(last);
    expect(reply).toMatchObject({ complete: true, headers: { connection: 'close' } });
    expect((await connection.closed(1_000)).ended).toBe('fin');
  });

  test('has none behind it: those sent at once are not handled, and no bare 503 is written', async () => {
    const calls = upstream.calls.length;
    const connection = await connect(limited.url);
    connection.send(Buffer.concat(Array.from({ length: 8 }, () => requestBytes({ body: ask() }))));
    await connection.closed(3_000);
    expect(connection.raw.toString().match(/HTTP\/1\.1 \d+/g)).toEqual(Array(3).fill('HTTP/1.1 200'));
    expect(upstream.calls).toHaveLength(calls + 3);
  });
});

describe('C10: requests sent before the one in front of them is answered', () => {
  const calls = (count: number) => Buffer.concat(Array.from({ length: count }, () => requestBytes({ path: '/v1/models' })));

  test('are answered while at most 100 of them wait, however many there are in all', async () => {
    const connection = await connect(gateway.url);
    for (let round = 1; round <= 3; round++) {
      connection.socket.write(calls(101));
      await expect.poll(() => connection.raw.toString().match(/HTTP\/1\.1 200/g)?.length).toBe(round * 101);
    }
  });

  test('end the connection when more of them wait, and the rest of the packet is not handled', async () => {
    let handled = 0;
    gateway.gateway.api.exchanges.onSettled(() => handled++);
    const connection = await connect(gateway.url);
    connection.socket.write(calls(1_000));
    await connection.closed(2_000);
    expect(handled).toBeLessThanOrEqual(101);
  });
});

test('C10: a call sent behind another one may take longer than an answer may wait for its reader', async () => {
  const slow = opened(
    await startUpstream(async (call, wire) => {
      await sleep(1_200);
      return chat(call, wire);
    }),
  );
  const { url } = await startGateway({ overlay: patient(slow.url, { server: { write_timeout: '300ms' } }) });
  const connection = await connect(url);
  connection.socket.write(Buffer.concat([requestBytes({ path: '/v1/models' }), requestBytes({ body: ask() })]));
  await expect.poll(() => connection.raw.toString().match(/HTTP\/1\.1 200/g)?.length, { timeout: 4_000 }).toBe(2);
});

describe('C6: too many connections', () => {
  /** Of 40, the last 2 are told. */
  const crowded = () =>
    startGateway({
      overlay: patient(upstream.url, {
        server: { max_connections: 40, keep_alive_comments: '0s' },
        management: { max_connections: 2 },
      }),
    });
  const crowd = (url: string, count: number) => Promise.all(Array.from({ length: count }, () => connect(url)));

  test('are told so with 503 and a wait, on connections that end; the management listener still answers', async () => {
    const { url, managementUrl } = await crowded();
    const busy = await crowd(url, 38);
    for (const connection of busy) connection.socket.write('GET /v1/models HTTP/1.1\r\n');
    const late = await connect(url);
    const reply = await late.ask({ body: ask() });
    expect(reply).toMatchObject({ status: 503, headers: { connection: 'close', 'retry-after': '1', 'x-should-retry': 'true' } });
    expect(expectEnvelope(reply).code).toBe('gateway_overloaded');
    expect((await late.closed(1_000)).ended).toBe('fin');
    expect((await request(managementUrl, { path: '/livez' })).status).toBe(200);
    busy[0]!.leave('fin');
    await expect.poll(async () => (await request(url, { path: '/v1/models' })).status).toBe(200);
  });

  test('beyond the last one are closed without an answer', async () => {
    const { url } = await crowded();
    const busy = await crowd(url, 40);
    for (const connection of busy) connection.socket.write('GET /v1/models HTTP/1.1\r\n');
    const late = await connect(url);
    late.socket.write(requestBytes({ body: ask() }));
    await late.closed(1_000);
    expect(late.raw.length).toBe(0);
  });

  test('make room by ending those that are kept open without a call', async () => {
    const { url } = await crowded();
    const idle = await crowd(url, 38);
    for (const connection of idle) expect((await connection.ask({ path: '/v1/models' })).status).toBe(200);
    const slow = await connect(url);
    expect((await slow.ask({ path: '/v1/models' })).status).toBe(503);
    for (const connection of idle) await connection.closed(1_000);
    expect((await request(url, { path: '/v1/models' })).status).toBe(200);
  });

  test('are a limit of the management listener too', async () => {
    const { managementUrl } = await crowded();
    await crowd(managementUrl, 2);
    const late = await connect(managementUrl);
    late.socket.write(requestBytes({ path: '/livez' }));
    await late.closed(1_000);
    expect(late.raw.length).toBe(0);
  });
});

describe('open files', () => {
  const server = { maxConnections: 10_000 } as Server;

  test('that suffice, or cannot be told, are no warning', () => {
    expect(filesWarning(server, 10_064)).toBeNull();
    expect(filesWarning(server, null)).toBeNull();
  });

  test('that do not suffice for max_connections are a warning with the number to set', () => {
    expect(filesWarning(server, 1_024)).toMatch(/max_connections is 10000.* 1024 files.*ulimit -n\) to 10064/);
  });

  test('are looked at when the process starts', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'postern-files-'));
    const listen = { LISTEN: `127.0.0.1:${await freePort()}`, MANAGEMENT_LISTEN: `127.0.0.1:${await freePort()}` };
    const env = { PATH: process.env.PATH ?? '', NODE_ENV: 'test', LOG_LEVEL: 'info', DATA_DIR: scratch, ...listen };
    const child = spawn('sh', ['-c', 'ulimit -n 500 && exec "$0" "$1"', node, entryPoint()], { cwd: scratch, env });
    whenDone(async () => {
      if (child.exitCode === null) child.kill('SIGKILL');
      await gone;
      rmSync(scratch, { recursive: true, force: true });
    });
    const gone = once(child, 'close');
    let log = '';
    child.stdout.on('data', (chunk) => {
      log += chunk;
    });
    await expect.poll(() => log, { timeout: 15_000 }).toContain('"listening"');
    expect(log).toMatch(/LISTEN: max_connections is 10000, and this process may open 500 files/);
    expect(log).toMatch(/MANAGEMENT_LISTEN: max_connections is 1000, and this process may open 500 files/);
  });
});

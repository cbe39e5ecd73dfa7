import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, chunk } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, open, requestBytes } from '../helper/client.ts';
import { ask, patient, provider } from '../helper/overlay.ts';
import { type GatewayProcess, startProcess } from '../helper/process.ts';
import { framed, headOf } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// Callers who hold connections without using them, against a process of its own. SLOW_CONNECTIONS sets how many, for a
// longer run by hand: `SLOW_CONNECTIONS=5000 vitest run test/e2e/slow-attacks.test.ts`.

const connections = Number(process.env.SLOW_CONNECTIONS ?? 320);
/** Milliseconds, written as in a file. */
const limits = { header_timeout: '1s', body_timeout: '2s', keep_alive_timeout: '1s', write_timeout: '1s' };
/** Milliseconds between two looks of the server for slow requests, and what a loaded machine may add. */
const checked = 5_000 + 1_500;
/** Node keeps a connection this much longer than it says to the caller. */
const keepAliveBuffer = 1_000;

let upstream: Upstream;
let gateway: GatewayProcess;
const agent = new Agent({ connections: 64 });

beforeAll(async () => {
  upstream = opened(await startUpstream(chat, { forget: true }));
  const server = { ...limits, max_connections: 20_000, keep_alive_comments: '0s' };
  // A list of models that is long enough to fill the buffers of a connection with few calls.
  const models = Array.from({ length: 1_500 }, (_, index) => `a-model-of-some-length-${index}`);
  const providers = { up: provider(upstream.url, { models }) };
  const file = JSON.stringify(patient(upstream.url, { server, providers }));
  gateway = opened(await startProcess({ file, env: { LOG_LEVEL: 'silent' } }));
});
afterAll(() => agent.close());

interface Load {
  /** Milliseconds of each call that came back, ascending. */
  readonly took: number[];
  readonly failed: string[];
}

/** Calls at a fixed rate, whatever becomes of them, for `ms`. */
async function load(ms: number, everyMs = 20): Promise<Load> {
  const took: number[] = [];
  const failed: string[] = [];
  const calls: Promise<void>[] = [];
  const call = async () => {
    const began = performance.now();
    try {
      const options = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(ask()) } as const;
      const reply = await request(`${gateway.url}/v1/chat/completions`, { ...options, dispatcher: agent });
      await reply.body.text();
      if (reply.statusCode === 200) took.push(performance.now() - began);
      else failed.push(String(reply.statusCode));
    } catch (error) {
      failed.push(String(error));
    }
  };
  const until = performance.now() + ms;
  while (performance.now() < until) {
    calls.push(call());
    await sleep(everyMs);
  }
  await Promise.all(calls);
  return { took: took.sort((a, b) => a - b), failed };
}

const at = ({ took }: Load, share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))]!;

/** What one slow caller does once it is connected, and the limit that ends it, in milliseconds. */
interface Attack {
  readonly name: string;
  readonly limit: number;
  begin(connection: Connection): unknown;
}

const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';

/** Sends a little more each half second, so that the connection is never idle. */
function drip(connection: Connection, text: string): void {
  const timer = setInterval(() => connection.socket.write(text), 500);
  connection.socket.once('close', () => clearInterval(timer));
}

const attacks: readonly Attack[] = [
  {
    name: 'headers that never end',
    limit: 1_000,
    begin(connection) {
      connection.socket.write(head);
      drip(connection, 'x-more: y\r\n');
    },
  },
  {
    name: 'a body that never ends',
    limit: 2_000,
    begin(connection) {
      connection.socket.write(`${head}content-length: 100000\r\n\r\n{"model":"m","messages":[`);
      drip(connection, ' ');
    },
  },
  {
    name: 'a body in chunks that never ends',
    limit: 2_000,
    begin(connection) {
      connection.socket.write(`${head}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`);
      drip(connection, '1\r\n \r\n');
    },
  },
  { name: 'nothing at all', limit: 1_000, begin: () => {} },
  {
    name: 'one call and nothing more',
    limit: 1_000 + keepAliveBuffer,
    begin: (connection) => connection.socket.write('GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
  },
];

/** Connects `count` callers, in turns so that the queue of new connections does not overflow; each begins at once. */
async function connectAll(
  count: number,
  begin: (connection: Connection, index: number) => unknown = () => {},
): Promise<Connection[]> {
  const all: Connection[] = [];
  const connect = async () => {
    const connection = await open(gateway.url);
    begin(connection, all.push(connection) - 1);
  };
  while (all.length < count) await Promise.all(Array.from({ length: Math.min(100, count - all.length) }, connect));
  whenDone(() => {
    for (const connection of all) connection.leave('rst');
  });
  return all;
}

describe('C5, C6, G18: slow callers', () => {
  test(`of every kind are cut in time, and ${connections} of them fail no good call and hold none up`, {
    timeout: 180_000,
    retry: 1,
  }, async () => {
    await load(500);
    const alone = await load(2_000);
    const cut: number[] = [];
    const crowd = await connectAll(connections, (connection, index) => {
      const began = performance.now();
      connection.socket.once('close', () => {
        cut[index] = performance.now() - began;
      });
      attacks[index % attacks.length]!.begin(connection);
    });
    const beside = await load(7_700);
    const kinds = attacks.map(({ name, limit }, kind) => {
      const times = crowd.flatMap((_, index) =>
        index % attacks.length === kind ? [cut[index] ?? Number.POSITIVE_INFINITY] : [],
      );
      return { name, limit, first: Math.min(...times), last: Math.max(...times) };
    });
    for (const { name, limit, first, last } of kinds) {
      expect(first, name).toBeGreaterThan(limit * 0.8);
      expect(last, name).toBeLessThan(limit + checked);
    }
    const figures = [alone, beside].map((each) => ({ p50: at(each, 0.5), p95: at(each, 0.95), p99: at(each, 0.99) }));
    if (process.env.SLOW_CONNECTIONS !== undefined) console.log(JSON.stringify({ connections, kinds, figures }));
    expect([...alone.failed, ...beside.failed]).toEqual([]);
    const [quiet, busy] = figures as [(typeof figures)[0], (typeof figures)[0]];
    expect(busy.p50).toBeLessThan(quiet.p50 * 1.2 + 10);
    expect(busy.p95).toBeLessThan(quiet.p95 * 1.2 + 50);
    // The connects come at once and so do the ends of all slow callers: 190 ms for 400 when all processes share one core.
    expect(busy.p99).toBeLessThan(quiet.p99 * 1.2 + 200 + connections / 2);
  });
});

const filler = 'y'.repeat(16_000);

/** A stream of about `bytes`, written as fast as it is taken; counts what was. */
function flood(bytes: number, taken: { bytes: number }): Script {
  return async (_call, wire) => {
    await wire.send(headOf(200, 'chunked', 0, { 'content-type': 'text/event-stream' }));
    for (let sent = 0; sent < bytes && !wire.closed; sent += filler.length) {
      const event = Buffer.from(`${chunk({ content: filler })}\n\n`);
      await wire.send(framed(event, 'chunked'));
      if (!wire.closed) taken.bytes += event.length;
    }
    await wire.send(framed(Buffer.from(`${chunk({}, 'stop')}\n\ndata: [DONE]\n\n`), 'chunked'));
    await wire.send('0\r\n\r\n');
  };
}

/** Resident memory of the gateway in KiB. */
const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8'))![1]);

/** Bytes to which Linux lets a TCP buffer grow by itself (tcp(7): the third number of tcp_rmem and tcp_wmem). */
const largestBuffer = (which: 'rmem' | 'wmem'): number =>
  Number(readFileSync(`/proc/sys/net/ipv4/tcp_${which}`, 'utf8').trim().split(/\s+/)[2]);

/** Asks for a stream and takes nothing of it. */
function neverRead(connection: Connection): void {
  connection.stall();
  connection.socket.write(requestBytes({ body: ask({ stream: true }) }));
}

describe('C4, G10: callers who do not read', () => {
  test(`cost at most 256 KiB each on answers of 1 MB, and ${Math.floor(connections / 2)} of them fail no good call`, {
    timeout: 180_000,
    retry: 1,
  }, async () => {
    const count = Math.floor(connections / 2);
    const taken = { bytes: 0 };
    upstream.script = (call, wire) => ((call.json as { stream?: true }).stream ? flood(1_000_000, taken) : chat)(call, wire);
    // The same answers, read: what remains is the heap that passing them on takes, with or without slow callers.
    const readers = await connectAll(count, (connection) => connection.send({ body: ask({ stream: true }) }));
    await Promise.all(readers.map((connection) => connection.until((reply) => reply.complete, 60_000)));
    for (const connection of readers.splice(0)) connection.leave('fin');
    const base = resident();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, resident());
    }, 100);
    whenDone(() => clearInterval(watch));
    await connectAll(count, neverRead);
    const beside = await load(2_000, 50);
    if (process.env.SLOW_CONNECTIONS !== undefined) {
      console.log(JSON.stringify({ count, base, most, each: (most - base) / count, taken: taken.bytes, p99: at(beside, 0.99) }));
    }
    expect(beside.failed).toEqual([]);
    expect(beside.took.length).toBeGreaterThan(10);
    expect((most - base) / count).toBeLessThan(256);
  });

  test('make the provider wait, and are cut after write_timeout', async () => {
    // What the kernel may hold of it: the sending and the receiving end of both connections, whose buffers grow by themselves.
    const inKernel = 2 * (largestBuffer('rmem') + largestBuffer('wmem'));
    const taken = { bytes: 0 };
    const before = resident();
    upstream.script = flood(inKernel + 512_000_000, taken);
    const [connection] = await connectAll(1);
    neverRead(connection!);
    let stalled = -1;
    while (stalled !== taken.bytes) {
      stalled = taken.bytes;
      await sleep(400);
    }
    expect(stalled).toBeGreaterThan(0);
    expect(stalled).toBeLessThan(inKernel + 32_000_000);
    expect((resident() - before) * 1024).toBeLessThan(64_000_000);
    const began = performance.now();
    await expect.poll(() => upstream.open(), { timeout: 6_000 }).toBe(0);
    expect(performance.now() - began).toBeLessThan(4_000);
    upstream.script = chat;
  });

  test('the answers of this gateway itself are cut too, however many they ask for', async () => {
    const connection = await open(gateway.url);
    whenDone(() => connection.leave('rst'));
    connection.stall();
    // In one packet and whole: no request is under way any more, so no limit on requests ends it.
    connection.socket.write('GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'.repeat(100));
    let ended = false;
    connection.socket.once('close', () => {
      ended = true;
    });
    await sleep(4_000);
    // A connection that is not read from shows its end to a writer, at the second write.
    for (const letter of 'GET ') {
      connection.socket.write(letter);
      await sleep(200);
    }
    expect(ended).toBe(true);
  });
});

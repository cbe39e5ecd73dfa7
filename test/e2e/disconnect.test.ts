import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chat, chunk } from '../helper/chat.ts';
import { opened, whenDone } from '../helper/cleanup.ts';
import { type Connection, jsonOf, open, requestBytes, textOf } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import type { RecordedCall } from '../helper/http-request.ts';
import { ask, inPriority } from '../helper/overlay.ts';
import { paced, silence } from '../helper/replies.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// The caller leaves: the upstream socket is closed within 100 ms and what was used is in the ledger.

let upstream: Upstream;
let second: Upstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  second = opened(await startUpstream(chat));
  gateway = await startGateway({ overlay: inPriority({ up: upstream.url, second: second.url }) });
});

beforeEach(() => upstream.hangUp());

async function connect(): Promise<Connection> {
  const connection = await open(gateway.url);
  whenDone(() => connection.leave('fin'));
  return connection;
}

/** Leaves and resolves with the milliseconds until the upstream saw its own socket closed. */
async function leave(connection: Connection, call: RecordedCall, how: 'fin' | 'rst'): Promise<number> {
  const at = performance.now();
  connection.leave(how);
  await expect.poll(() => call.abortedAt, { timeout: 2_000, interval: 2 }).not.toBeNull();
  return call.abortedAt! - at;
}

async function lastRow(count: number) {
  const rows = await gateway.ledgerRows(count);
  expect(rows).toHaveLength(count);
  return rows.at(-1)!;
}

// 100 ms is a promise for a machine that has time: a run that another process delayed is repeated.
describe.each(['fin', 'rst'] as const)('by %s', { retry: 2 }, (how) => {
  test.each([{ stream: false }, { stream: true }])(
    'C2 G11: before the headers (stream $stream) closes the upstream socket and settles once',
    async ({ stream }) => {
      upstream.script = silence;
      const rows = (await gateway.ledgerRows()).length;
      const connection = await connect();
      connection.send({ body: ask({ stream }) });
      const call = await upstream.arrived(upstream.calls.length + 1);
      expect(await leave(connection, call, how)).toBeLessThan(100);
      const row = await lastRow(rows + 1);
      expect(row).toMatchObject({ outcome: 'cancelled', reason: 'client_closed', status: 499, usage_source: 'estimated' });
      expect(row.input).toBeGreaterThan(0);
      expect(second.calls).toHaveLength(0);
    },
  );

  test('C2 G11: mid-stream closes the upstream socket and charges what was forwarded', async () => {
    const words = Array.from({ length: 200 }, (_, index) => chunk({ content: `word${index} ` }));
    upstream.script = paced(words, 10);
    const rows = (await gateway.ledgerRows()).length;
    const connection = await connect();
    connection.send({ body: ask({ stream: true }) });
    await connection.saw('word20 ');
    const call = upstream.calls.at(-1)!;
    expect(await leave(connection, call, how)).toBeLessThan(100);
    const row = await lastRow(rows + 1);
    expect(row).toMatchObject({ outcome: 'cancelled', reason: 'client_closed', usage_source: 'estimated' });
    expect(row.output).toBeGreaterThan(20);
    expect(row.output).toBeLessThan(200);
  });
});

test('C1: before anything is sent upstream: no attempt is left open', async () => {
  const connection = await connect();
  connection.socket.write(
    'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"mod',
  );
  await sleep(20);
  const [before, calls] = [(await gateway.ledgerRows()).length, upstream.calls.length];
  connection.leave('rst');
  await sleep(50);
  expect(await gateway.ledgerRows()).toHaveLength(before);
  expect(upstream.calls).toHaveLength(calls);
});

test('a healthy POST is never aborted: 100 in a row on one connection, streamed and not', async () => {
  upstream.script = async (call, wire) => {
    await sleep(3);
    await chat(call, wire);
  };
  const before = (await gateway.ledgerRows()).length;
  const connection = await connect();
  for (let count = 0; count < 100; count++) {
    const reply = await connection.ask({ body: ask({ stream: count % 2 === 1 }) });
    expect(reply).toMatchObject({ status: 200, complete: true });
    if (count % 2 === 1) expect(textOf(reply.body)).toBe('Hello there');
    else expect(jsonOf(reply)).toHaveProperty('choices');
  }
  const rows = (await gateway.ledgerRows(before + 100)).slice(before);
  expect(rows).toHaveLength(100);
  expect(new Set(rows.map((row) => row.outcome))).toEqual(new Set(['ok']));
});

test('C10: two pipelined requests are answered in order', async () => {
  upstream.script = chat;
  const connection = await connect();
  connection.send(
    Buffer.concat([
      requestBytes({ body: ask() }),
      requestBytes({ body: ask({ stream: true }), headers: { connection: 'close' } }),
    ]),
  );
  await connection.until(() => connection.raw.includes('data: [DONE]'));
  const text = connection.raw.toString();
  expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  expect(text.indexOf('chat.completion"')).toBeLessThan(text.indexOf('chat.completion.chunk'));
});

test('G9: 300 clients that leave mid-stream leave no socket, no open row and no exchange in flight', async () => {
  upstream.script = paced(
    Array.from({ length: 500 }, () => chunk({ content: 'x ' })),
    5,
  );
  const before = (await gateway.ledgerRows()).length;
  for (let round = 0; round < 6; round++) {
    const batch = await Promise.all(Array.from({ length: 50 }, () => open(gateway.url)));
    await Promise.all(
      batch.map(async (connection) => {
        connection.send({ body: ask({ stream: true }) });
        await connection.saw('"x "');
        connection.leave('rst');
      }),
    );
  }
  await expect.poll(() => upstream.open(), { timeout: 2_000 }).toBe(0);
  expect(await gateway.ledgerRows(before + 300)).toHaveLength(before + 300);
  expect(gateway.gateway.api.usage.openCount()).toBe(0);
});

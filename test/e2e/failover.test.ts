import { beforeAll, describe, expect, test } from 'vitest';
import { chat } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, ask as request, streamError, textOf } from '../helper/client.ts';
import { canary, faults } from '../helper/faults.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { readLedger, settledRows } from '../helper/ledger.ts';
import { ask, inPriority, neverOpen } from '../helper/overlay.ts';
import { blackhole, freePort } from '../helper/ports.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// Two targets, the first one broken: until content has been forwarded, the caller sees none of it.

let bad: Upstream;
let good: Upstream;
let gateway: TestGateway;
let dark: string;

const unlimited = { budget: { ratio: 1, min_per_second: 1000, window: '10s' } };
const timeouts = { connect: '300ms', first_byte: '300ms', first_content: '400ms', idle: '400ms', total: '5s' };

beforeAll(async () => {
  bad = opened(await startUpstream(() => {}));
  good = opened(await startUpstream(chat));
  dark = `http://127.0.0.1:${opened(await blackhole()).port}/v1`;
  gateway = await startGateway({
    log: 'trace',
    overlay: inPriority(
      { bad: bad.url, good: good.url },
      { health: { ...neverOpen, max_rest: '0s' }, timeouts, retries: unlimited },
    ),
  });
});

/** Rows of one exchange, in order. */
async function rowsOf(from: TestGateway, exchange: string | undefined, count: number) {
  const rows = await settledRows(from.dataDir, count);
  return rows.filter((row) => row.exchange === exchange);
}

describe.each([{ stream: false }, { stream: true }])('stream $stream', ({ stream }) => {
  const seen = faults.filter(({ only }) => only === undefined || (only === 'stream') === stream);

  test.each(seen)('$id: $name is hidden by the second target', async ({ script, reason }) => {
    await bad.hangUp();
    bad.script = script;
    const { calls } = good;
    const before = calls.length;
    const body = ask({ stream });
    const reply = await request(gateway.url, { body });
    expect(reply.status).toBe(200);
    expect(
      stream ? textOf(reply.body) : jsonOf<{ choices: { message: { content: string } }[] }>(reply).choices[0]?.message.content,
    ).toBe('Hello there');
    if (stream) expect(streamError(reply.body)).toBeNull();
    expect(reply.headers).toMatchObject({ 'x-postern-attempts': '2', 'x-postern-provider': 'good' });
    expect(calls.length).toBe(before + 1);
    const rows = await rowsOf(gateway, reply.headers['x-postern-exchange-id'], 2);
    expect(rows.map((row) => [row.provider, row.outcome, row.reason])).toEqual([
      ['bad', 'failed', reason],
      ['good', 'ok', null],
    ]);
  });

  test('U1: a refused connection is hidden by the second target, at once', { retry: 2 }, async () => {
    const refused = await startGateway({
      overlay: inPriority({ bad: `http://127.0.0.1:${await freePort()}/v1`, good: good.url }),
    });
    const began = performance.now();
    const reply = await request(refused.url, { body: ask({ stream }) });
    expect(performance.now() - began).toBeLessThan(200);
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-attempts': '2' } });
    const rows = await rowsOf(refused, reply.headers['x-postern-exchange-id'], 2);
    expect(rows[0]).toMatchObject({ provider: 'bad', outcome: 'failed', reason: 'connect', unsent: 1, usage_source: 'none' });
  });

  test('U3: a connection that is never accepted is hidden by the second target after the connect timeout', {
    retry: 2,
  }, async () => {
    const stuck = await startGateway({ overlay: inPriority({ bad: dark, good: good.url }, { timeouts }) });
    const began = performance.now();
    const reply = await request(stuck.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-attempts': '2' } });
    expect(performance.now() - began).toBeLessThan(1_000);
    const rows = await rowsOf(stuck, reply.headers['x-postern-exchange-id'], 2);
    expect(rows[0]).toMatchObject({ provider: 'bad', outcome: 'failed', reason: 'connect', unsent: 1 });
  });
});

test('no key, address, markup or stack of an upstream is in the log or the ledger', () => {
  const text = `${JSON.stringify(gateway.logs())}${JSON.stringify(readLedger(gateway.dataDir))}`;
  expect(text.length).toBeGreaterThan(1_000);
  for (const part of canary.split(' ').filter((each) => each.length > 7)) expect(text).not.toContain(part);
});

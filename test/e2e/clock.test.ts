import { expect, test, vi } from 'vitest';
import { chat, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { ask as request } from '../helper/client.ts';
import { startGateway } from '../helper/gateway.ts';
import { readLedger } from '../helper/ledger.ts';
import { ask, patient } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// The wall clock is set while calls are under way: durations, waits and deadlines are measured on the other one.

const hour = 3_600_000;

/** From now on the wall clock is off by `ms`. */
function shift(ms: number): void {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);
}

test.each([
  ['back', -hour],
  ['forward', hour],
])('T1: a wall clock set %s by an hour while a call is under way changes neither its duration nor its end', async (_how, by) => {
  const upstream = opened(
    await startUpstream(async (call, wire) => {
      shift(by);
      await new Promise((resolve) => setTimeout(resolve, 60));
      await chat(call, wire);
    }),
  );
  const gateway = await startGateway({ overlay: patient(upstream.url, { timeouts: { total: '2s' } }) });
  expect((await request(gateway.url, { body: ask() })).status).toBe(200);
  vi.restoreAllMocks();
  await gateway.ledgerRows(1);
  const [row] = readLedger(gateway.dataDir) as unknown as { total_ms: number; first_content_ms: number; state: string }[];
  expect(row!.state).toBe('settled');
  for (const ms of [row!.total_ms, row!.first_content_ms]) {
    expect(ms).toBeGreaterThan(40);
    expect(ms).toBeLessThan(1_500);
  }
});

test.each([
  ['back', -hour],
  ['forward', hour],
])('T1: a wall clock set %s by an hour neither ends nor lengthens a wait that a provider asked for', async (_how, by) => {
  const limited = json(429, errorBody('slow down', 'requests', 'rate_limit_exceeded'), { 'retry-after': '30' });
  const upstream = opened(await startUpstream(limited));
  const gateway = await startGateway({ overlay: patient(upstream.url) });
  expect((await request(gateway.url, { body: ask() })).status).toBe(429);
  shift(by);
  const reply = await request(gateway.url, { body: ask() });
  expect(reply.status).toBe(429);
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(20);
  // By chance up to half as long again.
  expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(45);
  expect(upstream.calls).toHaveLength(1);
});

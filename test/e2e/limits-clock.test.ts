import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { chat } from '../helper/chat.ts';
import { whenDone } from '../helper/cleanup.ts';
import { jsonOf, type Reply } from '../helper/client.ts';
import { readLedger } from '../helper/ledger.ts';
import { gated, startLimited } from '../helper/limited.ts';

// The wall clock is set while limits count: budgets go by the calendar, once for each period; rates go by durations.

const hour = 3_600_000;
const real = Date.now.bind(Date);
/** Milliseconds by which the wall clock is off. */
let off = 0;

/** 20 minutes into an hour that is not the last one of its day: a step of an hour goes over one border of hours and none of days. */
function midHour(): number {
  const now = real();
  return Math.floor(now / (24 * hour)) * 24 * hour + 12 * hour + hour / 3 - now;
}

beforeEach(() => {
  off = midHour();
  // Before the gateway is built, which keeps the function.
  vi.spyOn(Date, 'now').mockImplementation(() => real() + off);
});

const hourly = { budgets: [{ requests: 2, period: 'hour' }] };

/** Nothing that a caller is told to wait for lies in the past. */
function expectNoNegativeWait({ headers }: Reply): void {
  for (const [name, value] of Object.entries(headers)) {
    if (name === 'retry-after') expect(Number(value)).toBeGreaterThanOrEqual(1);
    if (name.startsWith('x-ratelimit-reset-')) expect(value).toMatch(/^\d/);
  }
}

test.each(['fixed_window', 'sliding_window', 'token_bucket'])(
  'G25: ±1 h over the end of an hour: a budget is there anew once for each hour, a rate by %s not at all',
  async (algorithm) => {
    const { call, standing } = await startLimited({
      scripts: [chat],
      keys: {
        hourly: { ...hourly, rate_limits: { tokens_per_day: 90_000 } },
        rated: { rate_limits: { requests_per_minute: 2, requests_per_day: 3 } },
      },
      overlay: { limits: { algorithm } },
    });
    const asked = async (name: string): Promise<number> => {
      const reply = await call(name, { max_tokens: 3 });
      expectNoNegativeWait(reply);
      if (reply.status === 429 && name === 'rated') expect(Number(reply.headers['retry-after'])).toBeLessThan(200);
      return reply.status;
    };
    const twice = async (): Promise<number[]> => [await asked('hourly'), await asked('hourly'), await asked('hourly')];
    expect(await twice()).toEqual([200, 200, 429]);
    expect([await asked('rated'), await asked('rated'), await asked('rated')]).toEqual([200, 200, 429]);
    // Forward into the next hour, back, there again, back into the hour before.
    for (const [by, statuses] of [
      [hour, [200, 200, 429]],
      [-hour, [429, 429, 429]],
      [hour, [429, 429, 429]],
      [-2 * hour, [200, 200, 429]],
      [hour, [429, 429, 429]],
    ] as const) {
      off += by;
      expect(await twice()).toEqual(statuses);
      expect(await asked('rated')).toBe(429);
      for (const { used, reset_at } of await standing('hourly')) {
        expect(Number(used)).toBeGreaterThan(0);
        if (reset_at !== null) expect(reset_at * 1000).toBeGreaterThanOrEqual(Date.now() - 1000);
      }
    }
  },
);

test('R10 T1: a stream that is let in before the end of an hour is charged to that hour, also when the clock goes back', async () => {
  const gate = gated(chat);
  const { gateway, upstreams, begin, call, quiet } = await startLimited({ scripts: [gate.script], keys: { hourly } });
  const [first, second] = [await begin('hourly', { stream: true }), await begin('hourly', { stream: true })];
  await upstreams[0]!.arrived(2);
  expect((await call('hourly')).status).toBe(429);
  off += hour;
  gate.open();
  for (const stream of [first, second]) await stream.saw('[DONE]');
  await quiet();
  // They are of the hour before: this one is whole.
  for (const status of [200, 200, 429]) expect((await call('hourly')).status).toBe(status);
  off -= hour;
  expect((await call('hourly')).status).toBe(429);
  const rows = await gateway.ledgerRows(4);
  expect(rows).toHaveLength(4);
});

test.each([hour, -hour])('G25: a start with a clock that is off by %i ms and is then set right resets no budget', async (by) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'postern-clock-'));
  whenDone(() => rmSync(dataDir, { recursive: true, force: true }));
  const start = () => startLimited({ scripts: [chat], keys: { hourly }, dataDir });
  const first = await start();
  for (let at = 0; at < 2; at++) expect((await first.call('hourly')).status).toBe(200);
  await first.gateway.close();
  expect(readLedger(dataDir)).toHaveLength(2);
  off += by;
  const second = await start();
  // Its calls of the other hour are counted there.
  expect((await second.call('hourly')).status).toBe(200);
  off -= by;
  const refused = await second.call('hourly');
  expect([refused.status, jsonOf<{ error: { code: string } }>(refused).error.code]).toEqual([429, 'insufficient_quota']);
  off += by;
  for (const status of [200, 429]) expect((await second.call('hourly')).status).toBe(status);
});

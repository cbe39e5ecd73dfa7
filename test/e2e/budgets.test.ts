import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { prepareReservations } from '../../plugins/usage/reserve.ts';
import { chat, chatBody, chatStream, chunk, errorBody } from '../helper/chat.ts';
import { whenDone } from '../helper/cleanup.ts';
import { jsonOf } from '../helper/client.ts';
import { gated, type Limited, nanoOfOne, startLimited } from '../helper/limited.ts';
import { json, paced, silence } from '../helper/replies.ts';
import type { Script } from '../helper/upstream.ts';

// Budgets from outside: what the upstreams see, what the ledger says, what is held.

const hedge = { enabled: true, min_samples: 10, min_delay: '20ms', max_ratio: 0.5 };
const both = {
  strategy: 'priority',
  targets: [
    { provider: 'a', model: 'up-1' },
    { provider: 'b', model: 'up-1' },
  ],
};
const unpriced = { provider: 'a', model: 'mystery' };
const day = (budget: object) => ({ budgets: [{ ...budget, period: 'day' }] });

let rig: Limited;
const counts = () => rig.gateway.gateway.api.limits.counts();
const calls = () => rig.upstreams.map((each) => each.calls.length);

beforeAll(async () => {
  // What is held for a call is the same from the first one on.
  await prepareReservations();
  rig = await startLimited({
    scripts: [chat, chat],
    keys: {
      month: { budgets: [{ requests: 2, period: 'month' }] },
      crewed: { team: 'crew' },
      eleven: day({ tokens: 1_000 }),
      dollar: { budgets: [{ amount_usd: 0.001, period: 'total' }] },
      mixed: {
        rate_limits: { concurrent_requests: 1_000, tokens_per_minute: 100_000_000 },
        budgets: [
          { amount_usd: 5, period: 'month' },
          { tokens: 50_000_000, period: 'day' },
          { requests: 10_000, period: 'total' },
        ],
      },
      failing: day({ tokens: 200 }),
      rich: day({ tokens: 1_000_000 }),
      tight: day({ tokens: 3_000 }),
      hedged: day({ tokens: 1_600 }),
      leaving: day({ tokens: 5_000 }),
      paying: day({ amount_usd: 1 }),
    },
    models: {
      hedging: { ...both, hedge },
      late: { ...both, hedge },
      hasty: { ...both, timeouts: { first_byte: '150ms' } },
      half: { strategy: 'priority', targets: [unpriced, { provider: 'b', model: 'up-1' }] },
      mystery: { targets: [unpriced] },
    },
    overlay: { teams: { crew: day({ tokens: 20 }) }, retries: { budget: { min_per_second: 1_000 } } },
  });
});

beforeEach(() => {
  for (const upstream of rig.upstreams) {
    upstream.script = chat;
    upstream.calls.length = 0;
  }
});

describe('a budget that is spent', () => {
  test('429 insufficient_quota that says which budget and when it starts anew, and that trying again does not help', async () => {
    for (let at = 0; at < 2; at++) expect((await rig.call('month')).status).toBe(200);
    const refused = await rig.call('month');
    expect(refused.status).toBe(429);
    expect(jsonOf(refused)).toEqual({
      error: {
        type: 'insufficient_quota',
        code: 'insufficient_quota',
        param: null,
        message: expect.stringMatching(
          /^The budget of 2 requests per month for the key `month` is used up\. It starts anew at \d{4}-\d\d-01T00:00:00Z\.$/,
        ),
      },
    });
    expect(refused.headers['x-should-retry']).toBe('false');
    expect(refused.headers['retry-after']).toBeUndefined();
    expect(calls()).toEqual([2, 0]);
  });

  test('of a team holds for a key that has none of its own', async () => {
    const refused = await rig.call('crewed', { max_tokens: 30 });
    expect(refused.status).toBe(429);
    expect(jsonOf<{ error: { message: string } }>(refused).error.message).toMatch(/for the team `crew` is less than this call/);
  });

  test('R11: an answer that costs more than was held is recorded in full, and the next call is refused', async () => {
    const usage = { prompt_tokens: 11, completion_tokens: 5_000, total_tokens: 5_011 };
    rig.upstreams[0]!.script = json(200, { ...chatBody(), usage });
    expect((await rig.call('eleven', { max_tokens: 3 })).status).toBe(200);
    expect(await rig.standing('eleven')).toMatchObject([{ used: 5_011, held: 0, limit: 1_000 }]);
    expect((await rig.call('eleven', { max_tokens: 3 })).status).toBe(429);
  });

  test('is spent still after a restart, also that of everyone: the sums come from the ledger', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'postern-budgets-'));
    whenDone(() => rmSync(dataDir, { recursive: true, force: true }));
    const start = () =>
      startLimited({
        scripts: [chat],
        keys: { k: { budgets: [{ amount_usd: 1, period: 'day' }], rate_limits: { tokens_per_day: 90_000 } }, other: {} },
        overlay: { budgets: { global: [{ requests: 1, period: 'total' }] } },
        dataDir,
      });
    const first = await start();
    expect((await first.call('k', { max_tokens: 3 })).status).toBe(200);
    await first.gateway.close();
    const second = await start();
    expect(await second.standing('k')).toMatchObject([
      { rule: 'tokens_per_day', unit: 'tokens', used: 14 },
      { rule: 'budget', unit: 'usd', used: '0.000017', held: '0', period: 'day' },
    ]);
    const refused = await second.call('other');
    expect(jsonOf<{ error: { message: string } }>(refused).error.message).toMatch(
      /1 requests in total for all callers together is used up\. It never starts anew/,
    );
  });
});

describe('holds', () => {
  test('R8: of 120 calls at once on the last dollar as many are sent as it has room for', async () => {
    const held = gated(chat);
    rig.upstreams[0]!.script = held.script;
    const answers = Array.from({ length: 120 }, () => rig.call('dollar', { max_tokens: 40 }));
    const statuses: number[] = [];
    for (const each of answers) void each.then(({ status }) => statuses.push(status));
    for (let tries = 0; statuses.length + calls()[0]! < 120 && tries < 1_000; tries++) await sleep(5);
    const { held: sum, open: inside } = counts();
    const one = sum.nanoUsd / inside;
    expect(Number.isInteger(one)).toBe(true);
    expect(inside).toBe(Math.floor(1_000_000 / one));
    expect(calls()).toEqual([inside, 0]);
    expect(statuses).toEqual(new Array(120 - inside).fill(429));
    held.open();
    await Promise.all(answers);
    await rig.quiet();
    expect(await rig.standing('dollar')).toMatchObject([{ held: '0', used: String((inside * nanoOfOne) / 1e9) }]);
  });

  test('G3: after aborts, failures and hedges the counters are the sums of the ledger exactly, and nothing is held', async () => {
    let at = 0;
    const cut = paced([chunk({ content: 'a' }), 'data: [DONE]'], 20, 'fin');
    rig.upstreams[0]!.script = async (call, wire) => {
      const turn = at++ % 7;
      if (turn === 0) return json(500, errorBody('broken'))(call, wire);
      if (turn === 1) return wire.rst();
      if (turn === 2) return cut(call, wire);
      if (turn === 3) await sleep(60);
      return wire.closed ? undefined : chat(call, wire);
    };
    const before = (await rig.gateway.ledgerRows()).length;
    for (let round = 0; round < 10; round++) {
      const round = Array.from({ length: 10 }, async (_, place) => {
        const connection = await rig.begin('mixed', { model: 'hedging', stream: place % 2 === 0, max_tokens: 50 });
        if (place % 3 === 0) {
          await sleep(place);
          connection.leave('rst');
        }
        await connection.until((reply) => reply.complete || reply.ended !== null).catch(() => null);
        connection.leave('fin');
      });
      await Promise.all(round);
    }
    await rig.quiet();
    const rows = (await rig.gateway.ledgerRows(before + 60)).slice(before);
    const sum = (value: (row: (typeof rows)[number]) => number) => rows.reduce((all, row) => all + value(row), 0);
    expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['ok', 'failed', 'cancelled']));
    expect(rows.some(({ attempt }) => attempt > 1)).toBe(true);
    const [places, , money, tokens, requests] = await rig.standing('mixed');
    expect(places).toMatchObject({ rule: 'concurrent_requests', used: 0 });
    expect(Math.round(Number(money!.used) * 1e9)).toBe(sum(({ cost_nano }) => cost_nano ?? 0));
    expect(tokens!.used).toBe(sum(({ input, output }) => (input ?? 0) + (output ?? 0)));
    expect(requests!.used).toBe(sum(({ attempt }) => (attempt === 1 ? 1 : 0)));
    expect([money, tokens, requests].map((each) => Number(each!.held))).toEqual([0, 0, 0]);
    expect(counts()).toMatchObject({ open: 0, held: { tokens: 0, nanoUsd: 0 } });
  });

  test('failover of what was not charged goes on by what the call holds already', async () => {
    rig.upstreams[0]!.script = json(500, errorBody('broken'));
    expect((await rig.call('failing', { max_tokens: 120 })).status).toBe(200);
    expect(calls()).toEqual([1, 1]);
    await rig.quiet();
    expect(await rig.standing('failing')).toMatchObject([{ used: 14, held: 0 }]);
  });

  test('a further attempt that the budget has no room for is not sent, and the caller gets the failure before it', async () => {
    const prompt = { model: 'hasty', messages: [{ role: 'user', content: 'All work and no play. '.repeat(100) }] };
    rig.upstreams[0]!.script = silence;
    const probe = rig.call('rich', { ...prompt, max_tokens: 1 });
    await rig.upstreams[0]!.arrived(1);
    const input = counts().held.tokens - 1;
    expect((await probe).headers['x-postern-provider']).toBe('b');
    rig.upstreams[1]!.calls.length = 0;
    await rig.quiet();

    const answer = await rig.call('tight', { ...prompt, max_tokens: 3_000 - input - 5 });
    expect([answer.status, jsonOf(answer)]).toMatchObject([504, { error: { code: 'upstream_timeout' } }]);
    expect(calls()[1]).toBe(0);
    await rig.quiet();
    const row = (await rig.gateway.ledgerRows()).at(-1)!;
    expect(await rig.standing('tight')).toMatchObject([{ used: row.input, held: 0 }]);
    const found = await rig.gateway.gateway.api.explain.find(answer.headers['x-postern-exchange-id']!);
    expect(found?.decision?.limit).toMatchObject({ rule: 'budget', unit: 'tokens', asked: '2995' });
  });

  test('a hedge that the budget has no room for is not sent', { retry: 2 }, async () => {
    let late = 0;
    rig.upstreams[0]!.script = async (call, wire) => {
      await sleep(late);
      if (!wire.closed) await chat(call, wire);
    };
    const provider = async (max_tokens: number) =>
      (await rig.call('hedged', { model: 'late', max_tokens })).headers['x-postern-provider'];
    for (let at = 0; at < 15; at++) await provider(20);
    late = 300;
    expect(await provider(20)).toBe('b');
    expect(await provider(700)).toBe('a');
    await rig.quiet();
    expect(await rig.standing('hedged')).toMatchObject([{ held: 0 }]);
  });

  test('a caller that leaves gives back what was held', async () => {
    rig.upstreams[0]!.script = chatStream({ wait: 10_000 });
    const connection = await rig.begin('leaving', { stream: true, max_tokens: 40 });
    await rig.upstreams[0]!.arrived(1);
    expect(Number((await rig.standing('leaving'))[0]!.held)).toBeGreaterThan(40);
    connection.leave('rst');
    await rig.quiet();
    expect(await rig.standing('leaving')).toMatchObject([{ held: 0 }]);
  });
});

describe('while a budget in USD holds', () => {
  const noPrice: Script = json(200, chatBody());

  test('a target without a known price is not asked, and another one is', async () => {
    rig.upstreams[0]!.script = noPrice;
    expect((await rig.call('paying', { model: 'half' })).headers['x-postern-provider']).toBe('b');
    expect(calls()).toEqual([0, 1]);
  });

  test('and no target has a price: 403 price_unknown that names prices:', async () => {
    const refused = await rig.call('paying', { model: 'mystery' });
    expect(refused.status).toBe(403);
    expect(jsonOf(refused)).toMatchObject({ error: { code: 'price_unknown', message: expect.stringContaining('prices:') } });
    expect(calls()).toEqual([0, 0]);
  });

  test('one in tokens asks for no price', async () => {
    expect((await rig.call('rich', { model: 'mystery' })).status).toBe(200);
  });
});

import { describe, expect, it } from 'vitest';
import { endingType } from '../../fixtures/caching/dialect.ts';
import { rig, until } from './rig.ts';

/** USD per million: input 2, cached 0.2; storage 3 for an hour. */
const prices = { 'up/m1': { input: 2, output: 10, cached: 0.2 } };
const withStorage = { 'up/m1': { ...prices['up/m1'], cache_storage_hour: 3 } };

describe('what a creation costs', () => {
  it('is a row of its own in the ledger: its tokens at the price of the input', async () => {
    const { call, untilKept, rows, spent } = await rig({ prices });
    call('a');
    await untilKept('a');
    expect(rows()).toEqual([
      expect.objectContaining({
        operation: 'context_cache',
        exchange: 'ex_1',
        attempt: 0,
        key_id: 'key_a',
        provider: 'up',
        target: 'm1',
        model: 'up/m1',
        state: 'settled',
        outcome: 'ok',
        status: 200,
        input: 8_192,
        cached: 0,
        output: 0,
        usage_source: 'provider',
        cost_nano: 8_192 * 2_000,
      }),
    ]);
    expect(spent).toEqual([['up', { nanoUsd: 8_192 * 2_000, quantities: { input: 8_192 }, source: 'provider' }]]);
  });

  it('includes its storage where that has a price, by the token and hour, rounded up', async () => {
    const { call, untilKept, rows, minute, spent } = await rig({ prices: withStorage });
    call('a', { ttlMs: 7 * minute });
    await untilKept('a');
    const tokenHours = Math.ceil((8_192 * 7) / 60);
    expect(rows()).toMatchObject([{ input: 8_192, cost_nano: 8_192 * 2_000 + tokenHours * 3_000 }]);
    expect(spent[0]![1].quantities).toEqual({ input: 8_192, cache_storage_hour: tokenHours });
  });

  it('is nothing when the upstream refuses it', async () => {
    const { call, untilQuiet, store, rows, spent } = await rig({ prices });
    store.next.push({ status: 400, body: { error: { message: 'too small' } } });
    call('a');
    await untilQuiet();
    expect(rows()).toMatchObject([{ outcome: 'failed', reason: 'invalid_request', usage_source: 'none', cost_nano: 0 }]);
    expect(spent[0]![1].nanoUsd).toBe(0);
  });

  it('is an estimate of its input, never 0, where the upstream may have done it', async () => {
    const { call, untilKept, untilQuiet, pass, store, rows } = await rig({ prices });
    store.next.push({ status: 200, body: { name: '' } });
    call('a');
    await untilQuiet();
    pass(10_000);
    store.next.push({ status: 200, body: { name: 'n', tokens: 0 } });
    call('b');
    await untilKept('b');
    const estimated = { usage_source: 'estimated', input: 8_000, output: 0, cost_nano: 8_000 * 2_000 };
    expect(rows()).toMatchObject([
      { outcome: 'failed', reason: 'protocol', ...estimated },
      { outcome: 'ok', ...estimated },
    ]);
  });
});

describe('keeping one for longer', () => {
  /** Kept for an hour, used so often, the last time when `at` minutes are gone. */
  async function usedUntil(at: number, uses: number, options: Parameters<typeof rig>[0] = { prices: withStorage }) {
    const one = await rig(options);
    one.call('a', { ttlMs: 60 * one.minute });
    await one.untilKept('a');
    for (let use = 1; use < uses; use++) one.call('a', { ttlMs: 60 * one.minute });
    one.pass(at * one.minute);
    one.call('a', { ttlMs: 60 * one.minute });
    await one.untilQuiet();
    return one;
  }

  it('is asked for when half of its time is gone and its uses saved more than its storage costs', async () => {
    // Two uses save 2 x 1.8 USD per million tokens, an hour costs 3.
    const { store, rows, untilQuiet, entry, minute } = await usedUntil(31, 2);
    await until(() => expect(store.extensions()).toBe(1));
    await untilQuiet();
    const { createdAt, expiresAt } = entry('a')!;
    expect(expiresAt - createdAt).toBe((31 + 60) * minute);
    expect(store.upstream.calls.find(({ method }) => method === 'PATCH')!.json).toEqual({ ttl: 60 * minute });
    expect(rows()[1]).toMatchObject({ operation: 'context_cache', exchange: 'ex_3', input: 0, cost_nano: 8_192 * 3_000 });
  });

  it('is asked for once by calls at the same time', async () => {
    const { call, pass, untilKept, store, app, minute } = await rig({ prices });
    call('a');
    await untilKept('a');
    pass(4 * minute);
    for (let use = 0; use < 10; use++) expect(call('a')).toBe(true);
    await app.close();
    expect(store.extensions()).toBe(1);
  });

  it('counts uses from then on anew', async () => {
    const { store, untilQuiet, pass, call, minute, entry } = await usedUntil(31, 2);
    await until(() => expect(entry('a')!.expiresAt - entry('a')!.createdAt).toBe(91 * minute));
    pass(31 * minute);
    call('a');
    await untilQuiet();
    expect(store.extensions()).toBe(1);
    call('a');
    await until(() => expect(store.extensions()).toBe(2));
  });

  it.each([
    ['half of its time is not gone', 29, 9, { prices: withStorage }],
    ['it was used too little to pay for its storage', 31, 1, { prices: withStorage }],
    ['the upstream cannot', 31, 9, { prices: withStorage, type: endingType }],
  ])('is not asked for when %s', async (_name, at, uses, options) => {
    const { store } = await usedUntil(at, uses, options);
    expect(store.extensions()).toBe(0);
  });

  it('is not in the ledger where storage has no price', async () => {
    const { store, rows } = await usedUntil(31, 20, { prices });
    await until(() => expect(store.extensions()).toBe(1));
    expect(rows()).toHaveLength(1);
  });

  it('that the upstream refuses as unknown ends it; other failures leave it to its time', async () => {
    const one = await rig({ prices });
    const { store, call, pass, untilQuiet, entry, minute } = one;
    for (const text of ['a', 'b']) call(text);
    for (const text of ['a', 'b']) await one.untilKept(text);
    pass(4 * minute);
    store.next.push({ status: 404, body: { error: { message: 'gone' } } });
    for (const _ of [1, 2]) call('a');
    await until(() => expect(entry('a')!.state).toBe('rejected'));
    store.next.push({ status: 500 });
    for (const _ of [1, 2, 3]) call('b');
    await until(() => expect(store.extensions()).toBe(2));
    await untilQuiet();
    expect(call('b')).toBe(true);
    expect(store.extensions()).toBe(2);
  });
});

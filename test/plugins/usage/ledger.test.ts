import { describe, expect, it, vi } from 'vitest';
import { ledgerDirectory } from './directory.ts';
import { intent, openLedger, readRows as rowsOf, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const { start } = directory;

/** Rows in the file, once it has what the journal has. */
function readRows(path: string) {
  for (const { ledger } of directory.opened) ledger.flush();
  return rowsOf(path);
}

describe('an attempt in the ledger', () => {
  it('is there, open, once its intent is committed', async () => {
    const { ledger } = start();
    await ledger.open(intent({ metadata: '{"team":"a"}', stream: true }), target()).committed;
    expect(readRows(directory.path)).toEqual([
      expect.objectContaining({
        id: 1,
        exchange: 'ex_0001',
        attempt: 1,
        key_id: 'key_a',
        provider: 'acme',
        target: 'large',
        stream: 1,
        estimated_input: 40,
        metadata: '{"team":"a"}',
        state: 'open',
        cost_nano: null,
      }),
    ]);
  });

  it('is there, settled and priced, once settle resolves', async () => {
    const { ledger } = start();
    const attempt = ledger.open(intent(), target());
    const settled = await attempt.settle(settlement({ usage: { input: 1000, cached: 100, output: 100, reasoning: 60 } }));
    expect(settled).toEqual({
      nanoUsd: 3_000_000,
      quantities: { input: 1000, cached: 100, output: 100, reasoning: 60 },
      source: 'provider',
    });
    expect(readRows(directory.path)).toEqual([
      expect.objectContaining({
        state: 'settled',
        outcome: 'ok',
        status: 200,
        served_model: 'large-2026-01-01',
        quantities: '{"input":1000,"cached":100,"output":100,"reasoning":60}',
        input: 1000,
        cached: 100,
        output: 100,
        reasoning: 60,
        usage_source: 'provider',
        first_content_ms: 300,
        total_ms: 1000,
        cost_nano: 3_000_000,
        price_source: 'config',
        price_version: 'c1',
      }),
    ]);
  });

  it('settles exactly once: the second call returns the first result and changes nothing', async () => {
    const { ledger } = start();
    const attempt = ledger.open(intent(), target());
    const first = await attempt.settle(settlement());
    const second = await attempt.settle(settlement({ outcome: 'failed', usage: { input: 9, output: 9 } }));
    expect(second).toBe(first);
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ outcome: 'ok', input: 1000 })]);
  });

  it('has an unknown cost, not 0, where no price is known', async () => {
    const { ledger } = start();
    const settled = await ledger.open(intent(), target({ model: 'other' })).settle(settlement({ servedModel: null }));
    expect(settled.nanoUsd).toBeNull();
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ cost_nano: null, price_source: null, input: 1000 })]);
  });

  it('costs nothing, and that is known, when it was never sent', async () => {
    const { ledger } = start();
    const settled = await ledger
      .open(intent(), target({ model: 'other' }))
      .settle(settlement({ outcome: 'failed', reason: 'connect', usage: null, unsent: true }));
    expect(settled).toEqual({ nanoUsd: 0, quantities: { input: 0, output: 0 }, source: 'none' });
  });

  it('costs 0 at a provider that answers in process', async () => {
    const { ledger } = start();
    const settled = await ledger.open(intent(), target({ local: true, model: 'echo' })).settle(settlement());
    expect(settled.nanoUsd).toBe(0);
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ price_source: 'sandbox', cost_nano: 0 })]);
  });

  it('is priced as what the upstream says answered when its own name is an alias without a price', async () => {
    const { ledger } = start();
    const settled = await ledger.open(intent(), target({ model: 'newest' })).settle(settlement({ servedModel: 'large' }));
    expect(settled.nanoUsd).toBe(3_000_000);
  });

  it('waits for the built-in prices at settle, not at open', async () => {
    const load = Promise.withResolvers<void>();
    const rates = { base: { input: 1_000_000, output: 1_000_000 }, tiers: [] };
    const { ledger } = start({
      load: async () => {
        await load.promise;
        return { version: '7', find: () => ({ entries: [{ holds: () => true, rates }] }), models: () => [] };
      },
    });
    const attempt = ledger.open(intent(), target({ model: 'new', priceProvider: 'vendor' }));
    await attempt.committed;
    const settled = attempt.settle(settlement());
    load.resolve();
    expect(await settled).toMatchObject({ nanoUsd: 1_100_000 });
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ price_source: 'builtin', price_version: '7' })]);
  });

  it('is settled with an unknown cost when the built-in prices cannot be loaded', async () => {
    const { ledger, log } = start({ load: () => Promise.reject(new Error('gone')) });
    const settled = await ledger.open(intent(), target({ model: 'new', priceProvider: 'vendor' })).settle(settlement());
    expect(settled.nanoUsd).toBeNull();
    expect(log.lines).toContainEqual(expect.stringContaining('built-in prices'));
  });
});

describe('the ledger', () => {
  it('commits all writes of one turn of the event loop together, and brings many turns into the file together', async () => {
    const { ledger, applier, journals } = start();
    const appends = journals.map((journal) => vi.spyOn(journal, 'append'));
    const apply = vi.spyOn(applier, 'apply');
    const attempts = Array.from({ length: 32 }, () => ledger.open(intent(), target()));
    await Promise.all(attempts.map(({ committed }) => committed));
    await Promise.all(attempts.map((attempt) => attempt.settle(settlement())));
    expect([appends.map(({ mock }) => mock.calls.length), apply.mock.calls.length]).toEqual([[2, 0], 0]);
    await expect.poll(() => rowsOf(directory.path)).toHaveLength(32);
    expect(apply).toHaveBeenCalledTimes(1);
  });

  it('counts what is open', async () => {
    const { ledger } = start();
    const [one, two] = [ledger.open(intent(), target()), ledger.open(intent(), target())];
    await one.settle(settlement());
    expect([ledger.openCount(), one.settled, two.settled]).toEqual([1, true, false]);
  });

  it('flushes synchronously', () => {
    const { ledger } = start();
    ledger.open(intent(), target());
    ledger.flush();
    expect(readRows(directory.path)).toHaveLength(1);
  });

  it('goes on numbering after a restart', async () => {
    const first = openLedger(directory.path);
    await first.ledger.open(intent(), target()).settle(settlement());
    await first.ledger.close();
    expect(start().ledger.open(intent(), target()).id).toBe(2);
  });

  it('waits for prices that are being loaded before it closes', async () => {
    const load = Promise.withResolvers<void>();
    const { ledger } = start({ load: () => load.promise.then(() => ({ version: '7', find: () => null, models: () => [] })) });
    const attempt = ledger.open(intent(), target({ model: 'new', priceProvider: 'vendor' }));
    await attempt.committed;
    void attempt.settle(settlement());
    const closed = ledger.close();
    load.resolve();
    await closed;
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ state: 'settled' })]);
  });

  it('refuses to open after it was closed', async () => {
    const { ledger } = start();
    await ledger.close();
    const refused = ledger.open(intent(), target());
    await expect(refused.committed).rejects.toMatchObject({ code: 'ledger_closed' });
    await refused.settle(settlement({ outcome: 'failed', unsent: true }));
    expect([ledger.openCount(), rowsOf(directory.path)]).toEqual([0, []]);
  });
});

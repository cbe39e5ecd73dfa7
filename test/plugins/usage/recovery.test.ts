import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { intent, openLedger, prices, readRows, settlement, target, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let opened: ReturnType<typeof openLedger>[] = [];

function start(options: Parameters<typeof openLedger>[1] = {}) {
  const one = openLedger(directory.path, options);
  opened.push(one);
  return one;
}

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  for (const { ledger } of opened) await ledger.close().catch(() => {});
  opened = [];
  directory.remove();
});

describe('recovery', () => {
  async function leaveOpen(): Promise<void> {
    const { ledger, store } = openLedger(directory.path);
    await ledger.open(intent(), target()).settle(settlement());
    await ledger.open(intent({ exchange: 'ex_0002' }), target()).committed;
    // As if the process had been killed: nothing is tidied up.
    store.close();
  }

  it('U5: settles what an earlier process left open as unknown, with estimated input, priced', async () => {
    await leaveOpen();
    expect(await start().ledger.recover()).toBe(1);
    expect(readRows(directory.path)[1]).toMatchObject({
      exchange: 'ex_0002',
      state: 'settled',
      outcome: 'unknown',
      reason: 'unknown_outcome',
      usage_source: 'estimated',
      input: 40,
      cost_nano: 40 * (prices['acme/large'].input * 1000),
      total_ms: null,
    });
  });

  it('leaves settled rows as they are', async () => {
    await leaveOpen();
    await start().ledger.recover();
    expect(readRows(directory.path)[0]).toMatchObject({ outcome: 'ok', input: 1000, usage_source: 'provider' });
  });

  it('does not read the settled past again', async () => {
    await leaveOpen();
    const { ledger, store } = start();
    await ledger.recover();
    expect(store.database.prepare("SELECT value FROM progress WHERE name = 'settled_below'").get()).toEqual({ value: 3 });
    expect(await ledger.recover()).toBe(0);
  });

  it('finds an attempt left open far behind the newest', async () => {
    const { ledger, store } = openLedger(directory.path);
    await ledger.open(intent({ exchange: 'ex_slow' }), target()).committed;
    for (let turn = 0; turn < 70; turn++) {
      await Promise.all(Array.from({ length: 32 }, () => ledger.open(intent(), target()).settle(settlement())));
    }
    store.close();
    expect(await start().ledger.recover()).toBe(1);
    expect(readRows(directory.path)[0]).toMatchObject({ exchange: 'ex_slow', outcome: 'unknown' });
  });
});

import { describe, expect, it } from 'vitest';
import { intentRow, settlementRow } from '../../../plugins/usage/rows.ts';
import { ledgerDirectory } from './directory.ts';
import { intent, openLedger, prices, readRows, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const { start } = directory;

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

  it('takes over what was committed and not in the file yet, once', async () => {
    const { store, journals } = openLedger(directory.path);
    const charge = { quantities: { input: 7, output: 1 }, source: 'provider', nanoUsd: 99, price: null } as const;
    const writes = [intentRow(1, intent(), null), settlementRow(1, settlement(), charge), intentRow(2, intent(), null)];
    // The file has the first already: the process died between its commit and the end of the journal.
    store.write(writes.slice(0, 2));
    // Which of two journals has which half does not matter.
    journals[1].append(writes.slice(0, 1));
    journals[0].append(writes.slice(1));
    store.close();
    for (const left of [1, 0]) {
      const { ledger, log } = openLedger(directory.path);
      expect([await ledger.recover(), log.lines]).toEqual([left, []]);
      const next = ledger.open(intent(), target());
      expect(next.id).toBeGreaterThan(2);
      await next.settle(settlement());
      await ledger.close();
      expect(readRows(directory.path).slice(0, 2)).toMatchObject([
        { id: 1, outcome: 'ok', cost_nano: 99 },
        { id: 2, outcome: 'unknown' },
      ]);
    }
  });
});

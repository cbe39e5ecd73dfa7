import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LedgerError } from '../../../plugins/usage/index.ts';
import type { LedgerStore } from '../../../plugins/usage/store.ts';
import { intent, openLedger, readRows, settlement, target, temporaryDirectory } from './sample.ts';

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
  vi.useRealTimers();
  for (const { ledger } of opened) await ledger.close().catch(() => {});
  opened = [];
  directory.remove();
});

describe('D1: a disk that is full', () => {
  /** Nothing can be added to the file any more. */
  const fill = (store: LedgerStore) => {
    store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    store.database.exec('PRAGMA max_page_count = 1');
  };
  const free = (store: LedgerStore) => store.database.exec('PRAGMA max_page_count = 1000000');
  const long = 'x'.repeat(20_000);

  it('refuses new attempts with a typed error and says it is not ready', async () => {
    const { ledger, store, log } = start();
    fill(store);
    const refused = ledger.open(intent({ metadata: long }), target());
    await expect(refused.committed).rejects.toBeInstanceOf(LedgerError);
    await expect(refused.committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
    expect([ledger.ready(), ledger.openCount()]).toEqual([false, 0]);
    await expect(ledger.open(intent(), target()).committed).rejects.toBeInstanceOf(LedgerError);
    expect(log.lines).toHaveLength(1);
  });

  it('keeps settlements, answers their callers, and writes them when there is room again, without a restart', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { ledger, store } = start();
    const attempts = [ledger.open(intent(), target()), ledger.open(intent(), target())];
    await Promise.all(attempts.map(({ committed }) => committed));
    fill(store);
    const settled = await Promise.all(attempts.map((attempt) => attempt.settle(settlement({ servedModel: long }))));
    expect(settled.map(({ nanoUsd }) => nanoUsd)).toEqual([3_000_000, 3_000_000]);
    await vi.advanceTimersByTimeAsync(3000);
    expect([ledger.ready(), readRows(directory.path).map(({ state }) => state)]).toEqual([false, ['open', 'open']]);

    free(store);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ledger.ready()).toBe(true);
    expect(readRows(directory.path).map(({ state, cost_nano }) => [state, cost_nano])).toEqual([
      ['settled', 3_000_000],
      ['settled', 3_000_000],
    ]);
    await ledger.open(intent(), target()).settle(settlement());
    expect(readRows(directory.path)).toHaveLength(3);
  });

  it('stays not ready while the disk is full, even with nothing left to write', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { ledger, store } = start();
    fill(store);
    await expect(ledger.open(intent({ metadata: long }), target()).committed).rejects.toBeInstanceOf(LedgerError);
    await vi.advanceTimersByTimeAsync(2000);
    expect(ledger.ready()).toBe(false);
    free(store);
    await vi.advanceTimersByTimeAsync(1000);
    expect(ledger.ready()).toBe(true);
  });

  it('settlements that could not be written before the process ended are estimates after the next start', async () => {
    const first = openLedger(directory.path);
    const attempt = first.ledger.open(intent(), target());
    await attempt.committed;
    fill(first.store);
    await attempt.settle(settlement({ servedModel: long }));
    await first.ledger.close();
    expect(await start().ledger.recover()).toBe(1);
  });
});

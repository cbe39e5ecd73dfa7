import { afterEach, describe, expect, it, vi } from 'vitest';
import { LedgerError } from '../../../plugins/usage/index.ts';
import type { LedgerStore } from '../../../plugins/usage/store.ts';
import { ledgerDirectory } from './directory.ts';
import { intent, openLedger, readRows, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const { start } = directory;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Nothing can be added to the file any more. */
const fillFile = (store: LedgerStore) => {
  store.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  store.database.exec('PRAGMA max_page_count = 1');
};
const freeFile = (store: LedgerStore) => store.database.exec('PRAGMA max_page_count = 1000000');
const fillJournals = (journals: ReturnType<typeof openLedger>['journals']) =>
  journals.map((journal) =>
    vi.spyOn(journal, 'append').mockImplementation(() => {
      throw Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
    }),
  );
const long = 'x'.repeat(20_000);

describe('D1: a disk that is full', () => {
  /** The disk has room for neither the journal nor the file. */
  function fill({ store, journals }: ReturnType<typeof openLedger>): () => void {
    fillFile(store);
    const appends = fillJournals(journals);
    return () => {
      freeFile(store);
      for (const append of appends) append.mockRestore();
    };
  }

  it('refuses new attempts with a typed error and says it is not ready', async () => {
    const one = start();
    const { ledger, log } = one;
    fill(one);
    const refused = ledger.open(intent({ metadata: long }), target());
    await expect(refused.committed).rejects.toBeInstanceOf(LedgerError);
    await expect(refused.committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await refused.settle(settlement({ outcome: 'failed', unsent: true }));
    expect([ledger.ready(), ledger.openCount()]).toEqual([false, 0]);
    await expect(ledger.open(intent(), target()).committed).rejects.toBeInstanceOf(LedgerError);
    expect(log.lines).toHaveLength(1);
  });

  it('keeps settlements, answers their callers, and writes them when there is room again, without a restart', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const one = start();
    const { ledger } = one;
    const attempts = [ledger.open(intent(), target()), ledger.open(intent(), target())];
    await Promise.all(attempts.map(({ committed }) => committed));
    ledger.flush();
    const free = fill(one);
    const settled = await Promise.all(attempts.map((attempt) => attempt.settle(settlement({ servedModel: long }))));
    expect(settled.map(({ nanoUsd }) => nanoUsd)).toEqual([3_000_000, 3_000_000]);
    await vi.advanceTimersByTimeAsync(3000);
    expect([ledger.ready(), readRows(directory.path).map(({ state }) => state)]).toEqual([false, ['open', 'open']]);

    free();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ledger.ready()).toBe(true);
    expect(readRows(directory.path).map(({ state, cost_nano }) => [state, cost_nano])).toEqual([
      ['settled', 3_000_000],
      ['settled', 3_000_000],
    ]);
    await ledger.open(intent(), target()).settle(settlement());
    ledger.flush();
    expect(readRows(directory.path)).toHaveLength(3);
  });

  it('stays not ready while the disk is full, even with nothing left to write', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const one = start();
    const { ledger } = one;
    const free = fill(one);
    await expect(ledger.open(intent({ metadata: long }), target()).committed).rejects.toBeInstanceOf(LedgerError);
    await vi.advanceTimersByTimeAsync(2000);
    expect(ledger.ready()).toBe(false);
    free();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ledger.ready()).toBe(true);
  });

  it('settlements that could not be written before the process ended are estimates after the next start', async () => {
    const first = openLedger(directory.path);
    const attempt = first.ledger.open(intent(), target());
    await attempt.committed;
    first.ledger.flush();
    fill(first);
    await attempt.settle(settlement({ servedModel: long }));
    await first.ledger.close();
    expect(await start().ledger.recover()).toBe(1);
  });
});

describe('D1: a file that cannot be written while its journal can', () => {
  it('loses nothing: what was committed is in the file after the next start', async () => {
    const first = openLedger(directory.path);
    const [one, two] = [first.ledger.open(intent(), target()), first.ledger.open(intent(), target())];
    await Promise.all([one.committed, two.committed]);
    first.ledger.flush();
    fillFile(first.store);
    await one.settle(settlement({ servedModel: long }));
    first.ledger.flush();
    expect(first.ledger.ready()).toBe(false);
    await two.settle(settlement({ servedModel: long }));
    await first.ledger.close();
    expect(first.log.lines.at(-1)).toContain('journal');

    expect(await start().ledger.recover()).toBe(0);
    expect(readRows(directory.path).map(({ state, outcome, cost_nano }) => [state, outcome, cost_nano])).toEqual([
      ['settled', 'ok', 3_000_000],
      ['settled', 'ok', 3_000_000],
    ]);
  });

  it('is found at the next write, and new attempts are refused', async () => {
    const { ledger, store } = start();
    fillFile(store);
    await ledger.open(intent({ metadata: long }), target()).committed;
    await expect.poll(() => ledger.ready()).toBe(false);
    await expect(ledger.open(intent(), target()).committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
  });
});

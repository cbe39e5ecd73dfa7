import { afterEach, beforeEach } from 'vitest';
import { type LedgerChanges, openLedger, temporaryDirectory } from './sample.ts';

/** A directory for the ledgers of one test; what was started in it is closed, and it is removed, after the test. */
export function ledgerDirectory() {
  let directory: ReturnType<typeof temporaryDirectory>;
  let opened: ReturnType<typeof openLedger>[] = [];
  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(async () => {
    for (const { ledger } of opened) await ledger.close().catch(() => {});
    opened = [];
    directory.remove();
  });
  return {
    get path() {
      return directory.path;
    },
    /** Those started in this test. */
    get opened(): readonly ReturnType<typeof openLedger>[] {
      return opened;
    },
    start(options: LedgerChanges = {}) {
      const one = openLedger(directory.path, options);
      opened.push(one);
      return one;
    },
  };
}

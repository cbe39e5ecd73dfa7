import { copyFileSync } from 'node:fs';
import type { Journal } from './journal.ts';
import type { LedgerStore } from './store.ts';
import type { WriterOptions } from './writer-options.ts';

/**
 * Brings what an earlier process left in a journal into the file. A journal with damaged lines, or rows that the file refuses, is
 * kept aside, and that is told. `faults.md` D3.
 */
export function replay(
  journal: Journal,
  { store, now, log }: Pick<WriterOptions, 'now' | 'log'> & { readonly store: Pick<LedgerStore, 'write'> },
): void {
  const { writes, damaged } = journal.read();
  const refused = writes.length > 0 ? store.write(writes) : [];
  if (damaged > 0 || refused.length > 0) {
    const aside = `${journal.path}.damaged-${new Date(now()).toISOString().replace(/[-:]/g, '')}`;
    copyFileSync(journal.path, aside);
    log.warn(
      { lines: damaged, rows: refused, aside },
      "part of the ledger's journal cannot be read: the rest was taken over, it was kept aside",
    );
  }
  journal.clear();
}

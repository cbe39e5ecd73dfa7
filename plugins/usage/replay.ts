import type { Journal } from './journal.ts';
import type { LedgerStore } from './store.ts';
import type { WriterOptions } from './writer.ts';

/** Brings what an earlier process left in a journal into the file. Damaged lines are kept aside, and told. `faults.md` D3. */
export function replay(
  journal: Journal,
  { store, now, log }: Pick<WriterOptions, 'now' | 'log'> & { readonly store: Pick<LedgerStore, 'write'> },
): void {
  const { writes, damaged } = journal.read();
  if (damaged > 0) {
    const aside = `${journal.path}.damaged-${new Date(now()).toISOString().replace(/[-:]/g, '')}`;
    journal.copyTo(aside);
    log.warn({ lines: damaged, aside }, "lines of the ledger's journal are damaged: the rest was taken over, it was kept aside");
  }
  if (writes.length > 0) store.write(writes);
  journal.clear();
}

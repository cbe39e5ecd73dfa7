import type { FastifyBaseLogger } from 'fastify';
import { LedgerError } from './contract.ts';
import type { Journal } from './journal.ts';
import type { Write } from './rows.ts';
import type { LedgerStore } from './store.ts';

export interface WriterOptions {
  readonly store: LedgerStore;
  readonly journal: Journal;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}

/** Milliseconds after which what is in the journal is in the file; also how late others see it there. */
const applyMs = 50;
/** Writes that are not left waiting for it. */
const applyWrites = 2_000;
/** Milliseconds between attempts to write again after a failure. */
const retryEvery = 1000;
/** Settlements kept in memory while nothing can be written; above that a row stays open and is estimated at the next start. */
const maxUnsaved = 10_000;
/** Writes between two notes of how far everything is settled. */
const progressEvery = 1024;

const ignore = (): void => {};

/** Writes of one turn of the event loop: one append to the journal, one promise for all who wait on it. */
export class Batch {
  readonly writes: Write[] = [];
  readonly #outcome = Promise.withResolvers<void>();
  /** Rejects with `LedgerError`. */
  readonly committed = this.#outcome.promise;
  /** Resolves either way. */
  readonly done = this.committed.catch(ignore);

  finish(error?: LedgerError): void {
    if (error === undefined) this.#outcome.resolve();
    else this.#outcome.reject(error);
  }
}

/**
 * Gets writes into the ledger's file by way of its journal: once per turn of the event loop they are appended there, which
 * commits them, and many turns together go into the file. A write that fails makes the ledger not ready: intents are
 * refused, settlements wait in memory, and it tries again every second.
 */
export class LedgerWriter {
  readonly #store: LedgerStore;
  readonly #journal: Journal;
  readonly #now: () => number;
  readonly #log: WriterOptions['log'];
  #batch: Batch | null = null;
  /** Committed, or kept in memory, and not in the file yet; in order. */
  #unapplied: Write[] = [];
  /** Rows whose settlement is not in the file, ascending. */
  readonly #unsettled = new Set<number>();
  #apply: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #sinceProgress = 0;
  #lastId: number;
  #failure: LedgerError | null = null;

  constructor(options: WriterOptions) {
    this.#store = options.store;
    this.#journal = options.journal;
    this.#now = options.now;
    this.#log = options.log;
    this.#replay();
    this.#lastId = this.#store.lastId();
  }

  /** Why nothing can be written; null while all is well. */
  get failure(): LedgerError | null {
    return this.#failure;
  }

  /** For a new row. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Rejects when the ledger cannot be written; the row does not exist then. */
  intent(write: Write): Promise<void> {
    if (this.#failure !== null) {
      const refused = Promise.reject(this.#failure);
      refused.catch(ignore);
      return refused;
    }
    this.#unsettled.add(write.id);
    return this.#queue(write).committed;
  }

  /** Resolves when the write is committed, or waits in memory because nothing can be. Of a refused intent nothing is written. */
  async settlement(write: Write): Promise<void> {
    if (!this.#unsettled.has(write.id)) return;
    if (this.#failure === null) await this.#queue(write).done;
    else this.#keep(write);
  }

  /** A settlement of a row that an earlier process left open. */
  recovered(write: Write): void {
    this.#unsettled.add(write.id);
    this.#queue(write);
  }

  /** Commits what is queued and brings everything into the file, now. */
  flush(): void {
    this.#commit();
    this.#applyAll();
  }

  /** Notes how far everything is settled, so that the next start looks no further back. */
  noteProgress(): void {
    this.#sinceProgress = 0;
    const [lowest] = this.#unsettled;
    try {
      this.#store.settledBelow(lowest ?? this.#lastId + 1);
    } catch {
      // It only shortens the next start: the next write finds what is wrong.
    }
  }

  /** Later intents are refused. The files are given back. */
  close(): void {
    this.flush();
    if (this.#failure !== null) this.#tryAgain();
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    if (this.#failure === null) this.noteProgress();
    if (this.#unapplied.length > 0) {
      this.#log.error(
        { writes: this.#unapplied.length },
        'the ledger could not be written: what is in its journal is taken over at the next start, the rest becomes estimates',
      );
    }
    this.#failure = new LedgerError('ledger_closed', 'The ledger is closed: this process is shutting down.');
    this.#journal.close();
    this.#store.close();
  }

  /** Brings what an earlier process left in the journal into the file. Damaged lines are kept aside, and told. `faults.md` D3. */
  #replay(): void {
    const { writes, damaged } = this.#journal.read();
    if (damaged > 0) {
      const aside = `${this.#journal.path}.damaged-${new Date(this.#now()).toISOString().replace(/[-:]/g, '')}`;
      this.#journal.copyTo(aside);
      this.#log.warn(
        { lines: damaged, aside },
        "lines of the ledger's journal are damaged: the rest was taken over, it was kept aside",
      );
    }
    if (writes.length > 0) this.#store.write(writes);
    this.#journal.clear();
  }

  #queue(write: Write): Batch {
    if (this.#batch === null) {
      this.#batch = new Batch();
      setImmediate(() => this.#commit());
    }
    this.#batch.writes.push(write);
    return this.#batch;
  }

  #commit(): void {
    const batch = this.#batch;
    if (batch === null) return;
    this.#batch = null;
    if (this.#failure === null) {
      try {
        this.#journal.append(batch.writes);
      } catch (error) {
        this.#fail(this.#journal.path, error);
      }
    }
    if (this.#failure !== null) {
      this.#refuse(batch, this.#failure);
      return;
    }
    for (const write of batch.writes) this.#unapplied.push(write);
    batch.finish();
    if (this.#unapplied.length >= applyWrites) this.#applyAll();
    else this.#apply ??= setTimeout(() => this.#applyAll(), applyMs).unref();
  }

  #refuse(batch: Batch, failure: LedgerError): void {
    for (const write of batch.writes) {
      if (write.kind === 'open') this.#unsettled.delete(write.id);
      else if (this.#unsettled.has(write.id)) this.#keep(write);
    }
    batch.finish(failure);
  }

  #applyAll(): void {
    if (this.#apply !== null) clearTimeout(this.#apply);
    this.#apply = null;
    if (this.#unapplied.length === 0 || this.#failure !== null) return;
    try {
      this.#moveToFile();
    } catch (error) {
      this.#fail(this.#store.path, error);
    }
  }

  /** Doing it twice does no harm: a row that is there is left as it is. */
  #moveToFile(): void {
    const writes = this.#unapplied;
    this.#store.write(writes);
    this.#journal.clear();
    this.#unapplied = [];
    for (const write of writes) if (write.kind === 'settle') this.#unsettled.delete(write.id);
    this.#sinceProgress += writes.length;
    if (this.#sinceProgress >= progressEvery) this.noteProgress();
  }

  #fail(path: string, cause: unknown): void {
    const why = (cause as Error).message;
    this.#failure = new LedgerError('ledger_unavailable', `The ledger ${path} cannot be written (${why}).`, cause);
    this.#log.error({ err: this.#failure }, 'the ledger cannot be written: new calls are refused until it can; check the disk');
    this.#retry ??= setInterval(() => this.#tryAgain(), retryEvery).unref();
  }

  /** In the journal if that can still be written, in memory in any case. */
  #keep(write: Write): void {
    if (this.#unapplied.length >= maxUnsaved) {
      this.#log.error({ id: write.id }, 'too many settlements wait for the ledger: this one will be an estimate after a restart');
      return;
    }
    try {
      this.#journal.append([write]);
    } catch {
      // What a failure means has been said when it began.
    }
    this.#unapplied.push(write);
  }

  #tryAgain(): void {
    try {
      this.#journal.append([]);
      this.#moveToFile();
      this.#store.probe();
    } catch {
      return;
    }
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    this.#failure = null;
    this.#log.info('the ledger can be written again');
  }
}

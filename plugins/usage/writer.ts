// Over 300 lines: what is in memory, in two journals and in the file changes hands in one place, and every failure meets all of it.

import { Batch, Synchroniser } from './batch.ts';
import { type Charged, LedgerError } from './contract.ts';
import type { Journal } from './journal.ts';
import { replay } from './replay.ts';
import type { Write } from './rows.ts';
import type { LedgerStore } from './store.ts';
import type { WriterOptions } from './writer-options.ts';

/** Milliseconds after which what is in a journal goes into the file; also how late others see it there. */
const applyMs = 50;
/** Writes that may wait for a file that does not keep up; above that new attempts are refused. */
const maxWaiting = 50_000;
/** Milliseconds between attempts to write again after a failure. */
const retryEvery = 1000;
/** Settlements kept in memory while no journal can be written; above that a row stays open and is estimated at the next start. */
const maxUnsaved = 10_000;
/** Writes between two notes of how far everything is settled. */
const progressEvery = 1024;

/**
 * Gets writes into the ledger's file by way of its journals: once per turn of the event loop they are appended to one, which
 * commits them; what many turns brought together goes into the file elsewhere. When nothing can be appended, or the file
 * cannot be written or does not keep up, the ledger is not ready: intents are refused, settlements wait, and it tries again
 * every second.
 */
export class LedgerWriter {
  readonly #store: LedgerStore;
  readonly #applier: WriterOptions['applier'];
  readonly #synchroniser: Synchroniser | null;
  readonly #onCharged: WriterOptions['onCharged'];
  readonly #log: WriterOptions['log'];
  #active: Journal;
  #other: Journal;
  #batch: Batch | null = null;
  /** In the active journal. */
  #waiting: Write[] = [];
  /** In the other journal, on their way into the file; null: it is empty. */
  #leaving: Write[] | null = null;
  /** Settlements that are in no journal. */
  #unsaved: Write[] = [];
  /** Rows whose settlement is not in the file, ascending. */
  readonly #unsettled = new Set<number>();
  #applying = false;
  #apply: NodeJS.Timeout | null = null;
  #retry: NodeJS.Timeout | null = null;
  #sinceProgress = 0;
  /** Writes that were appended to a journal, and those of them that are in the file. */
  #committed = 0;
  #arrivedCount = 0;
  /** What is being brought into the file, until it has ended. */
  #applied: Promise<void> = Promise.resolve();
  #lastId: number;
  #failure: LedgerError | null = null;
  #closing = false;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#store = options.store;
    this.#applier = options.applier;
    this.#synchroniser = options.synchronised ? new Synchroniser((batches, error) => this.#onDisk(batches, error)) : null;
    [this.#active, this.#other] = options.journals;
    this.#onCharged = options.onCharged;
    this.#log = options.log;
    for (const journal of options.journals) replay(journal, options);
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
      refused.catch(() => {});
      return refused;
    }
    this.#unsettled.add(write.id);
    return this.#queue(write).committed;
  }

  /** Resolves when the write is committed, or waits because nothing can be. Of a refused intent nothing is written. */
  async settlement(write: Write, charged: Charged): Promise<void> {
    if (!this.#unsettled.has(write.id)) return;
    // Beside an intent that is not committed yet, the two share its fate.
    if (this.#failure === null || this.#batch !== null) {
      const batch = this.#queue(write);
      batch.charges.push(charged);
      await batch.done;
      return;
    }
    this.#keep(write);
    this.#onCharged(charged);
  }

  /** A settlement of a row that an earlier process left open. */
  recovered(write: Write, charged: Charged): void {
    this.#unsettled.add(write.id);
    this.#queue(write).charges.push(charged);
  }

  /** Commits what is queued and brings everything into the file, now: waits for the disk. */
  flush(): void {
    this.#commit();
    if (this.#failure === null) this.#writeNow();
  }

  /** Resolves when what is committed now is in the file, where others read it; also when it cannot be brought there. */
  async arrival(): Promise<void> {
    this.#commit();
    const mark = this.#committed;
    while (this.#arrivedCount < mark && this.#failure === null) {
      if (!this.#applying) {
        if (this.#apply !== null) clearTimeout(this.#apply);
        this.#apply = null;
        this.#handOver(false);
      }
      await this.#applied;
    }
  }

  /** Notes how far everything is settled, so that the next start looks no further back. Waits for the disk. */
  noteProgress(): void {
    try {
      this.#store.settledBelow(this.#progress());
    } catch {
      // It only shortens the next start: the next write finds what is wrong.
    }
  }

  /** Later intents are refused. The files are given back. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#commit();
    if (this.#apply !== null) clearTimeout(this.#apply);
    await this.#applier.close();
    this.#closed = true;
    if (this.#retry !== null) clearInterval(this.#retry);
    if (this.#writeNow()) this.noteProgress();
    const left = this.#unsaved.length + this.#waiting.length + (this.#leaving?.length ?? 0);
    if (left > 0) {
      this.#log.error(
        { writes: left },
        'the ledger could not be written: what is in its journal is taken over at the next start, the rest becomes estimates',
      );
    }
    this.#failure = new LedgerError('ledger_closed', 'The ledger is closed: this process is shutting down.');
    try {
      this.#active.close();
      this.#other.close();
    } finally {
      this.#store.close();
    }
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
        this.#active.append(batch.writes);
      } catch (error) {
        this.#fail(this.#active.path, error);
      }
    }
    if (this.#failure !== null) {
      this.#refuse(batch, this.#failure);
      return;
    }
    for (const write of batch.writes) this.#waiting.push(write);
    this.#committed += batch.writes.length;
    if (this.#synchroniser === null) {
      for (const charged of batch.charges) this.#onCharged(charged);
      batch.finish();
    } else this.#synchroniser.add(batch, this.#active);
    if (this.#waiting.length > maxWaiting) this.#fail(this.#store.path, new Error('it does not keep up'));
    else this.#schedule();
  }

  #onDisk(batches: readonly Batch[], error: Error | null): void {
    if (error !== null && this.#failure === null) this.#fail(this.#active.path, error);
    for (const batch of batches) {
      // Whether or not the disk has it: it is in the journal.
      for (const charged of batch.charges) this.#onCharged(charged);
      batch.finish(error === null ? undefined : (this.#failure ?? undefined));
    }
  }

  #refuse(batch: Batch, failure: LedgerError): void {
    for (const write of batch.writes) {
      if (write.kind === 'open') this.#unsettled.delete(write.id);
      else if (this.#unsettled.has(write.id)) this.#keep(write);
    }
    for (const charged of batch.charges) if (this.#unsettled.has(charged.id)) this.#onCharged(charged);
    batch.finish(failure);
  }

  #schedule(): void {
    // What is not handed over when it closes is written then.
    if (this.#closing || this.#applying || this.#failure !== null || this.#waiting.length === 0) return;
    this.#apply ??= setTimeout(() => {
      this.#apply = null;
      if (!this.#applying && this.#failure === null) this.#handOver(false);
    }, applyMs).unref();
  }

  /** Has the journal that was appended to until now brought into the file. */
  #handOver(probe: boolean): void {
    if (this.#leaving === null && this.#waiting.length > 0) {
      this.#leaving = this.#waiting;
      this.#waiting = [];
      [this.#active, this.#other] = [this.#other, this.#active];
    }
    const journal = this.#leaving === null ? null : this.#other.path;
    const settledBelow = this.#sinceProgress < progressEvery ? null : this.#progress();
    this.#applying = true;
    this.#applied = this.#applier.apply({ journal, settledBelow, probe }).then(
      (refused) => this.#onApplied(probe, refused),
      (error: Error) => {
        this.#applying = false;
        if (!this.#closed && this.#failure === null) this.#fail(this.#store.path, error);
      },
    );
  }

  #onApplied(probed: boolean, refused: readonly number[]): void {
    this.#applying = false;
    this.#tellRefused(refused);
    if (this.#closed) return;
    if (this.#leaving !== null) {
      this.#arrived(this.#leaving);
      this.#leaving = null;
      this.#other.clear();
    }
    if (this.#failure !== null && probed) this.#recover();
    this.#schedule();
  }

  #tellRefused(ids: readonly number[]): void {
    if (ids.length > 0) this.#log.error({ ids }, 'the ledger refuses rows for what they hold: they are lost; please report this');
  }

  #arrived(writes: readonly Write[]): void {
    for (const write of writes) if (write.kind === 'settle') this.#unsettled.delete(write.id);
    this.#sinceProgress += writes.length;
    this.#arrivedCount += writes.length;
  }

  #progress(): number {
    this.#sinceProgress = 0;
    const [lowest] = this.#unsettled;
    return lowest ?? this.#lastId + 1;
  }

  /** Everything there is, over this thread's own connection; what is on its way meets itself and does no harm. */
  #writeNow(): boolean {
    const writes = [...(this.#leaving ?? []), ...this.#waiting, ...this.#unsaved];
    if (writes.length === 0) return true;
    try {
      this.#tellRefused(this.#store.write(writes));
      this.#active.clear();
      // What another thread reads just now is left to it.
      if (!this.#applying) this.#other.clear();
    } catch (error) {
      if (this.#failure === null) this.#fail(this.#store.path, error);
      return false;
    }
    this.#arrived(writes);
    this.#arrivedCount = this.#committed;
    this.#waiting = [];
    this.#unsaved = [];
    // What the other thread brings once more has arrived already.
    this.#leaving = this.#applying && this.#leaving !== null ? [] : null;
    return true;
  }

  #fail(path: string, cause: unknown): void {
    const why = (cause as Error).message;
    this.#failure = new LedgerError('ledger_unavailable', `The ledger ${path} cannot be written (${why}).`, cause);
    this.#log.error({ err: this.#failure }, 'the ledger cannot be written: new calls are refused until it can; check the disk');
    this.#retry ??= setInterval(() => this.#tryAgain(), retryEvery).unref();
  }

  /** In a journal if one can still be written, in memory otherwise. */
  #keep(write: Write): void {
    try {
      this.#active.append([write]);
      this.#waiting.push(write);
      this.#committed++;
    } catch {
      if (this.#unsaved.length < maxUnsaved) this.#unsaved.push(write);
      else
        this.#log.error(
          { id: write.id },
          'too many settlements wait for the ledger: this one will be an estimate after a restart',
        );
    }
  }

  #tryAgain(): void {
    if (this.#applying) return;
    try {
      if (this.#unsaved.length > 0) this.#active.append(this.#unsaved);
      else this.#active.probe();
    } catch {
      return;
    }
    for (const write of this.#unsaved) this.#waiting.push(write);
    this.#committed += this.#unsaved.length;
    this.#unsaved = [];
    this.#handOver(true);
  }

  #recover(): void {
    if (this.#unsaved.length > 0 || this.#waiting.length > maxWaiting) return;
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    this.#failure = null;
    this.#log.info('the ledger can be written again');
  }
}

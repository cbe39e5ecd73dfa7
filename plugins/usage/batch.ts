import type { Charged, LedgerError } from './contract.ts';
import type { Journal } from './journal.ts';
import type { Write } from './rows.ts';

const ignore = (): void => {};

/** Writes of one turn of the event loop: one append to the journal, one promise for all who wait on it. */
export class Batch {
  readonly writes: Write[] = [];
  /** What its settlements charge. */
  readonly charges: Charged[] = [];
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

/** Lets batches finish once the disk has them; those that come while one synchronisation runs share the next. */
export class Synchroniser {
  readonly #onDone: (batches: readonly Batch[], error: Error | null) => void;
  #next: { readonly batch: Batch; readonly journal: Journal }[] = [];
  #running = false;

  constructor(onDone: (batches: readonly Batch[], error: Error | null) => void) {
    this.#onDone = onDone;
  }

  /** `journal`: the one the batch was appended to. */
  add(batch: Batch, journal: Journal): void {
    this.#next.push({ batch, journal });
    if (!this.#running) this.#run();
  }

  #run(): void {
    const entries = this.#next;
    this.#next = [];
    this.#running = true;
    const journals = new Set(entries.map(({ journal }) => journal));
    const end = (error: Error | null): void => {
      this.#running = false;
      const batches = entries.map(({ batch }) => batch);
      this.#onDone(batches, error);
      if (this.#next.length > 0 && !this.#running) this.#run();
    };
    Promise.all([...journals].map((journal) => journal.synchronise())).then(() => end(null), end);
  }
}

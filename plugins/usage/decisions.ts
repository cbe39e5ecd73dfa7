import type { FastifyBaseLogger } from 'fastify';
import type { Applier } from './applier.ts';
import { DecisionTable, exchangeOf } from './decision-table.ts';
import type { LedgerStore } from './store.ts';

/** Milliseconds that decisions wait to be written together. */
const writtenEvery = 200;
/** Characters that may wait for a file that does not keep up; beyond that decisions are lost. */
const mostWaiting = 8 * 1024 * 1024;

export interface DecisionWriterOptions {
  readonly store: Pick<LedgerStore, 'database'>;
  readonly applier: Pick<Applier, 'apply'>;
  readonly log: Pick<FastifyBaseLogger, 'warn'>;
}

/**
 * Gets decisions into the ledger's file, many at a time and on its thread. Not by way of the journal, which survives the death of the
 * process: the newest may be lost then, where a journal would cost every call twice its decision. Nor is anything refused because
 * they cannot be written.
 */
export class DecisionWriter {
  readonly #options: DecisionWriterOptions;
  #waiting: string[] = [];
  #characters = 0;
  /** On their way into the file. */
  #leaving: readonly string[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lost = 0;
  #closed = false;

  constructor(options: DecisionWriterOptions) {
    this.#options = options;
  }

  /** A record as `plugins/explain/record.ts` writes it. Never throws. */
  add(record: string): void {
    if (this.#closed || this.#characters + record.length > mostWaiting) {
      this.#lost++;
      return;
    }
    this.#waiting.push(record);
    this.#characters += record.length;
    if (this.#leaving.length === 0) this.#schedule();
  }

  /** A record that is not in the file yet; null when it is, or never was. */
  find(exchange: string): string | null {
    const its = (record: string): boolean => exchangeOf(record) === exchange;
    return this.#waiting.find(its) ?? this.#leaving.find(its) ?? null;
  }

  /** Writes what is left, over this thread's own connection; what is on its way arrives by itself. Later ones are lost. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const left = this.#waiting;
    this.#waiting = [];
    if (left.length === 0) return;
    try {
      new DecisionTable(this.#options.store.database).write(left);
    } catch (err) {
      this.#options.log.warn({ err, decisions: left.length }, 'decisions could not be written to the ledger: they are lost');
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#handOver();
    }, writtenEvery).unref();
  }

  #handOver(): void {
    const decisions = this.#waiting;
    this.#leaving = decisions;
    this.#waiting = [];
    this.#characters = 0;
    const done = (err: Error | null): void => {
      this.#leaving = [];
      if (err !== null) this.#lost += decisions.length;
      if (this.#lost > 0) {
        this.#options.log.warn({ err, decisions: this.#lost }, 'decisions could not be written to the ledger: they are lost');
        this.#lost = 0;
      }
      if (this.#waiting.length > 0 && !this.#closed) this.#schedule();
    };
    this.#options.applier.apply({ journal: null, settledBelow: null, probe: false, decisions }).then(
      () => done(null),
      (error: Error) => done(error),
    );
  }
}

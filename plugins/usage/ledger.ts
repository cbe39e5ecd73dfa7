import type { FastifyBaseLogger } from 'fastify';
import type { Operation, Target } from '../../providers/provider.ts';
import { type Intent, LedgerError, type OpenAttempt, type SettledCost, type Settlement, type Usage } from './contract.ts';
import { cost } from './money.ts';
import { type Price, type PriceBook, type PriceKey, priceKey } from './price.ts';
import { type Charge, intentRow, settlementRow, type Write } from './rows.ts';
import { account } from './settlement.ts';
import type { LedgerStore } from './store.ts';

export interface LedgerOptions {
  readonly store: LedgerStore;
  readonly book: PriceBook;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}

/** Milliseconds between attempts to write again after a failure. */
const retryEvery = 1000;
/** Settlements kept in memory while the file cannot be written; above that a row stays open and is estimated at the next start. */
const maxUnsaved = 10_000;
/** Rows between two notes of how far everything is settled. */
const progressEvery = 1024;

const ignore = (): void => {};

/** Writes of one turn of the event loop: one transaction, one promise for all who wait on it. */
class Batch {
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
 * The ledger of attempts over one file. Writes queue and are committed together, once per turn of the event loop. A write
 * that fails makes the ledger not ready: opens are refused, settlements wait in memory, and it tries again every second.
 */
export class Ledger implements Usage {
  readonly #store: LedgerStore;
  readonly #book: PriceBook;
  readonly #now: () => number;
  readonly #log: LedgerOptions['log'];
  #lastId: number;
  #batch: Batch | null = null;
  /** Attempts that have not ended. */
  readonly #live = new Set<number>();
  /** Rows whose settlement is not in the file, ascending. */
  readonly #unsettled = new Set<number>();
  #unsaved: Write[] = [];
  #sinceProgress = 0;
  #failure: LedgerError | null = null;
  #retry: NodeJS.Timeout | null = null;
  readonly #pricing = new Set<Promise<unknown>>();

  constructor(options: LedgerOptions) {
    this.#store = options.store;
    this.#book = options.book;
    this.#now = options.now;
    this.#log = options.log;
    this.#lastId = this.#store.lastId();
  }

  /**
   * Settles what an earlier process left open, as `unknown` with estimated input. Once, before the first `open`. Returns how
   * many rows that were.
   */
  async recover(): Promise<number> {
    const rows = this.#store.openRows();
    const keys = rows.map((row) => ({ provider: row.provider, priceProvider: row.price_provider, model: row.target }));
    if (keys.some((key) => this.#book.waits(key))) await this.#loadPrices();
    for (const [at, row] of rows.entries()) {
      const settlement = { ...nobodySaw, endedAt: this.#now() };
      const intent = { estimatedInput: row.estimated_input, operation: row.operation as Operation };
      const charge = this.#charge(intent, settlement, keys[at]!, row.started_at);
      this.#unsettled.add(row.id);
      this.#queue(settlementRow(row.id, { ...settlement, totalMs: null }, charge));
    }
    this.flush();
    this.#noteProgress();
    return rows.length;
  }

  open(intent: Intent, target: Target): OpenAttempt {
    const key = priceKey(target);
    const id = ++this.#lastId;
    let committed: Promise<void>;
    if (this.#failure === null) {
      this.#live.add(id);
      this.#unsettled.add(id);
      committed = this.#queue(intentRow(id, intent, key.priceProvider)).committed;
      if (this.#book.waits(key)) void this.#loadPrices();
    } else {
      committed = Promise.reject(this.#failure);
      committed.catch(ignore);
    }
    return new Attempt(id, committed, (settlement) => {
      this.#live.delete(id);
      return this.#settle(id, intent, key, settlement);
    });
  }

  ready(): boolean {
    return this.#failure === null;
  }

  openCount(): number {
    return this.#live.size;
  }

  flush(): void {
    const batch = this.#batch;
    if (batch === null) return;
    this.#batch = null;
    try {
      this.#store.write(batch.writes);
      this.#written(batch.writes);
      batch.finish();
    } catch (error) {
      this.#fail(batch, error);
    }
  }

  price(target: Target, at: number = this.#now()): Price | null {
    return this.#book.find(priceKey(target), at);
  }

  /** Commits what is left and gives the file back. Later opens are refused. */
  async close(): Promise<void> {
    await Promise.all(this.#pricing);
    this.flush();
    if (this.#retry !== null) this.#tryAgain();
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    if (this.#failure === null) this.#noteProgress();
    if (this.#unsaved.length > 0) {
      this.#log.error(
        { attempts: this.#unsaved.length },
        'the ledger could not be written: these become estimates at the next start',
      );
    }
    this.#failure = new LedgerError('ledger_closed', 'The ledger is closed: this process is shutting down.');
    this.#store.close();
  }

  #settle(id: number, intent: Intent, key: PriceKey, settlement: Settlement): Promise<SettledCost> {
    if (!this.#book.waits(key)) return this.#record(id, settlement, this.#charge(intent, settlement, key, intent.startedAt));
    const priced = this.#loadPrices().then(() =>
      this.#record(id, settlement, this.#charge(intent, settlement, key, intent.startedAt)),
    );
    this.#pricing.add(priced);
    void priced.finally(() => this.#pricing.delete(priced));
    return priced;
  }

  async #record(id: number, settlement: Settlement, charge: Charge): Promise<SettledCost> {
    const { nanoUsd, quantities, source } = charge;
    // An open that was refused has no row.
    if (this.#unsettled.has(id)) {
      const row = settlementRow(id, settlement, charge);
      if (this.#failure === null) await this.#queue(row).done;
      else this.#keep(row);
    }
    return { nanoUsd, quantities, source };
  }

  #charge(intent: Pick<Intent, 'estimatedInput' | 'operation'>, settlement: Settlement, key: PriceKey, at: number): Charge {
    const accounted = account(intent, settlement);
    if (accounted.source === 'none') return { ...accounted, nanoUsd: 0, price: null };
    // An alias that has no price of its own is priced as what the upstream says answered.
    const price =
      this.#book.find(key, at) ??
      (settlement.servedModel === null ? null : this.#book.find({ ...key, model: settlement.servedModel }, at));
    const amount = price === null ? null : cost(accounted.quantities, price.rates);
    // 9 million USD for one attempt is where exact numbers end.
    const nanoUsd = amount === null ? null : Math.min(Number(amount), Number.MAX_SAFE_INTEGER);
    return { ...accounted, nanoUsd, price };
  }

  #queue(write: Write): Batch {
    if (this.#batch === null) {
      this.#batch = new Batch();
      setImmediate(() => this.flush());
    }
    this.#batch.writes.push(write);
    return this.#batch;
  }

  #written(writes: readonly Write[]): void {
    for (const write of writes) if (write.kind === 'settle') this.#unsettled.delete(write.id);
    this.#sinceProgress += writes.length;
    if (this.#sinceProgress < progressEvery) return;
    this.#sinceProgress = 0;
    this.#noteProgress();
  }

  /** Only shortens the next start, so a failure here is left to the next write to find. */
  #noteProgress(): void {
    const [lowest] = this.#unsettled;
    try {
      this.#store.settledBelow(lowest ?? this.#lastId + 1);
    } catch {}
  }

  #fail(batch: Batch, cause: unknown): void {
    if (this.#failure === null) {
      const why = (cause as Error).message;
      this.#failure = new LedgerError('ledger_unavailable', `The ledger ${this.#store.path} cannot be written (${why}).`, cause);
      this.#log.error({ err: this.#failure }, 'the ledger cannot be written: new calls are refused until it can; check the disk');
      this.#retry = setInterval(() => this.#tryAgain(), retryEvery).unref();
    }
    for (const write of batch.writes) {
      if (write.kind === 'open') {
        this.#live.delete(write.id);
        this.#unsettled.delete(write.id);
      } else if (this.#unsettled.has(write.id)) this.#keep(write);
    }
    batch.finish(this.#failure);
  }

  #keep(write: Write): void {
    if (this.#unsaved.length < maxUnsaved) this.#unsaved.push(write);
    else
      this.#log.error({ id: write.id }, 'too many settlements wait for the ledger: this one will be an estimate after a restart');
  }

  #tryAgain(): void {
    try {
      this.#store.write(this.#unsaved);
      this.#written(this.#unsaved);
      this.#unsaved = [];
      this.#store.probe();
    } catch {
      return;
    }
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    this.#failure = null;
    this.#log.info('the ledger can be written again');
  }

  #loadPrices(): Promise<void> {
    return this.#book.ready().catch((err: unknown) => {
      this.#log.error({ err }, 'the built-in prices cannot be loaded: costs are unknown where no price is configured');
    });
  }
}

/** Settlement of an attempt whose end nobody saw. */
const nobodySaw = {
  outcome: 'unknown',
  reason: 'unknown_outcome',
  status: 0,
  upstreamStatus: 0,
  servedModel: null,
  usage: null,
  estimatedOutput: 0,
  unsent: false,
  firstContentMs: null,
  totalMs: 0,
} as const;

class Attempt implements OpenAttempt {
  readonly id: number;
  readonly committed: Promise<void>;
  readonly #settle: (settlement: Settlement) => Promise<SettledCost>;
  #result: Promise<SettledCost> | null = null;

  constructor(id: number, committed: Promise<void>, settle: (settlement: Settlement) => Promise<SettledCost>) {
    this.id = id;
    this.committed = committed;
    this.#settle = settle;
  }

  get settled(): boolean {
    return this.#result !== null;
  }

  settle(settlement: Settlement): Promise<SettledCost> {
    this.#result ??= this.#settle(settlement);
    return this.#result;
  }
}

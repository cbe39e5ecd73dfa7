import type { Target } from '../../providers/provider.ts';
import { chargedOf } from './charged.ts';
import type { Charged, Charges, Intent, LedgerSum, OpenAttempt, SettledCost, Settlement, Usage } from './contract.ts';
import { cost } from './money.ts';
import { type Price, type PriceBook, type PriceKey, priceKey } from './price.ts';
import { type Charge, intentRow, settlementRow } from './rows.ts';
import { account } from './settlement.ts';
import type { LedgerStore } from './store.ts';
import { LedgerWriter } from './writer.ts';
import type { WriterOptions } from './writer-options.ts';

export interface LedgerOptions extends Omit<WriterOptions, 'onCharged'> {
  readonly book: PriceBook;
}

/** The ledger of attempts: what they used and what that cost, priced once each. */
export class Ledger implements Usage, Charges {
  readonly #store: LedgerStore;
  readonly #writer: LedgerWriter;
  readonly #book: PriceBook;
  readonly #now: () => number;
  readonly #log: LedgerOptions['log'];
  /** Attempts that have not ended. */
  #live = 0;
  readonly #pricing = new Set<Promise<unknown>>();
  readonly #listeners: ((charged: Charged) => void)[] = [];

  /** Takes over what an earlier process left in the journal. */
  constructor(options: LedgerOptions) {
    this.#store = options.store;
    this.#book = options.book;
    this.#now = options.now;
    this.#log = options.log;
    this.#writer = new LedgerWriter({ ...options, onCharged: (charged) => this.#tell(charged) });
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
      const intent = {
        estimatedInput: row.estimated_input,
        operation: row.operation as Intent['operation'],
        exchange: row.exchange,
        attempt: row.attempt,
        keyId: row.key_id,
        team: row.team,
        chargedAt: row.charged_at,
      };
      const charge = this.#charge(intent, settlement, keys[at]!, row.started_at);
      this.#writer.recovered(settlementRow(row.id, { ...settlement, totalMs: null }, charge), chargedOf(row.id, intent, charge));
    }
    this.#writer.flush();
    this.#writer.noteProgress();
    return rows.length;
  }

  open(intent: Intent, target: Target): OpenAttempt {
    const key = priceKey(target);
    const id = this.#writer.nextId();
    if (this.#book.waits(key)) void this.#loadPrices();
    this.#live++;
    return new Attempt(id, this.#writer.intent(intentRow(id, intent, key.priceProvider)), (settlement) => {
      this.#live--;
      return this.#settle(id, intent, key, settlement);
    });
  }

  ready(): boolean {
    return this.#writer.failure === null;
  }

  openCount(): number {
    return this.#live;
  }

  flush(): void {
    this.#writer.flush();
  }

  price(target: Target, at: number = this.#now()): Price | null {
    return this.#book.find(priceKey(target), at);
  }

  /** See `LedgerWriter.arrival`. */
  arrival(): Promise<void> {
    return this.#writer.arrival();
  }

  onCharged(listener: (charged: Charged) => void): void {
    this.#listeners.push(listener);
  }

  sums(from: number): readonly LedgerSum[] {
    this.#writer.flush();
    if (this.#writer.failure !== null) throw this.#writer.failure;
    return this.#store.sums(from);
  }

  /** Commits what is left and gives the file back. Later opens are refused. */
  async close(): Promise<void> {
    await Promise.all(this.#pricing);
    await this.#writer.close();
  }

  #settle(id: number, intent: Intent, key: PriceKey, settlement: Settlement): Promise<SettledCost> {
    if (!this.#book.waits(key))
      return this.#record(id, intent, settlement, this.#charge(intent, settlement, key, intent.startedAt));
    const priced = this.#loadPrices().then(() =>
      this.#record(id, intent, settlement, this.#charge(intent, settlement, key, intent.startedAt)),
    );
    this.#pricing.add(priced);
    void priced.finally(() => this.#pricing.delete(priced));
    return priced;
  }

  async #record(id: number, intent: Intent, settlement: Settlement, charge: Charge): Promise<SettledCost> {
    const { nanoUsd, quantities, source } = charge;
    await this.#writer.settlement(settlementRow(id, settlement, charge), chargedOf(id, intent, charge));
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

  #tell(charged: Charged): void {
    for (const listener of this.#listeners) listener(charged);
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

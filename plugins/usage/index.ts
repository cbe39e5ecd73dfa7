import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { FastifyBaseLogger } from 'fastify';
import fp from 'fastify-plugin';
import type { ModelInfo } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { Applier } from './applier.ts';
import type { Charges, Usage } from './contract.ts';
import { DecisionWriter } from './decisions.ts';
import { dropOutbox, keepOutbox } from './fleet/outbox.ts';
import { Journal, journalPaths } from './journal.ts';
import { Ledger } from './ledger.ts';
import { PriceBook } from './price.ts';
import { LedgerReader } from './reader.ts';
import { type Fsync, LedgerStore } from './store.ts';

export * from './contract.ts';
export { estimateInput, estimateOutput } from './estimate.ts';
export type { Price, PriceSource } from './price.ts';

const dayMs = 86_400_000;
/** Milliseconds between two looks for what is too old. */
const removedEvery = 600_000;
/** The first look: a start has other things to do, and the thread that looks takes 10 MiB. */
const firstRemoval = 60_000;

export interface UsageOptions {
  /** Owned by this process while it runs; made with mode 0700 when it is not there. */
  readonly dataDir: string;
  readonly fsync: Fsync;
  /** Attempts and decisions older than so many days are removed; 0 or absent: never. */
  readonly retentionDays?: number;
  /** Milliseconds until the first look for what is too old. */
  readonly firstRemoval?: number;
  /** The order of rows is kept for the other replicas, and reads are of all of them. */
  readonly fleet?: boolean;
  readonly prices: Config['prices'];
  /** Version of the configuration the prices are from. */
  readonly version: string;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly log?: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}

declare module 'fastify' {
  interface FastifyInstance {
    usage: Usage & {
      /** Models the built-in data has for a provider (context windows); loads that data. */
      builtinModels(priceProvider: string): Promise<readonly ModelInfo[]>;
      readonly charges: Charges;
      readonly decisions: Pick<DecisionWriter, 'add' | 'find'>;
      /** Reads what the file has; see `arrival`. */
      readonly reader: Pick<LedgerReader, 'exchange' | 'decisions' | 'usage' | 'attempts'>;
      /** Resolves when the file has what is committed now. */
      arrival(): Promise<void>;
      /** Names this ledger in a fleet; 16 hex digits, kept in its file. */
      readonly replica: string;
    };
  }
}

/** Throws an error that says what to do; the directory is given back then. */
function openJournals(store: LedgerStore, synchronised: boolean): readonly [Journal, Journal] {
  try {
    const [first, second] = journalPaths(store.dir);
    const journals = [new Journal(first), new Journal(second)] as const;
    // A file that was just made is in its directory after a power loss only if the directory was synchronised too.
    if (synchronised) synchroniseDirectory(store.dir);
    return journals;
  } catch (error) {
    store.close();
    throw error;
  }
}

function synchroniseDirectory(path: string): void {
  const directory = openSync(path, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

export default fp<UsageOptions>(
  async (app, options) => {
    const { dataDir, fsync, prices, version, now = Date.now, log = app.log } = options;
    const book = new PriceBook({ prices, version });
    const store = new LedgerStore({ dataDir, fsync, now, log });
    const synchronised = fsync === 'always';
    const journals = openJournals(store, synchronised);
    const applier = new Applier({ path: store.path, synchronous: synchronised ? 'FULL' : 'NORMAL' });
    const decisions = new DecisionWriter({ store, applier, log });
    if (options.fleet === true) keepOutbox(store.database, now());
    else dropOutbox(store.database);
    const reader = new LedgerReader(store.path, options.fleet === true ? store.dir : null);
    const ledger = new Ledger({
      store,
      journals,
      applier,
      synchronised,
      book,
      now,
      log,
    });
    const recovered = await ledger.recover();
    if (recovered > 0) {
      log.warn({ attempts: recovered }, 'attempts of an earlier process had not ended: settled as unknown, with estimated input');
    }
    app.decorate('usage', {
      open: (intent, target) => ledger.open(intent, target),
      ready: () => ledger.ready(),
      openCount: () => ledger.openCount(),
      flush: () => ledger.flush(),
      price: (target, at) => ledger.price(target, at),
      builtinModels: (priceProvider) => book.ready().then(() => book.builtinModels(priceProvider)),
      charges: { onCharged: (listener) => ledger.onCharged(listener), sums: (from) => ledger.sums(from) },
      decisions,
      reader,
      arrival: () => ledger.arrival(),
      replica: store.replica(),
    });
    const retention = options.retentionDays === undefined || options.retentionDays === 0 ? null : options.retentionDays * dayMs;
    const remove = (): void => {
      // The file has enough to do while it does not keep up.
      if (retention === null || !ledger.ready()) return;
      applier.apply({ journal: null, settledBelow: null, probe: false, removeBefore: now() - retention }).catch(() => {});
    };
    const timer = retention === null ? null : setInterval(remove, removedEvery).unref();
    const first = retention === null ? null : setTimeout(remove, options.firstRemoval ?? firstRemoval).unref();
    app.addHook('onClose', async () => {
      if (timer !== null) clearInterval(timer);
      if (first !== null) clearTimeout(first);
      decisions.close();
      await reader.close();
      await ledger.close();
    });
  },
  { name: 'usage', fastify: '5.x', dependencies: [] },
);

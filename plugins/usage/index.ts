import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { FastifyBaseLogger } from 'fastify';
import fp from 'fastify-plugin';
import type { ModelInfo } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { Applier } from './applier.ts';
import type { Usage } from './contract.ts';
import { DecisionWriter } from './decisions.ts';
import { Journal, journalPaths } from './journal.ts';
import { Ledger } from './ledger.ts';
import { PriceBook } from './price.ts';
import { LedgerReader } from './reader.ts';
import { type Fsync, LedgerStore } from './store.ts';

export * from './contract.ts';
export { estimateInput, estimateOutput } from './estimate.ts';
export type { Price, PriceSource } from './price.ts';

export interface UsageOptions {
  /** Owned by this process while it runs; made with mode 0700 when it is not there. */
  readonly dataDir: string;
  readonly fsync: Fsync;
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
      readonly decisions: Pick<DecisionWriter, 'add' | 'find'>;
      readonly reader: Pick<LedgerReader, 'exchange' | 'decisions'>;
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
    const reader = new LedgerReader(store.path);
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
      decisions,
      reader,
    });
    app.addHook('onClose', async () => {
      decisions.close();
      await reader.close();
      await ledger.close();
    });
  },
  { name: 'usage', fastify: '5.x', dependencies: [] },
);

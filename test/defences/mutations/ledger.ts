import type { Mutation } from '../mutation.ts';

/** Usage that is not lost, and money that is not made up. */
export const ledger: readonly Mutation[] = [
  {
    id: 'attempt-settles-once',
    removes: 'an attempt settles once',
    file: 'plugins/usage/ledger.ts',
    find: 'this.#result ??= this.#settle(settlement);',
    replace: 'this.#result = this.#settle(settlement);',
    test: 'plugins/usage/ledger',
    name: 'settles exactly once: the second call returns the first result',
  },
  {
    id: 'settled-before-the-end',
    removes: 'the last bytes of an answer wait for the settled row',
    file: 'plugins/relay/settlement.ts',
    find: `settled.then((cost) => {
    addCost(exchange, cost);
    committed?.();`,
    replace: `committed?.();
  settled.then((cost) => {
    addCost(exchange, cost);`,
    test: 'e2e/settle',
    name: 'the content of a stream does not wait for the settlement, its [DONE] does',
  },
  {
    id: 'intent-before-send',
    removes: 'nothing is sent before its intent is in the ledger',
    file: 'plugins/relay/run.ts',
    find: 'record.committed.then(',
    replace: `record.committed.catch(() => {});
    Promise.resolve().then(`,
    test: 'e2e/settle',
    name: 'nothing is sent upstream before the intent is committed',
  },
  {
    id: 'ledger-failure-refuses',
    removes: 'without a ledger nothing that costs money is sent',
    file: 'plugins/usage/ledger.ts',
    find: 'committed = Promise.reject(this.#failure);',
    replace: 'committed = Promise.resolve();',
    test: 'plugins/usage/disk-full',
    name: 'refuses new attempts with a typed error',
  },
  {
    id: 'one-process-per-directory',
    removes: 'one process owns a data directory',
    file: 'plugins/usage/lock.ts',
    find: "database.exec('BEGIN EXCLUSIVE');",
    replace: "database.exec('BEGIN');",
    test: 'plugins/usage/store',
    name: 'a second one in the same process is refused too',
  },
  {
    id: 'open-intents-recovered',
    removes: 'attempts an earlier process left open are settled at the start',
    file: 'plugins/usage/ledger.ts',
    find: 'const rows = this.#store.openRows();',
    replace: 'const rows = this.#store.openRows().slice(0, 0);',
    test: 'plugins/usage/recovery',
    name: 'U5: settles what an earlier process left open as unknown',
  },
  {
    id: 'damaged-file-moved-aside',
    removes: 'a damaged ledger is found at the start',
    file: 'plugins/usage/store.ts',
    find: 'const found = damage(database);',
    replace: 'const found = null;',
    test: 'plugins/usage/store',
    name: 'D3: is moved aside when',
  },
  {
    id: 'unknown-price-is-null',
    removes: 'an unknown price is unknown, not 0',
    file: 'plugins/usage/ledger.ts',
    find: 'const amount = price === null ? null : cost(',
    replace: 'const amount = price === null ? 0n : cost(',
    test: 'plugins/usage/ledger',
    name: 'has an unknown cost, not 0, where no price is known',
  },
  {
    id: 'unpriced-kind-is-null',
    removes: 'a quantity without a price makes the cost unknown',
    file: 'plugins/usage/money.ts',
    find: 'if (at.output === undefined) return null;',
    replace: 'if (at.output === undefined) return (pico + 500n) / 1000n;',
    test: 'plugins/usage/money',
    name: 'is null, not 0, when output has no price',
  },
  {
    id: 'missing-usage-estimated',
    removes: 'an answer without usage is estimated, not free',
    file: 'plugins/usage/settlement.ts',
    find: 'if (unsent) return nothing;',
    replace: 'if (unsent || usage === null) return nothing;',
    test: 'e2e/answers',
    name: 'A13: without usage the answer is normal and the ledger has an estimate',
  },
  {
    id: 'unsent-costs-nothing',
    removes: 'what was never sent is not charged',
    file: 'plugins/usage/settlement.ts',
    find: 'if (unsent) return nothing;',
    replace: '',
    test: 'plugins/usage/settlement',
    name: 'U1: is nothing when nothing reached the upstream',
  },
];

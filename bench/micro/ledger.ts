import { join } from 'node:path';
import type { Intent, Settlement } from '../../plugins/usage/contract.ts';
import { picoPerUnit } from '../../plugins/usage/money.ts';
import { intentRow, settlementRow } from '../../plugins/usage/rows.ts';
import { LedgerStore } from '../../plugins/usage/store.ts';
import type { Case } from './harness.ts';

const intent: Intent = {
  exchange: 'ex_01jd2v8k3mq4t5w6x7y8z9a0b1',
  requestId: 'ex_01jd2v8k3mq4t5w6x7y8z9a0b1',
  attempt: 1,
  startedAt: 1_793_750_400_000,
  operation: 'chat',
  keyId: 'key_bench',
  model: 'bench-model',
  provider: 'bench',
  target: 'bench-model',
  stream: false,
  estimatedInput: 210,
  metadata: null,
  configVersion: 'c0ffee123456',
};
const quantities = { input: 190, output: 148, cached: 0, reasoning: 0 };
const settlement: Settlement = {
  outcome: 'ok',
  reason: null,
  status: 200,
  upstreamStatus: 200,
  servedModel: 'bench-model',
  usage: quantities,
  estimatedOutput: 140,
  unsent: false,
  endedAt: 1_793_750_400_700,
  firstContentMs: 680,
  totalMs: 700,
};
const rates = { base: { input: picoPerUnit(0.75), output: picoPerUnit(4.5) }, tiers: [] };
const charge = {
  quantities,
  source: 'provider',
  nanoUsd: 808_500,
  price: { rates, source: 'config', version: 'c0ffee123456' },
} as const;

/** Attempts written to a file in `directory`: intents in one transaction, settlements in the next, as the event loop's turns do it. */
export function ledgerCases(directory: string): readonly Case[] {
  return [1, 8, 32].map((batch) => {
    const log = { warn: () => undefined };
    const store = new LedgerStore({ dataDir: join(directory, `ledger-${batch}`), fsync: 'normal', now: Date.now, log });
    let id = 0;
    return {
      name: `ledger, open and settle one attempt, batches of ${batch}`,
      run(times) {
        for (let left = times; left > 0; left -= batch) {
          const ids = Array.from({ length: batch }, () => ++id);
          store.write(ids.map((each) => intentRow(each, intent, null)));
          store.write(ids.map((each) => settlementRow(each, settlement, charge)));
        }
        return id;
      },
      close: () => store.close(),
    };
  });
}

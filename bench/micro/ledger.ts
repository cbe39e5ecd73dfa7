import { join } from 'node:path';
import type { Intent, Settlement } from '../../plugins/usage/contract.ts';
import { Journal } from '../../plugins/usage/journal.ts';
import { picoPerUnit } from '../../plugins/usage/money.ts';
import { intentRow, settlementRow, type Write } from '../../plugins/usage/rows.ts';
import { LedgerStore } from '../../plugins/usage/store.ts';
import type { Case } from './harness.ts';

/** What 50 ms bring at 500 calls per second. */
const rowsTogether = 50;

const intent: Intent = {
  exchange: 'ex_01jd2v8k3mq4t5w6x7y8z9a0b1',
  requestId: 'ex_01jd2v8k3mq4t5w6x7y8z9a0b1',
  attempt: 1,
  startedAt: 1_793_750_400_000,
  operation: 'chat',
  team: null,
  credential: 'operator' as const,
  chargedAt: Date.now(),
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

type Flush = (writes: readonly Write[]) => void;

/** Attempts in turns of the event loop: the intents of one turn, then their settlements. */
function turns(name: string, batch: number, flush: Flush, close: () => void): Case {
  let id = 0;
  return {
    name: `ledger, ${name}, one attempt, batches of ${batch}`,
    run(times) {
      for (let left = times; left > 0; left -= batch) {
        const ids = Array.from({ length: batch }, () => ++id);
        flush(ids.map((each) => intentRow(each, intent, null)));
        flush(ids.map((each) => settlementRow(each, settlement, charge)));
      }
      return id;
    },
    close,
  };
}

/** What the thread does with a journal: rows of many keys and models, with their sums and their place in the chain. */
function intoTheFile(store: LedgerStore): Case {
  let id = 0;
  return {
    name: `ledger, rows, sums and chain into the file, one attempt, ${rowsTogether / 2} together`,
    run(times) {
      for (let left = times; left > 0; left -= rowsTogether / 2) {
        const writes: Write[] = [];
        for (let at = 0; at < rowsTogether / 2; at++) {
          id++;
          const model = `model-${id % 12}`;
          const its = {
            ...intent,
            keyId: `key_${(id * 7) % 200}`,
            team: `team_${id % 20}`,
            model,
            target: model,
            chargedAt: Date.now(),
          };
          writes.push(intentRow(id, its, null), settlementRow(id, settlement, charge));
        }
        store.write(writes);
      }
      return id;
    },
    close: () => store.close(),
  };
}

/** By way of the journal as the ledger does it, and, to compare, in one transaction a turn. Files in `directory`. */
export function ledgerCases(directory: string): readonly Case[] {
  const open = (name: string) =>
    new LedgerStore({ dataDir: join(directory, name), fsync: 'normal', now: Date.now, log: { warn: () => undefined } });
  const byTurns = [1, 8, 32].flatMap((batch) => {
    const [direct, store] = [open(`direct-${batch}`), open(`journal-${batch}`)];
    const journal = new Journal(join(store.dir, 'ledger.journal-1'));
    let waiting: Write[] = [];
    const byJournal: Flush = (writes) => {
      journal.append(writes);
      for (const write of writes) waiting.push(write);
      if (waiting.length < rowsTogether) return;
      store.write(waiting);
      journal.clear();
      waiting = [];
    };
    const closeJournal = () => {
      journal.close();
      store.close();
    };
    return [
      turns('journal', batch, byJournal, closeJournal),
      turns(
        'a transaction a turn',
        batch,
        (writes) => direct.write(writes),
        () => direct.close(),
      ),
    ];
  });
  return [...byTurns, intoTheFile(open('file'))];
}

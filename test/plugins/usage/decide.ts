import { Applier } from '../../../plugins/usage/applier.ts';
import { DecisionWriter } from '../../../plugins/usage/decisions.ts';
import { openLedger } from './sample.ts';

// Run as a process of its own and killed: keeps decisions, each with its number, as fast as it can.

const { store, log } = openLedger(process.argv[2]!);
const writer = new DecisionWriter({ store, applier: new Applier({ path: store.path, synchronous: 'NORMAL' }), log });
let count = 0;
setInterval(() => {
  for (let each = 0; each < 20; each++) writer.add(`[1,"ex_1m840at1${String(++count).padStart(12, '0')}",${'9'.repeat(500)}]`);
  process.stdout.write(`${count}\n`);
}, 1);

import { intent, openLedger, settlement, target } from './sample.ts';

// Run as a process of its own and killed: settles attempts in a loop and prints each id only after its commit.

const dataDir = process.argv[2]!;
const { ledger } = openLedger(dataDir);
await ledger.recover();

async function worker(): Promise<void> {
  for (;;) {
    const attempt = ledger.open(intent(), target());
    await attempt.committed;
    process.stdout.write(`open ${attempt.id}\n`);
    await attempt.settle(settlement());
    process.stdout.write(`settled ${attempt.id}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, worker));

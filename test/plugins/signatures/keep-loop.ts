import { SignatureKeeper } from '../../../plugins/signatures/keeper.ts';
import { MemorySignatureStore } from '../../../plugins/signatures/memory-store.ts';
import { Sealer } from '../../../plugins/signatures/seal.ts';
import { signaturesPath } from '../../../plugins/signatures/sqlite-file.ts';
import { SqliteSignatureStore } from '../../../plugins/signatures/sqlite-store.ts';

// Run as a process of its own and killed: keeps signatures in a loop and prints each id only once it is durable.

const limits = { entries: 100_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };
const log = { info: console.error, warn: console.error };
const store = new SqliteSignatureStore({
  path: signaturesPath(process.argv[2]!),
  sealer: new Sealer(Buffer.alloc(32, 7), 'kept'),
  limits,
  now: Date.now,
  log,
  onPruned: () => {},
});
const counts = { hits: 0, misses: 0, kept: 0, pruned: 0, tooLarge: 0, failed: 0 };
const front = new MemorySignatureStore(limits, Date.now);
const keeper = new SignatureKeeper({ front, store, counts, entryBytes: 10_000, wait: 60_000, log });

async function worker(name: number): Promise<void> {
  for (let turn = 0; ; turn++) {
    const id = `call_${name}_${turn}`;
    await keeper.keep('t', [{ id, dialect: 'acme', issuer: 'acme/large', signature: 's'.repeat(1_500) }]);
    process.stdout.write(`${id}\n`);
  }
}
await Promise.all([0, 1, 2, 3].map(worker));

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { verifyChain } from '../../../plugins/usage/chain.ts';
import { Journal, journalPaths } from '../../../plugins/usage/journal.ts';
import { intentRow, settlementRow, type Write } from '../../../plugins/usage/rows.ts';
import { firstIntentColumns, insertSettlement, intentColumns, migrations } from '../../../plugins/usage/tables.ts';
import { differences } from './naive-sums.ts';
import { intent, openLedger, readRows, settlement, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const charge = (nanoUsd: number) => ({ quantities: { input: 7, output: 3 }, source: 'provider', nanoUsd, price: null }) as const;
const before = intentColumns.slice(0, firstIntentColumns);

/** An intent as version 0.1 wrote it. */
function opened(id: number, startedAt: number, metadata: string | null = null): Write {
  const write = intentRow(id, intent({ exchange: `ex_${id}`, startedAt, metadata }), null);
  return { ...write, values: write.values.slice(0, firstIntentColumns) };
}
const settled = (id: number) => settlementRow(id, settlement(), charge(id));

/** A ledger of version 0.1: rows over many days, one of them open. */
function olderLedger(rows: number): void {
  const database = new DatabaseSync(join(directory.path, 'ledger.sqlite'));
  database.exec(`${migrations.slice(0, 3).join('')} PRAGMA user_version = 3; BEGIN`);
  const insert = database.prepare(`INSERT INTO intents (${before.join(', ')}) VALUES (${before.map(() => '?').join(', ')})`);
  const settle = database.prepare(insertSettlement);
  const now = Date.now();
  for (let id = 1; id <= rows; id++) {
    const write = opened(id, now - (rows - id) * 600_000, id % 3 === 0 ? '{"feature":"a"}' : null);
    insert.run(...write.values);
    if (id !== 10) settle.run(...settled(id).values);
  }
  database.exec('COMMIT');
  database.close();
}

it('a ledger of the version before is taken over with its journals: sums and chain are of all its rows', async () => {
  olderLedger(4_500);
  for (const [at, path] of journalPaths(directory.path).entries()) {
    const journal = new Journal(path);
    // The second journal has the settlement of an intent in the first, and one of a row in the file.
    journal.append(
      at === 0 ? [opened(4_501, Date.now(), '{"feature":"b"}'), opened(4_502, Date.now())] : [settled(4_501), settled(10)],
    );
    journal.close();
  }
  const { ledger, store, log } = openLedger(directory.path);
  expect(await ledger.recover()).toBe(1);
  expect(log.lines).toEqual([]);
  expect(verifyChain(store.database)).toMatchObject({ sound: true, intents: 4_502, settlements: 4_502 });
  const replica = store.replica();
  expect(replica).toMatch(/^[0-9a-f]{16}$/);
  await ledger.close();

  const { kept, rows } = differences(join(directory.path, 'ledger.sqlite'));
  expect(kept).toEqual(rows);
  const found = readRows(directory.path);
  expect(found).toHaveLength(4_502);
  expect(found.at(-2)).toMatchObject({
    id: 4_501,
    team: null,
    credential: 'operator',
    charged_at: found.at(-2)!.started_at,
    cost_nano: 4_501,
  });
  expect(found[0]).toMatchObject({ team: null, credential: 'operator', charged_at: found[0]!.started_at });

  const again = openLedger(directory.path);
  expect(again.store.replica()).toBe(replica);
  await again.ledger.close();
});

it('the upgrade is whole or not there: one that is cut short is made again', async () => {
  olderLedger(50);
  const path = join(directory.path, 'ledger.sqlite');
  const database = new DatabaseSync(path);
  // What the process had done when it was killed, inside its transaction.
  database.exec(`BEGIN IMMEDIATE; ${migrations[3]} ${migrations[4]}`);
  database.close();
  const { ledger } = openLedger(directory.path);
  await ledger.recover();
  await ledger.close();
  const { kept, rows } = differences(path);
  expect(kept).toEqual(rows);
});

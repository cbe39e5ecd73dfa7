import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Journal } from '../../../plugins/usage/journal.ts';
import { intentRow, settlementRow, type Write } from '../../../plugins/usage/rows.ts';
import { intent, openLedger, readRows, settlement, target, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  vi.restoreAllMocks();
  directory.remove();
});

const charge = { quantities: { input: 999, output: 99 }, source: 'provider', nanoUsd: 777, price: null } as const;
const oldIntent = intentRow(1, intent({ exchange: 'ex_old' }), null);
const oldSettlement = settlementRow(1, settlement({ servedModel: 'OLD' }), charge);

/** What an earlier process, killed, left in its journal. */
function leave(...writes: readonly Write[]): void {
  const journal = new Journal(join(directory.path, 'ledger.journal-1'));
  for (const write of writes) journal.append([write]);
  journal.close();
}

describe('a settlement without its intent', () => {
  async function nextCall(): Promise<Record<string, unknown>[]> {
    const { ledger } = openLedger(directory.path);
    await ledger.recover();
    const attempt = ledger.open(intent({ exchange: 'ex_new' }), target());
    await attempt.committed;
    ledger.flush();
    expect(readRows(directory.path).filter(({ exchange }) => exchange === 'ex_new')).toMatchObject([{ state: 'open' }]);
    await attempt.settle(settlement({ servedModel: 'NEW' }));
    await ledger.close();
    return readRows(directory.path);
  }

  it('D3: of a journal whose intent is damaged is not given to the next call', async () => {
    leave(oldIntent, oldSettlement);
    const path = join(directory.path, 'ledger.journal-1');
    const bytes = readFileSync(path);
    bytes[20]! ^= 1;
    writeFileSync(path, bytes);
    expect(await nextCall()).toMatchObject([{ id: 2, exchange: 'ex_new', served_model: 'NEW' }]);
  });

  it('D3: of a file that was moved aside is not given to the next call', async () => {
    leave(oldSettlement);
    writeFileSync(
      join(directory.path, 'ledger.sqlite'),
      'no database at all, but long enough to be read as a header of one'.repeat(9),
    );
    expect(await nextCall()).toMatchObject([{ id: 2, exchange: 'ex_new', served_model: 'NEW' }]);
  });

  it('D1: is not written for an intent that is refused in the same turn', async () => {
    const file = Promise.withResolvers<readonly number[]>();
    const apply = vi.fn(() => file.promise);
    const { ledger } = openLedger(directory.path, { applier: { apply, close: async () => {} } });
    await ledger.open(intent(), target()).committed;
    await expect.poll(() => apply.mock.calls.length).toBe(1);
    const queued = ledger.open(intent(), target());
    // Before it is committed the ledger fails, and its caller leaves.
    file.reject(new Error('the disk is full'));
    await Promise.allSettled([file.promise]);
    expect(ledger.ready()).toBe(false);
    const settled = queued.settle(settlement());
    await expect(queued.committed).rejects.toMatchObject({ code: 'ledger_unavailable' });
    await settled;
    await ledger.close();
    const next = openLedger(directory.path);
    await next.ledger.recover();
    expect(next.store.database.prepare('SELECT id FROM settlements WHERE id NOT IN (SELECT id FROM intents)').all()).toEqual([]);
    await next.ledger.open(intent({ exchange: 'ex_new' }), target()).settle(settlement());
    await next.ledger.close();
    expect(readRows(directory.path)).toMatchObject([{ id: 1 }, { exchange: 'ex_new', cost_nano: 3_000_000 }]);
  });
});

describe('what comes too late', () => {
  it('is not written into whatever has the number of a closed journal', async () => {
    const { ledger } = openLedger(directory.path);
    const attempt = ledger.open(intent(), target());
    await attempt.committed;
    await ledger.close();
    const victim = join(directory.path, 'victim');
    writeFileSync(victim, 'precious');
    const files = Array.from({ length: 8 }, () => openSync(victim, 'a'));
    await attempt.settle(settlement());
    for (const file of files) closeSync(file);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });
});

describe('a row that the file refuses for what it holds', () => {
  const refused = (id: number): Write => ({ ...oldSettlement, id, values: [null, ...oldSettlement.values.slice(1, -1), id] });

  it('is left out and told; the others are written, and nothing fails', async () => {
    leave(oldIntent, refused(1), intentRow(2, intent(), null));
    const { ledger, log } = openLedger(directory.path);
    expect(await ledger.recover()).toBe(2);
    expect(log.lines).toEqual([expect.stringMatching(/^warn part of the ledger's journal cannot be read/)]);
    await ledger.open(intent(), target()).settle(settlement());
    await ledger.close();
    expect(readRows(directory.path).map(({ id, outcome }) => [id, outcome])).toEqual([
      [1, 'unknown'],
      [2, 'unknown'],
      [3, 'ok'],
    ]);
  });

  it('of another version, with more or fewer values, is damage', () => {
    leave({ ...oldIntent, values: oldIntent.values.slice(1) }, oldIntent);
    const journal = new Journal(join(directory.path, 'ledger.journal-1'));
    expect(journal.read()).toEqual({ writes: [oldIntent], damaged: 1 });
    journal.close();
  });
});

it('a journal that cannot be opened is refused with its path and the way out, and the directory is given back', async () => {
  mkdirSync(join(directory.path, 'ledger.journal-2'));
  expect(() => new Journal(join(directory.path, 'ledger.journal-2'))).toThrow(/journal-2 cannot be opened \(EISDIR\).*DATA_DIR/);
});

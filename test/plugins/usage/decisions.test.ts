import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exchangeTime } from '../../../plugins/exchange/ids.ts';
import { Applier } from '../../../plugins/usage/applier.ts';
import type { ApplyRequest } from '../../../plugins/usage/apply-thread.ts';
import { DecisionTable, exchangeOf } from '../../../plugins/usage/decision-table.ts';
import { DecisionWriter } from '../../../plugins/usage/decisions.ts';
import { LedgerReader } from '../../../plugins/usage/reader.ts';
import { migrations } from '../../../plugins/usage/tables.ts';
import { ledgerDirectory } from './directory.ts';
import { intent, openLedger, readRows, recordingLog, settlement, target } from './sample.ts';

const directory = ledgerDirectory();
const idOf = (at: number) => `ex_1m840at1${String(at).padStart(12, '0')}`;
const record = (at: number) => `[1,"${idOf(at)}",null]`;

afterEach(() => {
  vi.useRealTimers();
});

function kept(path = directory.path): string[] {
  const database = new DatabaseSync(join(path, 'ledger.sqlite'), { readOnly: true });
  try {
    return database
      .prepare('SELECT decision FROM decisions ORDER BY id')
      .all()
      .map(({ decision }) => String(decision));
  } finally {
    database.close();
  }
}

/** A writer whose batches are held back until a test lets them go. */
function held() {
  vi.useFakeTimers();
  const asked: { readonly request: ApplyRequest; readonly answer: (error?: Error) => Promise<void> }[] = [];
  const applier = {
    apply(request: ApplyRequest): Promise<readonly number[]> {
      const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
      const answer = async (error?: Error): Promise<void> => {
        if (error === undefined) resolve([]);
        else reject(error);
        await vi.advanceTimersByTimeAsync(0);
      };
      asked.push({ request, answer });
      return promise;
    },
  };
  const log = recordingLog();
  const { store } = directory.start();
  return { writer: new DecisionWriter({ store, applier, log }), asked, log };
}

describe('decisions on their way', () => {
  it('go together, one batch after the other', async () => {
    const { writer, asked } = held();
    for (const at of [1, 2]) writer.add(record(at));
    vi.advanceTimersByTime(250);
    expect(asked.map(({ request }) => request.decisions)).toEqual([[record(1), record(2)]]);
    writer.add(record(3));
    vi.advanceTimersByTime(1_000);
    expect(asked).toHaveLength(1);
    await asked[0]!.answer();
    vi.advanceTimersByTime(250);
    expect(asked[1]!.request).toEqual({ journal: null, settledBelow: null, probe: false, decisions: [record(3)] });
  });

  it('can be found until they are in the file', async () => {
    const { writer, asked } = held();
    writer.add(record(1));
    expect(writer.find(idOf(1))).toBe(record(1));
    vi.advanceTimersByTime(250);
    expect([writer.find(idOf(1)), writer.find(idOf(2))]).toEqual([record(1), null]);
    await asked[0]!.answer();
    expect(writer.find(idOf(1))).toBeNull();
  });

  it('D2: are lost beyond a bound while the file does not keep up, and that is told', async () => {
    const { writer, asked, log } = held();
    const large = `[1,"${idOf(1)}","${'x'.repeat(1024 * 1024)}"]`;
    writer.add(record(0));
    vi.advanceTimersByTime(250);
    for (let each = 0; each < 10; each++) writer.add(large);
    await asked[0]!.answer();
    vi.advanceTimersByTime(250);
    expect(asked[1]!.request.decisions).toHaveLength(7);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*lost/)]);
  });

  it('D1: that the file refuses are lost, that is told, and later ones are written', async () => {
    const { writer, asked, log } = held();
    writer.add(record(1));
    vi.advanceTimersByTime(250);
    writer.add(record(2));
    await asked[0]!.answer(new Error('database or disk is full'));
    vi.advanceTimersByTime(250);
    expect(asked[1]!.request.decisions).toEqual([record(2)]);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*lost/)]);
  });

  it('are written when the ledger is closed, and none is taken any more', () => {
    const { writer } = held();
    writer.add(record(1));
    writer.close();
    writer.close();
    writer.add(record(2));
    expect(kept()).toEqual([record(1)]);
  });
});

describe('decisions in the file', () => {
  it('are brought there by the thread that brings the rows', async () => {
    const path = join(directory.path, 'ledger.sqlite');
    const { ledger, store, log, applier } = directory.start({ applier: new Applier({ path, synchronous: 'NORMAL' }) });
    const writer = new DecisionWriter({ store, applier, log });
    for (let at = 1; at <= 3; at++) {
      writer.add(record(at));
      await ledger.open(intent(), target()).settle(settlement());
    }
    await expect.poll(() => kept()).toEqual([record(1), record(2), record(3)]);
    await expect.poll(() => readRows(directory.path)).toHaveLength(3);
    writer.close();
    expect(log.lines).toEqual([]);
  });

  it('never keep a row from its place: what is asked of the thread is answered in turn', async () => {
    const path = join(directory.path, 'ledger.sqlite');
    const { store } = directory.start();
    const applier = new Applier({ path, synchronous: 'NORMAL' });
    const nothing = { journal: null, settledBelow: null, probe: false };
    const bad = { ...nothing, journal: join(directory.path, 'no-such-file') };
    const outcomes = await Promise.allSettled([
      applier.apply({ ...nothing, decisions: [record(1)] }),
      applier.apply(bad),
      applier.apply({ ...nothing, decisions: [record(2)] }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(kept()).toEqual([record(1), record(2)]);
    await applier.close();
    expect(store.lastId()).toBe(0);
  });

  it('are the newest of them', () => {
    const { store } = directory.start();
    const table = new DecisionTable(store.database, 5);
    table.write(Array.from({ length: 8 }, (_, at) => record(at)));
    expect(kept()).toEqual([3, 4, 5, 6, 7].map(record));
    table.write(Array.from({ length: 999 }, (_, at) => record(8 + at)));
    expect(kept()).toHaveLength(1_004);
    table.write([record(1_007)]);
    expect(kept()).toEqual([1_003, 1_004, 1_005, 1_006, 1_007].map(record));
  });

  it('all of a batch or none of it', () => {
    const { store } = directory.start();
    const table = new DecisionTable(store.database);
    expect(() => table.write([record(1), null as unknown as string])).toThrow();
    expect([kept(), store.database.isTransaction]).toEqual([[], false]);
    table.write([record(2)]);
    expect(kept()).toEqual([record(2)]);
  });

  it('come with a file of the second version, whose rows stay', async () => {
    const old = new DatabaseSync(join(directory.path, 'ledger.sqlite'));
    old.exec(`${migrations[0]} ${migrations[1]} PRAGMA user_version = 2`);
    old.exec(`INSERT INTO intents VALUES (1, 'ex_1', 'r', 1, 5, 'chat', NULL, 'm', 'acme', 'large', 0, 40, NULL, 'c', NULL)`);
    old.close();
    const { store } = openLedger(directory.path);
    new DecisionTable(store.database).write([record(1)]);
    store.close();
    expect([kept(), readRows(directory.path).length]).toEqual([[record(1)], 1]);
  });

  it('D3: are whole after kill -9, but for the newest', async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'decide.ts'), directory.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let count = 0;
      child.stdout.on('data', (bytes: Buffer) => {
        count = Number(bytes.toString().trimEnd().split('\n').at(-1));
      });
      await expect.poll(() => count, { timeout: 10_000 }).toBeGreaterThan(5_000);
      // The thread that writes them may have begun just now.
      await expect.poll(() => kept().length, { timeout: 10_000 }).toBeGreaterThan(1_000);
      child.kill('SIGKILL');
      await once(child, 'close');
      const { store, log } = openLedger(directory.path);
      store.close();
      expect(log.lines).toEqual([]);
      const found = kept().map(exchangeOf);
      expect(found.length).toBeGreaterThan(1_000);
      expect(found).toEqual(found.map((_, at) => idOf(at + 1)));
    } finally {
      child.kill('SIGKILL');
    }
  }, 20_000);
});

describe('reading the ledger', () => {
  const attempt = (exchange: string, startedAt: number) => ({ exchange, startedAt });
  const began = exchangeTime(idOf(0))!;

  async function filled() {
    const { ledger, store } = directory.start();
    for (let at = 0; at < 50; at++) {
      const write = ledger.open(intent(attempt(idOf(at), began + at * 100)), target());
      await write.settle(settlement());
    }
    // Sent again, when others had begun.
    await ledger.open(intent({ ...attempt(idOf(7), began + 60_000), attempt: 2 }), target()).committed;
    const table = new DecisionTable(store.database);
    for (let at = 0; at < 300; at++) table.write([`[1,"ex_${'1'.repeat(20)}",${at}]`], began - 400_000 + at * 1_000);
    table.write([record(8), record(7)], began + 500);
    table.write([record(5)], began + 3_600_000);
    table.write([record(6)], began - 3_600_000);
    ledger.flush();
    const reader = new LedgerReader(store.path);
    return { reader, store };
  }

  it('finds the attempts of an exchange by its id alone', async () => {
    const { reader } = await filled();
    const { decision, rows } = await reader.exchange({ exchange: idOf(7), rows: [], longest: 660_000 });
    expect(decision).toBe(record(7));
    expect(rows).toMatchObject([
      { id: 8, exchange: idOf(7), attempt: 1, state: 'settled', outcome: 'ok' },
      { id: 51, exchange: idOf(7), attempt: 2, state: 'open', outcome: null },
    ]);
    expect(await reader.exchange({ exchange: idOf(9), rows: [], longest: 660_000 })).toMatchObject({
      decision: null,
      rows: [{ id: 10 }],
    });
    // Written when it cannot have been any more, and when the clock was set back: never followed.
    for (const at of [5, 6])
      expect((await reader.exchange({ exchange: idOf(at), rows: [], longest: 660_000 })).decision).toBeNull();
    await reader.close();
  });

  it('finds nothing of ids that are unknown, of another time, or none', async () => {
    const { reader } = await filled();
    for (const exchange of [idOf(777), 'ex_0000000000000000000', `ex_${'z'.repeat(20)}`, 'ex_', "'; DROP TABLE intents; --"]) {
      expect(await reader.exchange({ exchange, rows: [1, -1, 10 ** 9], longest: 660_000 })).toEqual({ decision: null, rows: [] });
    }
    await reader.close();
  });

  it('answers everybody in turn, starts again after its end, and says when it cannot', async () => {
    const { reader } = await filled();
    const found = await Promise.all([7, 9, 8].map((at) => reader.exchange({ exchange: idOf(at), rows: [], longest: 660_000 })));
    expect(found.map(({ decision, rows }) => [decision, rows.length])).toEqual([
      [record(7), 2],
      [null, 1],
      [record(8), 1],
    ]);
    await reader.close();
    expect(await reader.exchange({ exchange: idOf(8), rows: [], longest: 660_000 })).toMatchObject({ decision: record(8) });
    await reader.close();
    const missing = new LedgerReader(join(directory.path, 'none.sqlite'));
    await expect(missing.exchange({ exchange: idOf(1), rows: [], longest: 660_000 })).rejects.toThrow();
    const waiting = expect(reader.exchange({ exchange: idOf(8), rows: [], longest: 660_000 })).rejects.toThrow('closed');
    await reader.close();
    await waiting;
  });
});

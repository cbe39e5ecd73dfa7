import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { verifyChain } from '../../../plugins/usage/chain.ts';
import { migrations } from '../../../plugins/usage/tables.ts';
import { differences } from './naive-sums.ts';
import { intent, openLedger, readRows, settlement, target, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let children: ChildProcess[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  directory.remove();
});

/** A process that settles attempts in a loop and prints every id it was promised. */
function startChild() {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'acknowledge.ts'), directory.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes;
  });
  const lines = () =>
    output
      .slice(0, output.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  const until = async (count: number) => {
    while (lines().length < count) await once(child.stdout, 'data');
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  };
  const ids = (kind: string) =>
    lines()
      .filter((line) => line.startsWith(`${kind} `))
      .map((line) => Number(line.slice(kind.length + 1)));
  return { child, until, kill, ids };
}

describe('kill -9', () => {
  it('U5: G3: loses no row that was acknowledged, leaves none open after the next start, and sums and chain are of the rows', async () => {
    const path = join(directory.path, 'ledger.sqlite');
    const sound = () => {
      const { kept, rows } = differences(path);
      expect(kept).toEqual(rows);
      const database = new DatabaseSync(path);
      expect(verifyChain(database)).toMatchObject({ sound: true });
      database.close();
    };
    const recovered = async () => {
      const { ledger, log } = openLedger(directory.path);
      await ledger.recover();
      await ledger.close();
      expect(log.lines).toEqual([]);
      return readRows(directory.path);
    };
    for (let round = 1; round <= 3; round++) {
      const child = startChild();
      await child.until(400 * round);
      await child.kill();
      sound();
      const before = new Map((await recovered()).map((row) => [row.id, row.usage_source]));
      const settled = child.ids('settled');
      expect(settled.length).toBeGreaterThan(100);
      expect(settled.filter((id) => before.get(id) !== 'provider')).toEqual([]);
      expect(child.ids('open').filter((id) => !before.has(id))).toEqual([]);
      expect(readRows(directory.path).filter(({ state }) => state === 'open')).toEqual([]);
      sound();
    }
  }, 30_000);
});

describe('D4: one process per data directory', () => {
  it('a second one is refused with the directory, the holder and the way out', async () => {
    const child = startChild();
    await child.until(1);
    const escaped = directory.path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    expect(() => openLedger(directory.path)).toThrow(new RegExp(`${escaped} is in use by process ${child.child.pid}.*DATA_DIR`));
  });

  it('the directory is free again after kill -9 of its holder', async () => {
    const child = startChild();
    await child.until(1);
    await child.kill();
    const { ledger } = openLedger(directory.path);
    await ledger.close();
  });

  it('a second one in the same process is refused too', async () => {
    const { ledger } = openLedger(directory.path);
    expect(() => openLedger(directory.path)).toThrow(`process ${process.pid}`);
    await ledger.close();
    await openLedger(directory.path).ledger.close();
  });

  it('other processes can still read the ledger while it is written', async () => {
    const child = startChild();
    await child.until(20);
    const promised = child.ids('settled').length;
    await expect.poll(() => readRows(directory.path).length).toBeGreaterThanOrEqual(promised);
  });
});

describe('the data directory', () => {
  it('is made for its owner only', async () => {
    const path = join(directory.path, 'a', 'b');
    await openLedger(path).ledger.close();
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('that cannot be made is refused with its path and the way out', () => {
    const file = join(directory.path, 'file');
    writeFileSync(file, '');
    expect(() => openLedger(join(file, 'data'))).toThrow(/file\/data cannot be written \(ENOTDIR\).*DATA_DIR/);
  });
});

describe('the file', () => {
  async function fill(rows: number): Promise<void> {
    const { ledger } = openLedger(directory.path);
    await Promise.all(Array.from({ length: rows }, () => ledger.open(intent(), target()).settle(settlement())));
    await ledger.close();
  }
  const path = () => join(directory.path, 'ledger.sqlite');

  it.each([
    ['a page in its middle', 5 * 4096],
    ['its header', 0],
  ])('D3: is moved aside when %s is damaged, and a fresh one started, with a warning', async (_name, offset) => {
    await fill(500);
    const descriptor = openSync(path(), 'r+');
    writeSync(descriptor, Buffer.alloc(4096, 0xa5), 0, 4096, offset);
    closeSync(descriptor);

    const { ledger, log } = openLedger(directory.path);
    await ledger.open(intent(), target()).settle(settlement());
    await ledger.close();
    expect(readRows(directory.path)).toHaveLength(1);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*corrupt/)]);
    const aside = readdirSync(directory.path).filter((name) => /^ledger\.sqlite\.corrupt-\d{8}T\d{6}\.\d{3}Z$/.test(name));
    expect(aside).toHaveLength(1);
    expect(statSync(join(directory.path, aside[0]!)).size).toBeGreaterThan(100_000);
  });

  it('of a newer version is refused, and left as it is', async () => {
    await fill(1);
    const database = new DatabaseSync(path());
    database.exec('PRAGMA user_version = 99');
    database.close();
    expect(() => openLedger(directory.path)).toThrow(/schema 99.*newer version/);
    expect(readRows(directory.path)).toHaveLength(1);
  });

  it('of the first version is taken over with all its rows', async () => {
    const old = new DatabaseSync(path());
    old.exec(`${migrations[0]} PRAGMA user_version = 1`);
    const columns = 'id, exchange, request_id, attempt, started_at, operation, model, provider, target, stream, estimated_input';
    const more = 'config_version, state';
    const values = (id: number, state: string) =>
      `${id}, 'ex_${id}', 'r', 1, 5, 'chat', 'm', 'acme', 'large', 0, 40, 'c', '${state}'`;
    old.exec(`INSERT INTO attempts (${columns}, ${more}) VALUES (${values(1, 'open')})`);
    old.exec(`INSERT INTO attempts (${columns}, ${more}, outcome, status, quantities, input, cached, output, reasoning, usage_source,
      unsent, cost_nano) VALUES (${values(2, 'settled')}, 'ok', 200, '{}', 7, 0, 3, 0, 'provider', 0, 99)`);
    old.close();
    const { ledger } = openLedger(directory.path);
    expect(await ledger.recover()).toBe(1);
    expect(ledger.open(intent(), target()).id).toBe(3);
    await ledger.close();
    expect(readRows(directory.path)).toMatchObject([
      { id: 1, exchange: 'ex_1', state: 'settled', outcome: 'unknown', input: 40 },
      { id: 2, exchange: 'ex_2', state: 'settled', outcome: 'ok', input: 7, cost_nano: 99 },
      { id: 3, state: 'open' },
    ]);
  });

  it('is written ahead, so that readers never block a commit', async () => {
    await fill(1);
    const { ledger, store } = openLedger(directory.path);
    const reader = new DatabaseSync(path(), { readOnly: true });
    const rows = reader.prepare('SELECT id FROM attempts').iterate();
    rows.next();
    await ledger.open(intent(), target()).settle(settlement());
    expect(store.database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    rows.return?.();
    reader.close();
    await ledger.close();
  });

  it('is synchronised at every commit only when asked to be', async () => {
    const { store, ledger } = openLedger(directory.path);
    expect(store.database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 1 });
    await ledger.close();
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { signaturesPath } from '../../../plugins/signatures/sqlite-file.ts';
import type { SqliteSignatureStore } from '../../../plugins/signatures/sqlite-store.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { clock, day, entry, keyOf, openStore, temporaryDirectory, until } from './sample.ts';

const found = (store: SqliteSignatureStore, ids: readonly string[]) => {
  const map = store.find(ids.map(keyOf));
  return ids.filter((id) => map.has(keyOf(id)));
};
const many = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `call_${from + at}`);
const large = 's'.repeat(2_000);

/** What another process sees in the file. */
function rows(dir: string): { id: number; key: string; kept_at: number; value: Uint8Array }[] {
  const database = new DatabaseSync(signaturesPath(dir), { readOnly: true });
  try {
    return database.prepare('SELECT * FROM kept ORDER BY id').all() as never;
  } finally {
    database.close();
  }
}

function totals(dir: string): unknown {
  const database = new DatabaseSync(signaturesPath(dir), { readOnly: true });
  try {
    return { ...database.prepare('SELECT * FROM totals').get() };
  } finally {
    database.close();
  }
}

function change(dir: string, sql: string, ...values: (string | number | Uint8Array)[]): void {
  const database = new DatabaseSync(signaturesPath(dir));
  database.prepare(sql).run(...values);
  database.close();
}

/** Bytes of a page in the middle of the file become nonsense. */
function damage(path: string, page: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
  closeSync(file);
}

const aside = (dir: string) => readdirSync(dir).filter((name) => /^signatures\.db\.corrupt-\d{8}T\d{6}\.\d{3}Z$/.test(name));

describe('signatures in a file', () => {
  it('are there after a restart', async () => {
    const dir = temporaryDirectory();
    const first = openStore(dir).store;
    await first.keep([entry('call_1'), entry('call_2')]);
    await first.close();
    const { store, log } = openStore(dir);
    expect(store.find([keyOf('call_1')]).get(keyOf('call_1'))).toEqual(entry('call_1').kept);
    expect(log.lines).toEqual([]);
    expect(statSync(signaturesPath(dir)).mode & 0o077 & ~0o044).toBe(0);
  });

  it('that are still on their way when it closes arrive', async () => {
    const dir = temporaryDirectory();
    const first = openStore(dir).store;
    const all = many(50);
    for (const id of all) void first.keep([entry(id)]);
    await first.close();
    expect(found(openStore(dir).store, all)).toEqual(all);
  });

  it('kill -9: lose nothing that keep has returned for', async () => {
    const dir = temporaryDirectory();
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'keep-loop.ts'), dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      whenDone(() => child.kill('SIGKILL'));
      let output = '';
      child.stdout.on('data', (bytes: Buffer) => {
        output += bytes;
      });
      while (output.split('\n').length < 300) await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'close');
      const promised = output.split('\n').slice(0, -1);
      const { store, log } = openStore(dir);
      expect(promised.length).toBeGreaterThan(200);
      expect(found(store, promised)).toEqual(promised);
      expect(log.lines).toEqual([]);
      await store.close();
    }
  });

  it('show nothing of what they hold, nor the ids they are under', async () => {
    const dir = temporaryDirectory();
    const { store } = openStore(dir);
    const text = 'the secret thoughts of a model';
    await store.keep([entry('call_secret', { signature: text, reasoning: [{ type: 'reasoning', text }] })]);
    await store.close();
    const bytes = readFileSync(signaturesPath(dir));
    expect(bytes.length).toBeGreaterThan(4096);
    for (const word of ['thoughts', 'call_secret', 'acme']) expect(bytes.includes(word)).toBe(false);
  });

  it('under another key are misses, and gone', async () => {
    const dir = temporaryDirectory();
    const first = openStore(dir).store;
    await first.keep([entry('call_1')]);
    await first.close();
    const { store, log } = openStore(dir, { key: Buffer.alloc(32, 8) });
    expect(found(store, ['call_1'])).toEqual([]);
    await until(() => expect(rows(dir)).toEqual([]));
    // The operator is told once.
    expect(JSON.stringify(log.lines)).toContain('ENCRYPTION_KEY');
    expect(log.lines).toHaveLength(1);
  });

  it.each<[string, (value: Uint8Array) => Uint8Array]>([
    ['changed', (value) => value.map((byte, at) => (at === 30 ? byte ^ 1 : byte))],
    ['cut', (value) => value.subarray(0, value.length - 1)],
    ['empty', () => new Uint8Array()],
    ['of an unknown version', (value) => value.map((byte, at) => (at === 0 ? 9 : byte))],
  ])('whose value was %s are misses, and gone; others stay', async (_name, forge) => {
    const dir = temporaryDirectory();
    const { store, log } = openStore(dir);
    await store.keep([entry('call_1'), entry('call_2')]);
    change(dir, 'UPDATE kept SET value = ? WHERE key = ?', forge(rows(dir)[0]!.value), keyOf('call_1'));
    expect(found(store, ['call_1', 'call_2'])).toEqual(['call_2']);
    await until(() => expect(rows(dir).map(({ key }) => key)).toEqual([keyOf('call_2')]));
    expect(log.lines).toHaveLength(1);
  });

  it('moved to another tenant`s key by hand are misses', async () => {
    const dir = temporaryDirectory();
    const { store } = openStore(dir);
    await store.keep([entry('call_1')]);
    change(dir, 'UPDATE kept SET key = ?', keyOf('call_9'));
    expect(found(store, ['call_9'])).toEqual([]);
  });
});

describe('the bounds of the file', () => {
  it('hold in small steps, and the sums stay right', async () => {
    const dir = temporaryDirectory();
    const bytes = 8 * 1024 * 1024;
    const first = openStore(dir, { limits: { bytes } });
    await first.store.keep(many(900).map((id) => entry(id, { signature: large })));
    await first.store.close();
    const full = statSync(signaturesPath(dir)).size;

    const { store, pruned } = openStore(dir, { limits: { bytes, entries: 100 } });
    await store.keep([entry('call_new')]);
    await until(() => expect([rows(dir).length, pruned.rows]).toEqual([100, 801]));
    expect(rows(dir).at(-1)!.key).toBe(keyOf('call_new'));
    const sizes = rows(dir).map(({ value }) => value.length + 160);
    expect(totals(dir)).toEqual({ entries: 100, bytes: sizes.reduce((sum, size) => sum + size, 0) });
    // What is freed is used again.
    for (let turn = 0; turn < 5; turn++) {
      await store.keep(many(100, 1_000 * turn).map((id) => entry(id, { signature: large })));
    }
    await store.close();
    expect(statSync(signaturesPath(dir)).size).toBeLessThanOrEqual(full);
  });

  it('hold for the age of what nobody adds to', async () => {
    const dir = temporaryDirectory();
    const time = clock();
    const first = openStore(dir, { now: time.now });
    await first.store.keep(many(300).map((id) => entry(id)));
    await first.store.close();
    time.move(31 * day);
    openStore(dir, { now: time.now });
    await until(() => expect(rows(dir)).toEqual([]));
    expect(totals(dir)).toEqual({ entries: 0, bytes: 0 });
  });

  it('D1: a disk that is full refuses what is kept, and takes it once there is room', async () => {
    const dir = temporaryDirectory();
    // The file may have 64 pages more than its bytes need.
    const { store } = openStore(dir, { limits: { bytes: 1 } });
    const tooMuch = many(200).map((id) => entry(id, { signature: large }));
    await expect(store.keep(tooMuch)).rejects.toThrow(/full/);
    expect(rows(dir)).toEqual([]);
    await store.keep([entry('call_1')]);
    expect(totals(dir)).toEqual({ entries: 0, bytes: 0 });
  });

  it('a write that is refused leaves nothing behind and the next one alone', async () => {
    const dir = temporaryDirectory();
    const { store } = openStore(dir);
    change(
      dir,
      `CREATE TRIGGER refuse BEFORE INSERT ON kept WHEN new.key = '${keyOf('call_2')}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    await expect(store.keep([entry('call_1'), entry('call_2')])).rejects.toThrow('no');
    await store.keep([entry('call_3')]);
    expect(rows(dir).map(({ key }) => key)).toEqual([keyOf('call_3')]);
  });

  it('D2: a disk that does not answer holds up nothing but what waits for it', async () => {
    const dir = temporaryDirectory();
    const { store } = openStore(dir);
    await store.keep([entry('call_1')]);
    const holder = new DatabaseSync(signaturesPath(dir));
    holder.exec('BEGIN IMMEDIATE');
    let arrived = false;
    const kept = store.keep([entry('call_2')]).then(() => {
      arrived = true;
    });
    const began = performance.now();
    while (performance.now() - began < 200) {
      const turn = performance.now();
      expect(found(store, ['call_1'])).toEqual(['call_1']);
      expect(performance.now() - turn).toBeLessThan(80);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(arrived).toBe(false);
    holder.exec('ROLLBACK');
    holder.close();
    await kept;
    expect(found(store, ['call_2'])).toEqual(['call_2']);
  });

  it('D2: what waits for a file that does not keep up is bounded', async () => {
    const dir = temporaryDirectory();
    const { store } = openStore(dir, { limits: { bytes: 64 * 1024 * 1024 } });
    const heavy = 's'.repeat(200_000);
    for (const _round of [1, 2]) {
      const kept = await Promise.allSettled(many(170).map((id) => store.keep([entry(id, { signature: heavy })])));
      expect(kept[0]).toMatchObject({ status: 'fulfilled' });
      expect(kept.at(-1)).toMatchObject({ status: 'rejected', reason: new Error('it does not keep up') });
    }
  });
});

describe('a damaged file of signatures', () => {
  it.each([
    ['its header', 0],
    ['a page of its table', 3],
    ['a page in its middle', 40],
  ])('D3: with damage in %s is moved aside and a new one begun, with a warning', async (_name, page) => {
    const dir = temporaryDirectory();
    const first = openStore(dir).store;
    const all = many(200);
    await first.keep(all.map((id) => entry(id, { signature: large })));
    await first.close();
    damage(signaturesPath(dir), page);

    const { store, log } = openStore(dir);
    const use = async () => {
      try {
        store.find(all.map(keyOf));
        await store.keep(many(20, 500).map((id) => entry(id)));
      } catch {}
    };
    await until(async () => {
      await use();
      expect(aside(dir)).toHaveLength(1);
    });
    await until(() => store.keep([entry('call_new')]));
    expect(found(store, ['call_new'])).toEqual(['call_new']);
    expect(log.lines).toEqual([expect.stringMatching(/^warn .*moved aside/)]);
    expect(statSync(join(dir, aside(dir)[0]!)).size).toBeGreaterThan(100_000);
  });

  it('that is damaged while it is written is moved aside too', async () => {
    const dir = temporaryDirectory();
    const first = openStore(dir).store;
    await first.keep(many(200).map((id) => entry(id, { signature: large })));
    await first.close();
    // The index of the keys: read by every write, by no age.
    const { store, log } = openStore(dir);
    damage(signaturesPath(dir), 3);
    await until(async () => {
      await store.keep(many(50, 900).map((id) => entry(id))).catch(() => {});
      expect(aside(dir)).toHaveLength(1);
      await store.keep([entry('call_new')]);
    });
    expect(log.lines).toHaveLength(1);
  });

  it('that is of a newer version is moved aside', () => {
    const dir = temporaryDirectory();
    const database = new DatabaseSync(signaturesPath(dir));
    database.exec('PRAGMA user_version = 99');
    database.close();
    const { store, log } = openStore(dir);
    expect(found(store, ['call_1'])).toEqual([]);
    expect(log.lines).toHaveLength(1);
    expect(aside(dir)).toHaveLength(1);
  });

  it('that cannot be opened stops the start with what to do', () => {
    const dir = temporaryDirectory();
    writeFileSync(join(dir, 'file'), '');
    expect(() => openStore(join(dir, 'file', 'data'))).toThrow(/signatures\.db cannot be opened .*DATA_DIR/);
  });
});

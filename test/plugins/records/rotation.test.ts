import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, vi } from 'vitest';
import { encryptionKeys } from '../../../plugins/encryption-key.ts';
import { RecordStoreError } from '../../../plugins/records/contract.ts';
import { Envelope } from '../../../plugins/records/envelope.ts';
import { RecordKeeper } from '../../../plugins/records/keeper.ts';
import { rotate } from '../../../plugins/records/rotation.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { node } from '../../helper/process.ts';
import { directory, kek, SharedStore, start } from './state.ts';

const oldKeys = encryptionKeys('/nonexistent', kek(1));
const old = new Envelope(oldKeys);
const swapped = { encryptionKey: kek(2), previousEncryptionKeys: [kek(1)] };

/** A data directory with so many keys under the old encryption key. */
async function filled(count: number): Promise<string> {
  const dataDir = directory();
  await (await start({ dataDir })).app.close();
  const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
  const put = database.prepare('INSERT INTO records VALUES (?, ?, 1, ?, ?)');
  database.exec('BEGIN');
  for (let at = 1; at <= count; at++) {
    const place = { collection: 'key', id: `key_${at}`, version: 1 } as const;
    put.run(place.collection, place.id, at, old.seal(place, JSON.stringify({ at })));
  }
  database.exec('COMMIT');
  database.close();
  return dataDir;
}

/** Documents whose contents are not what they were made with. */
const wrong = (all: ReadonlyMap<string, { readonly value: { readonly at: number } }>): string[] =>
  [...all].flatMap(([id, { value }]) => (id === `key_${value.at}` ? [] : [id]));

describe('a new encryption key', () => {
  it('security 34: without the old one the start is refused with its name, and with nothing of the data', async () => {
    const dataDir = await filled(3);
    await expect(start({ dataDir, encryptionKey: kek(2) })).rejects.toThrow(
      new RegExp(`${oldKeys.current.id} \\(3 documents\\).*PREVIOUS_ENCRYPTION_KEYS`),
    );
    await expect(start({ dataDir, encryptionKey: kek(2) })).rejects.not.toThrow(/key_1/);
  });

  it('a missing one is told of once, however many documents are under it; each damaged document is named', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    for (let at = 1; at <= 5; at++) await first.app.records.create('key', `key_${at}`, { at });
    for (let at = 1; at <= 2; at++) {
      store.forged.push({ collection: 'key', id: `key_forged_${at}`, version: 1, sealed: Buffer.alloc(90, at) });
    }
    const error = vi.fn();
    const log = { error, info() {}, warn() {} };
    const envelope = new Envelope(encryptionKeys('/nonexistent', kek(2)));
    const keeper = new RecordKeeper({ store, envelope, log, now: () => 0 });
    await keeper.refresh();
    expect(keeper.missingKeys()).toEqual(new Map([[oldKeys.current.id, 5]]));
    expect(error.mock.calls.map(([fields]) => fields.kek_id ?? fields.id).sort()).toEqual(
      ['key_forged_1', 'key_forged_2', oldKeys.current.id].sort(),
    );
  });

  it('security 34: beside the old one reads everything at once, wraps it anew, and the old one may go then', async () => {
    const dataDir = await filled(20);
    const { app } = await start({ dataDir, ...swapped });
    expect(app.records.all('key').size).toBe(20);
    expect(app.records.counts.underPreviousKeys).toBe(20);
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0), { timeout: 3_000 });
    await app.close();
    const after = await start({ dataDir, encryptionKey: kek(2) });
    expect(after.app.records.all('key').size).toBe(20);
    expect(wrong(after.app.records.all('key'))).toEqual([]);
  });

  it('leaves the contents as they were sealed: only the data key is written anew', async () => {
    const dataDir = await filled(1);
    const contents = () => {
      const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
      const { sealed } = database.prepare('SELECT sealed FROM records').get() as { sealed: Uint8Array };
      database.close();
      return Buffer.from(sealed).toString('hex', 75);
    };
    const before = contents();
    const { app } = await start({ dataDir, ...swapped });
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0));
    expect(contents()).toBe(before);
    // And what is changed then is sealed with a data key of its own.
    await app.records.replace('key', 'key_1', 2, { at: 1 });
    expect(contents()).not.toBe(before);
  });

  it('takes over from the key that was made in the data directory, which needs no other setting', async () => {
    const dataDir = directory();
    const first = await start({ dataDir, encryptionKey: undefined });
    await first.app.records.create('key', 'key_1', { at: 1 });
    await first.app.close();
    const { app } = await start({ dataDir, encryptionKey: kek(2) });
    expect(app.records.all('key').size).toBe(1);
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0));
  });

  it('security 34: stopped after any document it goes on where it was', async () => {
    const dataDir = await filled(6);
    for (let left = 6; left > 0; left--) {
      const { app } = await start({ dataDir, ...swapped });
      expect(app.records.counts.underPreviousKeys).toBeLessThanOrEqual(left);
      expect(wrong(app.records.all('key'))).toEqual([]);
      await vi.waitFor(() => expect(app.records.all('key').size).toBe(6), { interval: 1 });
      await app.close();
    }
    const { app } = await start({ dataDir, ...swapped });
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0));
  });

  it('security 34: a document that another process changes meanwhile stays changed, and is wrapped all the same', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    for (let at = 1; at <= 5; at++) await first.app.records.create('key', `key_${at}`, { at });
    store.onWrite = ({ version }) => {
      if (version !== 2) return;
      store.onWrite = () => {};
      const place = { collection: 'key', id: 'key_5', version: 2 } as const;
      void store.inner.write({ ...place, sealed: old.seal(place, JSON.stringify({ at: 5, changed: true })) });
    };
    const { app } = await start({ store, ...swapped, poll: 1_000 });
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0), { timeout: 900 });
    expect(app.records.all('key').get('key_5')).toMatchObject({ version: 3, value: { at: 5, changed: true } });
    expect(wrong(app.records.all('key'))).toEqual([]);
  });

  it('security 34: a store that refuses in the middle is tried again, and told of once', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    for (let at = 1; at <= 5; at++) await first.app.records.create('key', `key_${at}`, { at });
    let refusals = 0;
    store.onWrite = ({ version }) => {
      if (version === 2 && store.writes.length === 7 && refusals++ < 3) throw new RecordStoreError('full');
    };
    const envelope = new Envelope(encryptionKeys('/nonexistent', kek(2), [kek(1)]));
    const warn = vi.fn();
    const log = { warn, info() {}, error() {} };
    const keeper = new RecordKeeper({ store, envelope, log, now: () => 0 });
    await keeper.refresh();
    const options = { keeper, envelope, log, signal: new AbortController().signal, pause: 0, retry: 1 };
    expect(await rotate(options)).toBe(5);
    expect(refusals).toBe(4);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(keeper.counts).toEqual({ documents: 5, unreadable: 0, underPreviousKeys: 0 });
    expect(await rotate(options)).toBe(0);
  });

  it('a replica that does not have it yet goes on with what it has, and says which key is missing', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    await first.app.records.create('key', 'key_1', { at: 1 });
    const next = await start({ store, ...swapped });
    await vi.waitFor(() => expect(next.app.records.counts.underPreviousKeys).toBe(0));
    await vi.waitFor(() => expect(first.app.records.problem()).toContain(encryptionKeys('/nonexistent', kek(2)).current.id));
    expect(first.app.records.all('key').get('key_1')).toMatchObject({ value: { at: 1 } });
    await next.app.records.remove('key', 'key_1', 2);
    await vi.waitFor(() => expect(first.app.records.all('key').size).toBe(0));
  });

  it('two replicas with the keys the other way round do not undo each other’s work for ever', async () => {
    const store = new SharedStore();
    const first = await start({ store, previousEncryptionKeys: [kek(2)] });
    for (let at = 1; at <= 5; at++) await first.app.records.create('key', `key_${at}`, { at });
    const next = await start({ store, ...swapped });
    await vi.waitFor(() => expect(next.app.records.counts.underPreviousKeys).toBe(0));
    await vi.waitFor(() => expect(first.app.records.counts.underPreviousKeys).toBe(5));
    const writes = store.writes.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(store.writes).toHaveLength(writes);
  });

  it('is waited for no longer than the process lives: closing ends the work', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    for (let at = 1; at <= 3; at++) await first.app.records.create('key', `key_${at}`, { at });
    store.onWrite = () => {
      throw new RecordStoreError('full');
    };
    const { app } = await start({ store, ...swapped });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const began = performance.now();
    await app.close();
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('security 34: killed by SIGKILL again and again it loses nothing and comes to its end', { retry: 2 }, async () => {
    const dataDir = await filled(400);
    const left = (): number => {
      const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
      const row = database.prepare('SELECT count(*) AS left FROM records WHERE version = 1').get() as { left: number };
      database.close();
      return row.left;
    };
    const kills: number[] = [];
    for (let before = left(); kills.length < 3; ) {
      const child: ChildProcess = spawn(node, [join(import.meta.dirname, 'rotating.ts'), dataDir], {
        env: { PATH: process.env.PATH, ENCRYPTION_KEY: kek(2), PREVIOUS: kek(1) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      whenDone(() => child.kill('SIGKILL'));
      await once(child.stdout!, 'data');
      // Some way into the work, another one each time.
      while (left() > before - 40 * (kills.length + 1)) await new Promise((resolve) => setTimeout(resolve, 3));
      child.kill('SIGKILL');
      await once(child, 'exit');
      before = left();
      kills.push(before);
    }
    const { app } = await start({ dataDir, ...swapped });
    expect(app.records.all('key').size).toBe(400);
    expect(wrong(app.records.all('key'))).toEqual([]);
    expect(app.records.counts.underPreviousKeys).toBe(kills.at(-1));
    expect(kills.at(-1)).toBeGreaterThan(0);
    await vi.waitFor(() => expect(app.records.counts.underPreviousKeys).toBe(0), { timeout: 5_000 });
    expect(left()).toBe(0);
  });
});

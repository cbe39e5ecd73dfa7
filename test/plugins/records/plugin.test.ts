import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import Fastify from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import { encryptionKeys } from '../../../plugins/encryption-key.ts';
import { RecordConflict, RecordStoreError } from '../../../plugins/records/contract.ts';
import { Envelope } from '../../../plugins/records/envelope.ts';
import records from '../../../plugins/records/index.ts';
import { opened } from '../../helper/cleanup.ts';
import { directory, kek, SharedStore, start } from './state.ts';

const secret = 'sk-CANARY-0123456789abcdef';
/** What an outsider seals. */
const forger = new Envelope(encryptionKeys('/nonexistent', kek(9)));
/** What a gateway seals. */
const ours = new Envelope(encryptionKeys('/nonexistent', kek(1)));

describe('documents', () => {
  it('register alone and add exactly the decorator records', async () => {
    const app = opened(Fastify());
    await app.register(records, { dataDir: directory() });
    await app.ready();
    expect(app.hasDecorator('records')).toBe(true);
  });

  it('are made, changed and removed, each change with the next version', async () => {
    const { app } = await start();
    const made = await app.records.create('team', 'team_a', { name: 'a', tags: ['x'] });
    expect(made).toEqual({ id: 'team_a', version: 1, value: { name: 'a', tags: ['x'] } });
    expect(app.records.all('team').get('team_a')).toEqual(made);
    const changed = await app.records.replace('team', 'team_a', 1, { name: 'b' });
    expect(changed.version).toBe(2);
    expect([...app.records.all('team')]).toEqual([['team_a', changed]]);
    expect([...app.records.all('key')]).toEqual([]);
    await app.records.remove('team', 'team_a', 2);
    expect(app.records.all('team').size).toBe(0);
    expect(app.records.problem()).toBeNull();
  });

  it('cannot be changed in memory, by whoever made them or was given them', async () => {
    const { app } = await start();
    const value = { deep: { list: [1] } };
    await app.records.create('team', 'team_a', value);
    value.deep.list.push(2);
    const held = app.records.all<typeof value>('team').get('team_a')!;
    expect(held.value).toEqual({ deep: { list: [1] } });
    expect(() => held.value.deep.list.push(3)).toThrow(TypeError);
  });

  it('of an outdated version are refused as a conflict, and the other change stays', async () => {
    const { app } = await start();
    await app.records.create('key', 'key_a', 'first');
    await app.records.replace('key', 'key_a', 1, 'second');
    await expect(app.records.replace('key', 'key_a', 1, 'late')).rejects.toThrow(RecordConflict);
    await expect(app.records.remove('key', 'key_a', 1)).rejects.toThrow(RecordConflict);
    await expect(app.records.create('key', 'key_a', 'again')).rejects.toThrow(RecordConflict);
    await expect(app.records.replace('key', 'key_none', 1, 'x')).rejects.toThrow(RecordConflict);
    expect(app.records.all('key').get('key_a')!.value).toBe('second');
  });

  it('tell their listeners which ids changed, when memory has the change', async () => {
    const { app, lines } = await start();
    const seen: unknown[] = [];
    app.records.onChange('key', () => {
      throw new Error('a listener of no use');
    });
    app.records.onChange('key', (ids) => seen.push([ids, app.records.all('key').size]));
    app.records.onChange('team', () => seen.push('team'));
    await app.records.create('key', 'key_a', 1);
    await app.records.replace('key', 'key_a', 1, 2);
    await app.records.remove('key', 'key_a', 2);
    expect(seen).toEqual([
      [['key_a'], 1],
      [['key_a'], 1],
      [['key_a'], 0],
    ]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(3);
  });

  it('are there after a restart, and nothing of them can be read in the file', async () => {
    const dataDir = directory();
    const first = await start({ dataDir });
    await first.app.records.create('provider_key', 'pkey_a', { key: secret });
    await first.app.records.create('provider_key', 'pkey_b', { key: `${secret}-b` });
    await first.app.records.remove('provider_key', 'pkey_b', 1);
    await first.app.close();
    expect(readFileSync(join(dataDir, 'state.sqlite')).includes('CANARY')).toBe(false);
    const { app } = await start({ dataDir });
    expect([...app.records.all('provider_key').values()]).toEqual([{ id: 'pkey_a', version: 1, value: { key: secret } }]);
  });

  it('10,000 of them are read at the start, soon', async () => {
    const dataDir = directory();
    await (await start({ dataDir })).app.close();
    const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
    const put = database.prepare('INSERT INTO records VALUES (?, ?, 1, ?, ?)');
    const value = JSON.stringify({
      name: 'x',
      digest: 'd'.repeat(64),
      budgets: [{ amount_usd: 10, period: 'month' }],
      metadata: { a: 'b' },
    });
    database.exec('BEGIN');
    for (let at = 1; at <= 10_000; at++) {
      const place = { collection: 'key', id: `key_${at}`, version: 1 } as const;
      put.run(place.collection, place.id, at, ours.seal(place, value));
    }
    database.exec('COMMIT');
    database.close();
    const began = performance.now();
    const { app } = await start({ dataDir });
    const took = performance.now() - began;
    console.log(`10,000 documents read in ${took.toFixed(0)} ms`);
    expect(app.records.all('key').size).toBe(10_000);
    // 0.2 s with a core of its own.
    expect(took).toBeLessThan(5_000);
  });
});

describe('a file of documents that cannot be used', () => {
  it('D3: that is damaged stops the start with a message, and stays as it was', async () => {
    const dataDir = directory();
    const path = join(dataDir, 'state.sqlite');
    const first = await start({ dataDir });
    for (let at = 0; at < 50; at++) await first.app.records.create('key', `key_${at}`, 'x'.repeat(500));
    await first.app.close();
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(8192, 7), 0, 8192, 8192);
    closeSync(file);
    const before = readFileSync(path);
    await expect(start({ dataDir })).rejects.toThrow(/state\.sqlite cannot be used \(it is damaged.*restore it from a backup/);
    expect(readFileSync(path)).toEqual(before);
  });

  it.each([
    ['no database', 'not a database at all, '.repeat(100)],
    ['half a header', 'SQLite format 3\0'],
  ])('D3: that is %s stops the start too', async (_what, text) => {
    const dataDir = directory();
    writeFileSync(join(dataDir, 'state.sqlite'), text);
    await expect(start({ dataDir })).rejects.toThrow(/state\.sqlite cannot be used/);
    expect(readFileSync(join(dataDir, 'state.sqlite'), 'utf8')).toBe(text);
  });

  it('of a newer version is refused by name', async () => {
    const dataDir = directory();
    const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
    database.exec('PRAGMA user_version = 9');
    database.close();
    await expect(start({ dataDir })).rejects.toThrow(/written by a newer version \(9/);
  });
});

describe('documents that were not written by a gateway', () => {
  it('R17: written without the key are left out at the start, told once by their id and counted', async () => {
    const store = new SharedStore();
    const good = await start({ store });
    await good.app.records.create('key', 'key_a', { owner: 'us' });
    const place = { collection: 'key', id: 'key_evil', version: 1 } as const;
    const sealed = forger.seal(place, '{"owner":"them"}');
    // Under the name of our key, or the start would be refused by the name of theirs.
    sealed.set(ours.seal(place, '').subarray(1, 9), 1);
    store.forged.push({ ...place, sealed }, { ...place, id: 'key_junk', sealed: Buffer.from('junk') });
    const { app, lines } = await start({ store });
    await vi.waitFor(() => expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([...app.records.all('key').keys()]).toEqual(['key_a']);
    expect(app.records.counts).toEqual({ documents: 1, unreadable: 2, underPreviousKeys: 0 });
    expect(app.records.problem()).toMatch(/2 documents do not open/);
    expect(lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.id)).toEqual(['key_evil', 'key_junk']);
  });

  it('R17: put over a document change nothing of it in memory, and its owner can write over them', async () => {
    const store = new SharedStore();
    const { app, lines } = await start({ store });
    await app.records.create('key', 'key_a', { disabled: true });
    const place = { collection: 'key', id: 'key_a', version: 2 } as const;
    await store.inner.write({ ...place, sealed: Buffer.from('no envelope at all') });
    await vi.waitFor(() => expect(lines.some(({ level }) => level === 'error')).toBe(true));
    expect(app.records.all('key').get('key_a')).toMatchObject({ version: 1, value: { disabled: true } });
    await app.records.replace('key', 'key_a', 1, { disabled: false });
    expect(app.records.all('key').get('key_a')).toMatchObject({ version: 3 });
    expect(app.records.counts.unreadable).toBe(0);
    expect(app.records.problem()).toBeNull();
  });

  it('R17: an old version put back, as itself or as a newer one, changes nothing', async () => {
    const store = new SharedStore();
    const { app } = await start({ store });
    await app.records.create('key', 'key_a', 'works');
    const old = store.writes[0]!;
    await app.records.replace('key', 'key_a', 1, 'revoked');
    store.forged.push(old, { ...old, version: 3 }, { ...old, version: 2 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(app.records.all('key').get('key_a')).toMatchObject({ version: 2, value: 'revoked' });
    await app.records.remove('key', 'key_a', 2);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(app.records.all('key').size).toBe(0);
  });

  it('G22: two documents that changed places are both left out', async () => {
    const dataDir = directory();
    const first = await start({ dataDir });
    await first.app.records.create('key', 'key_a', { may: 'everything' });
    await first.app.records.create('key', 'key_b', { may: 'nothing' });
    await first.app.records.create('key', 'key_c', {});
    await first.app.close();
    const database = new DatabaseSync(join(dataDir, 'state.sqlite'));
    const bytes = (id: string) => database.prepare('SELECT sealed FROM records WHERE id = ?').get(id)!.sealed as Uint8Array;
    const put = database.prepare('UPDATE records SET sealed = ? WHERE id = ?');
    const [a, b] = [bytes('key_a'), bytes('key_b')];
    put.run(b, 'key_a');
    put.run(a, 'key_b');
    database.close();
    const { app } = await start({ dataDir });
    expect([...app.records.all('key').keys()]).toEqual(['key_c']);
    expect(app.records.counts.unreadable).toBe(2);
  });

  it('of collections that nobody knows are passed over', async () => {
    const store = new SharedStore();
    store.forged.push({ collection: '__proto__' as 'key', id: 'x', version: 1, sealed: Buffer.from('x') });
    const { app } = await start({ store });
    expect(app.records.counts.unreadable).toBe(0);
  });
});

describe('documents that several processes share', () => {
  it('changed by one are known to the others, with their listeners told', async () => {
    const store = new SharedStore();
    const [one, other] = [await start({ store }), await start({ store })];
    const seen: (readonly string[])[] = [];
    other.app.records.onChange('key', (ids) => seen.push(ids));
    await one.app.records.create('key', 'key_a', 1);
    await vi.waitFor(() => expect(other.app.records.all('key').get('key_a')?.value).toBe(1));
    await one.app.records.remove('key', 'key_a', 1);
    await vi.waitFor(() => expect(other.app.records.all('key').size).toBe(0));
    expect(seen).toEqual([['key_a'], ['key_a']]);
  });

  it('G27: a revocation is known elsewhere within 2 s with the poll that is the default', async () => {
    const store = new SharedStore();
    const [one, other] = [await start({ store }), await start({ store, poll: undefined as never })];
    await one.app.records.create('key', 'key_a', 1);
    await one.app.records.remove('key', 'key_a', 1);
    const gone = performance.now();
    await vi.waitFor(() => expect(other.app.records.counts.documents).toBe(0), { timeout: 2_000 });
    expect(performance.now() - gone).toBeLessThan(2_000);
  });

  it('G20: while the store is unreachable memory goes on serving, changes are refused and the problem says so', async () => {
    const store = new SharedStore();
    let ms = 0;
    const { app, lines } = await start({ store, now: () => ms });
    await app.records.create('key', 'key_a', 1);
    store.down = true;
    await expect(app.records.create('key', 'key_b', 1)).rejects.toThrow(RecordStoreError);
    expect(app.records.all('key').size).toBe(1);
    expect(app.records.problem()).toMatch(/cannot be changed/);
    await vi.waitFor(() => expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1));
    ms = 2_001;
    expect(app.records.problem()).toMatch(/does not answer: they are as they were/);
    store.down = false;
    await vi.waitFor(() => expect(app.records.problem()).toBeNull());
    await app.records.create('key', 'key_b', 1);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('G20: a store that is not there at the start is asked until it is, and nothing is known before', async () => {
    const store = new SharedStore();
    const first = await start({ store });
    await first.app.records.create('key', 'key_a', 1);
    store.down = true;
    const { app } = await start({ store });
    expect(app.records.problem()).toMatch(/could not be read yet/);
    expect(app.records.all('key').size).toBe(0);
    store.down = false;
    await vi.waitFor(() => expect(app.records.all('key').size).toBe(1));
    expect(app.records.problem()).toBeNull();
  });

  it('a write whose answer was lost is taken over with the next look', async () => {
    const store = new SharedStore();
    const { app } = await start({ store });
    store.onWrite = (record) => {
      store.onWrite = () => {};
      void store.inner.write(record);
      throw new RecordStoreError('the answer was lost');
    };
    await expect(app.records.create('key', 'key_a', 1)).rejects.toThrow(RecordStoreError);
    await vi.waitFor(() => expect(app.records.all('key').get('key_a')?.version).toBe(1));
  });
});

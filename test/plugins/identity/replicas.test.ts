import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type RecordChanges, type RecordStore, RecordStoreError, type StoredRecord } from '../../../plugins/records/contract.ts';
import { MemoryRecordStore } from '../../../plugins/records/memory-store.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { fullScope, startIdentity } from '../../helper/identity.ts';

const shared = () => new MemoryRecordStore({ shared: true });
const waitFor = { timeout: 2000, interval: 5 };

test('processes that start at once agree on one pepper', async () => {
  const store = shared();
  const all = await Promise.all(Array.from({ length: 4 }, () => startIdentity({ store })));
  expect(new Set(all.map((each) => each.clientId('sk-of-a-provider'))).size).toBe(1);
  const { secret } = await all[0]!.changes.createKey({ name: 'a' }, fullScope);
  for (const each of all) await vi.waitFor(() => expect(each.find(secret!)?.name).toBe('a'), waitFor);
});

test('a process that starts later takes the keys that were made before', async () => {
  const store = shared();
  const first = await startIdentity({ store });
  const { secret } = await first.changes.createKey({ name: 'a' }, fullScope);
  const second = await startIdentity({ store });
  expect(second.find(secret!)?.name).toBe('a');
});

test('G27: a revoked, disabled or rotated key is refused here at once and elsewhere within 2 s', async () => {
  const store = shared();
  const [one, other] = [await startIdentity({ store, poll: 500 }), await startIdentity({ store, poll: 500 })];
  const made = await Promise.all(['a', 'b', 'c'].map((name) => one.changes.createKey({ name }, fullScope)));
  for (const { secret } of made) await vi.waitFor(() => expect(other.find(secret!)).not.toBeNull(), waitFor);
  const at = performance.now();
  const [a, b, c] = made;
  await one.changes.removeKey(a!.info.id, undefined, fullScope);
  await one.changes.updateKey(b!.info.id, { disabled: true }, undefined, fullScope);
  await one.changes.rotateKey(c!.info.id, 0, undefined, fullScope);
  for (const { secret } of made) expect(one.find(secret!)).toBeNull();
  for (const { secret } of made) await vi.waitFor(() => expect(other.find(secret!)).toBeNull(), waitFor);
  const took = performance.now() - at;
  console.info(`revoked on another replica after ${took.toFixed(0)} ms`);
  expect(took).toBeLessThan(2000);
});

test('an admin key that is revoked is refused everywhere, and so is one whose team is gone', async () => {
  const store = shared();
  const [one, other] = [await startIdentity({ store }), await startIdentity({ store })];
  const { info, secret } = await one.changes.createAdminKey({ name: 'watch', role: 'read' }, 'admin');
  await vi.waitFor(() => expect(other.findAdmin(secret!)).toMatchObject({ name: 'watch', role: 'read', team: null }), waitFor);
  await other.changes.removeAdminKey(info.id);
  await vi.waitFor(() => expect(one.findAdmin(secret!)).toBeNull(), waitFor);
});

/** A shared store that can be away. */
class Away implements RecordStore {
  readonly kind = 'redis';
  readonly shared = true;
  away = true;
  readonly #store = shared();

  changes(after: number): Promise<RecordChanges> {
    return this.away ? Promise.reject(new RecordStoreError('away')) : this.#store.changes(after);
  }

  write(record: StoredRecord): Promise<void> {
    return this.away ? Promise.reject(new RecordStoreError('away')) : this.#store.write(record);
  }

  async close(): Promise<void> {}
}

const secret = 'kR8vQ2mN5tX9wB3cF7hJ';

test('while the store is away at the start, keys of the configuration work, others may exist, and none is made', async () => {
  const store = new Away();
  const identity = await startIdentity({ store, config: { keys: { a: { secret } } } });
  expect(identity.find(secret)?.name).toBe('a');
  expect(identity.problem()).toContain('could not be read');
  expect(identity.everMade).toBe(true);
  await expect(identity.changes.createKey({ name: 'b' }, fullScope)).rejects.toMatchObject({ status: 503 });
  store.away = false;
  await vi.waitFor(() => expect(identity.problem()).toBeNull(), { timeout: 4000, interval: 10 });
  expect(identity.find(secret)?.name).toBe('a');
  const made = await identity.changes.createKey({ name: 'b' }, fullScope);
  expect(identity.find(made.secret!)?.name).toBe('b');
});

test('while the store is away later, known keys go on working and changes are refused with 503', async () => {
  const store = new Away();
  store.away = false;
  const identity = await startIdentity({ store });
  const made = await identity.changes.createKey({ name: 'a' }, fullScope);
  store.away = true;
  expect(identity.find(made.secret!)?.name).toBe('a');
  await expect(identity.changes.removeKey(made.info.id, undefined, fullScope)).rejects.toMatchObject({
    status: 503,
    code: 'state_unavailable',
  });
  expect(identity.find(made.secret!)?.name).toBe('a');
  expect(identity.problem()).toBeNull();
});

test('R1: while the store is away, a key that another replica may have made is not said to be unknown', async () => {
  const store = new Away();
  store.away = false;
  let at = 0;
  const identity = await startIdentity({ store, clock: () => at });
  at = 2_000;
  expect(identity.problem()).toBeNull();
  store.away = true;
  at = 2_001;
  await vi.waitFor(() => expect(identity.problem()).toContain('does not answer'), waitFor);
  store.away = false;
  await vi.waitFor(() => expect(identity.problem()).toBeNull(), waitFor);
});

test('no door opens because documents that may say there were keys do not open', async () => {
  const store = new MemoryRecordStore();
  expect((await startIdentity({ store })).everMade).toBe(false);
  await store.write({ collection: 'secret', id: 'keys_made', version: 1, sealed: Buffer.alloc(200) });
  expect((await startIdentity({ store })).everMade).toBe(true);
});

function temporaryDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-identity-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test('R5: no door opens because the store that replicas share was emptied while none of them ran', async () => {
  const markedIn = temporaryDir();
  const before = await startIdentity({ store: shared(), markedIn });
  expect(before.everMade).toBe(false);
  await before.changes.createKey({ name: 'a' }, fullScope);
  expect((await startIdentity({ store: shared(), markedIn })).everMade).toBe(true);
  expect((await startIdentity({ store: shared(), markedIn: temporaryDir() })).everMade).toBe(false);
});

import { describe, expect, it } from 'vitest';
import type { SignatureStore, StoreLimits } from '../../../plugins/signatures/contract.ts';
import { MemorySignatureStore } from '../../../plugins/signatures/memory-store.ts';
import { clock, day, entry, keyOf, openStore, roomy, temporaryDirectory } from './sample.ts';

type Open = (limits: StoreLimits, now: () => number) => SignatureStore;

// What every backend of the signature store does; a new one is one entry here.
const backends: readonly [string, Open][] = [
  ['memory', (limits, now) => new MemorySignatureStore(limits, now)],
  ['SQLite', (limits, now) => openStore(temporaryDirectory(), { limits, now }).store],
];

describe.each(backends)('the %s backend of signatures', (_name, open) => {
  const ids = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `call_${from + at}`);
  const found = async (store: SignatureStore, wanted: readonly string[]) => {
    const map = await store.find(wanted.map(keyOf));
    return wanted.filter((id) => map.has(keyOf(id)));
  };

  it('finds what was kept, and only that', async () => {
    const store = open(roomy, Date.now);
    const full = entry('call_1', {
      signature: 'c2ln',
      reasoning: [
        { type: 'reasoning', text: 'zwölf ✓', signature: 'cmVhc29u', dialect: 'acme' },
        { type: 'reasoning', text: '', redacted: 'aGlkZGVu', dialect: 'acme' },
      ],
    });
    await store.keep([full, entry('call_2')]);
    const map = await store.find([keyOf('call_1'), keyOf('call_3')]);
    expect([...map]).toEqual([[keyOf('call_1'), full.kept]]);
  });

  it('finds nothing in an empty store, and nothing for no keys', async () => {
    const store = open(roomy, Date.now);
    expect((await store.find([keyOf('call_1')])).size).toBe(0);
    expect((await store.find([])).size).toBe(0);
  });

  it('tells the newest entry of a key', async () => {
    const store = open(roomy, Date.now);
    await store.keep([entry('call_1', { signature: 'one' })]);
    await store.keep([entry('call_1', { signature: 'two' }), entry('call_1', { signature: 'three' })]);
    expect((await store.find([keyOf('call_1')])).get(keyOf('call_1'))?.signature).toBe('three');
  });

  it('drops the oldest entries beyond the number it may keep', async () => {
    const store = open({ ...roomy, entries: 5 }, Date.now);
    for (const id of ids(8)) await store.keep([entry(id)]);
    expect(await found(store, ids(8))).toEqual(ids(5, 3));
  });

  it('drops the oldest entries beyond the bytes it may keep', async () => {
    const store = open({ ...roomy, bytes: 20_000 }, Date.now);
    for (const id of ids(10)) await store.keep([entry(id, { signature: 'x'.repeat(4_000) })]);
    const left = await found(store, ids(10));
    expect(left.length).toBeGreaterThanOrEqual(2);
    expect(left.length).toBeLessThan(5);
    expect(left.at(-1)).toBe('call_9');
  });

  it('counts an entry that replaces another once', async () => {
    const store = open({ ...roomy, entries: 3 }, Date.now);
    await store.keep([entry('call_1')]);
    for (let turn = 0; turn < 10; turn++) await store.keep([entry('call_2')]);
    expect(await found(store, ['call_1', 'call_2'])).toEqual(['call_1', 'call_2']);
  });

  it('does not tell what is too old', async () => {
    const time = clock();
    const store = open(roomy, time.now);
    await store.keep([entry('call_1')]);
    time.move(29 * day);
    await store.keep([entry('call_2')]);
    expect(await found(store, ids(2, 1))).toEqual(ids(2, 1));
    time.move(day + 1);
    expect(await found(store, ids(2, 1))).toEqual(['call_2']);
  });
});

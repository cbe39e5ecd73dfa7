import { describe, expect, it, vi } from 'vitest';
import type { SignatureCounts, SignatureStore } from '../../../plugins/signatures/contract.ts';
import { SignatureKeeper } from '../../../plugins/signatures/keeper.ts';
import { MemorySignatureStore } from '../../../plugins/signatures/memory-store.ts';
import { kept, recordingLog, roomy, until } from './sample.ts';

function setUp(changes: Partial<SignatureStore> = {}) {
  const backend = new MemorySignatureStore(roomy, Date.now);
  const store: SignatureStore = {
    find: (keys) => backend.find(keys),
    keep: (entries) => backend.keep(entries),
    close: () => backend.close(),
    ...changes,
  };
  const counts: SignatureCounts = { hits: 0, misses: 0, kept: 0, pruned: 0, tooLarge: 0, failed: 0 };
  const log = recordingLog();
  const front = new MemorySignatureStore(roomy, Date.now);
  const keeper = new SignatureKeeper({ front, store, counts, entryBytes: 1_000, wait: 50, log });
  return { keeper, store, front, counts, log };
}

describe('kept signatures', () => {
  it('are found by the ids of their calls, unknown ids left out', () => {
    const { keeper, counts } = setUp();
    keeper.keep('a', [kept({ id: 'call_1' }), kept({ id: 'call_2' })]);
    expect(keeper.find('a', ['call_2', 'call_3', 'call_2'])).toEqual(new Map([['call_2', kept({ id: 'call_2' })]]));
    expect(counts).toMatchObject({ kept: 2, hits: 1, misses: 1 });
  });

  it('of one tenant are not found by another', () => {
    const { keeper } = setUp();
    keeper.keep('a', [kept()]);
    expect(keeper.find('b', ['call_1'])).toEqual(new Map());
    expect(keeper.find('', ['call_1'])).toEqual(new Map());
  });

  it('are found at once by ids that are keys of every object', () => {
    const { keeper } = setUp();
    keeper.keep('a', [kept({ id: '__proto__' }), kept({ id: 'constructor' })]);
    const found = keeper.find('a', ['__proto__', 'constructor', 'toString']) as ReadonlyMap<string, unknown>;
    expect([...found.keys()].sort()).toEqual(['__proto__', 'constructor']);
  });

  it('are asked of the backend only where memory has none', () => {
    const { keeper, store } = setUp();
    const find = vi.spyOn(store, 'find');
    keeper.keep('a', [kept({ id: 'call_1' })]);
    keeper.find('a', ['call_1']);
    expect(find).not.toHaveBeenCalled();
    keeper.find('a', ['call_1', 'call_2']);
    expect(find).toHaveBeenCalledWith([expect.any(String)]);
  });

  it('come from a backend that answers later as well', async () => {
    const backend = new MemorySignatureStore(roomy, Date.now);
    const one = setUp({ keep: async (entries) => backend.keep(entries), find: async (keys) => backend.find(keys) });
    await one.keeper.keep('a', [kept()]);
    one.front.close();
    expect(await one.keeper.find('a', ['call_1', 'call_2'])).toEqual(new Map([['call_1', kept()]]));
    // And are in memory then.
    expect(one.keeper.find('a', ['call_1'])).toEqual(new Map([['call_1', kept()]]));
  });

  it('that are too large, or under an id that is nobody`s, are not kept', () => {
    const { keeper, store, counts } = setUp();
    const keep = vi.spyOn(store, 'keep');
    keeper.keep('a', [kept({ signature: 'ü'.repeat(500) }), kept({ id: 'x'.repeat(257) }), kept({ id: 'call_2' })]);
    expect(keep.mock.calls[0]![0].map(({ kept: { id } }) => id)).toEqual(['call_2']);
    expect(counts).toMatchObject({ tooLarge: 2, kept: 1 });
  });

  it('are looked up for so many ids of a long history, the newest', () => {
    const { keeper, store } = setUp();
    const ids = Array.from({ length: 20_000 }, (_, at) => `call_${at}`);
    keeper.keep('a', [kept({ id: 'call_0' }), kept({ id: 'call_19999' })]);
    const find = vi.spyOn(store, 'find');
    expect([...(keeper.find('a', ids) as ReadonlyMap<string, unknown>).keys()]).toEqual(['call_19999']);
    expect(find.mock.calls[0]![0]).toHaveLength(499);
  });
});

describe('a backend that fails', () => {
  const broken = new Error('disk I/O error');

  it.each<[string, () => void | Promise<void>]>([
    [
      'at once',
      () => {
        throw broken;
      },
    ],
    ['later', () => Promise.reject(broken)],
  ])('%s: keep does not, the entries are in memory, one line tells of it', async (_name, fail) => {
    let works = false;
    const { keeper, counts, log } = setUp({ keep: () => (works ? undefined : fail()) });
    await keeper.keep('a', [kept()]);
    await keeper.keep('a', [kept({ id: 'call_2' })]);
    expect((keeper.find('a', ['call_1', 'call_2']) as ReadonlyMap<string, unknown>).size).toBe(2);
    expect(counts).toMatchObject({ failed: 2, kept: 0 });
    expect(log.lines).toEqual([expect.stringContaining('cannot be kept')]);
    works = true;
    await keeper.keep('a', [kept()]);
    expect(log.lines).toHaveLength(2);
  });

  it.each<[string, SignatureStore['find']]>([
    [
      'at once',
      () => {
        throw broken;
      },
    ],
    ['later', () => Promise.reject(broken)],
  ])('%s: find tells what memory has', async (_name, find) => {
    const { keeper, log } = setUp({ find });
    await keeper.keep('a', [kept()]);
    expect([...(await keeper.find('a', ['call_1', 'call_2'])).keys()]).toEqual(['call_1']);
    expect(log.lines).toHaveLength(1);
  });

  it('D2: that takes too long is not waited for', async () => {
    const disk = Promise.withResolvers<void>();
    const { keeper, counts, log } = setUp({ keep: () => disk.promise });
    const began = performance.now();
    await keeper.keep('a', [kept()]);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(counts).toMatchObject({ failed: 1, kept: 0 });
    disk.resolve();
    await until(() => expect(log.lines).toHaveLength(2));
  });
});

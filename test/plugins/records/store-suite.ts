import { describe, expect, it } from 'vitest';
import { type Collection, RecordConflict, type RecordStore, type StoredRecord } from '../../../plugins/records/contract.ts';
import { opened } from '../../helper/cleanup.ts';

/** Bytes that no text encoding leaves as they are. */
export const contents = (text: string): Uint8Array => new Uint8Array([0, 255, 0xc3, 0x28, ...new TextEncoder().encode(text)]);

export function stored(id: string, version: number, text: string | null = `${id} ${version}`, collection: Collection = 'key') {
  return { collection, id, version, sealed: text === null ? null : contents(text) } satisfies StoredRecord;
}

const plain = ({ collection, id, version, sealed }: StoredRecord) => ({
  collection,
  id,
  version,
  sealed: sealed === null ? null : [...sealed],
});

/** What a store tells, by collection and id. */
export async function told(store: RecordStore, after = 0) {
  const { records, sequence } = await store.changes(after);
  const sorted = records.map(plain).sort((one, other) => (one.collection + one.id < other.collection + other.id ? -1 : 1));
  return { records: sorted, sequence };
}

export interface StoreSuiteOptions {
  readonly kind: RecordStore['kind'];
  /**
   * Opens a store; with the same `place`, of one test alone, it is another handle on the same data, as another process or a later one
   * has it. What it starts it ends with `close` of the store and `whenDone`.
   */
  readonly open: (place: string) => Promise<RecordStore> | RecordStore;
  /** False where the data end with the store. */
  readonly lasting: boolean;
}

/** What every backend of the records does. */
export function recordStoreSuite(name: string, { kind, open, lasting }: StoreSuiteOptions): void {
  let places = 0;
  const fresh = () => `suite-${process.pid}-${++places}`;
  const start = async (place = fresh()) => opened(await open(place));

  describe(`records in ${name}`, () => {
    it('has nothing at first', async () => {
      const store = await start();
      expect(store.kind).toBe(kind);
      expect(await store.changes(0)).toEqual({ sequence: 0, records: [] });
    });

    it('tells what was written, byte for byte', async () => {
      const store = await start();
      const every = { ...stored('b', 1), sealed: Uint8Array.from({ length: 256 }, (_, at) => at) };
      await store.write(stored('a', 1));
      await store.write(every);
      await store.write(stored('a', 1, 'of another collection', 'team'));
      const { records, sequence } = await told(store);
      expect(records).toEqual([stored('a', 1), every, stored('a', 1, 'of another collection', 'team')].map(plain));
      expect(sequence).toBeGreaterThan(0);
    });

    it('tells only what changed after a sequence number, each document once, at its newest', async () => {
      const store = await start();
      await store.write(stored('a', 1));
      await store.write(stored('b', 1));
      const { sequence } = await store.changes(0);
      expect(await store.changes(sequence)).toEqual({ sequence, records: [] });
      await store.write(stored('a', 2));
      await store.write(stored('a', 3));
      await store.write(stored('c', 1));
      const later = await told(store, sequence);
      expect(later.records).toEqual([stored('a', 3), stored('c', 1)].map(plain));
      expect(later.sequence).toBeGreaterThan(sequence);
      expect(await store.changes(later.sequence)).toEqual({ sequence: later.sequence, records: [] });
      expect((await told(store)).records).toEqual([stored('a', 3), stored('b', 1), stored('c', 1)].map(plain));
    });

    it('tells of a removal, and the version goes on from there', async () => {
      const store = await start();
      await store.write(stored('a', 1));
      const { sequence } = await store.changes(0);
      await store.write(stored('a', 2, null));
      expect((await told(store, sequence)).records).toEqual([plain(stored('a', 2, null))]);
      await expect(store.write(stored('a', 1))).rejects.toThrow(RecordConflict);
      await store.write(stored('a', 3));
      expect((await told(store)).records).toEqual([plain(stored('a', 3))]);
    });

    it('takes no version but the next: the first is 1, nothing is skipped and nothing written twice', async () => {
      const store = await start();
      for (const version of [0, 2, 7]) await expect(store.write(stored('a', version))).rejects.toThrow(RecordConflict);
      await store.write(stored('a', 1, 'mine'));
      for (const version of [1, 3, 0]) await expect(store.write(stored('a', version, 'theirs'))).rejects.toThrow(RecordConflict);
      expect((await told(store)).records).toEqual([plain(stored('a', 1, 'mine'))]);
      await store.write(stored('a', 2));
      await expect(store.write(stored('a', 2))).rejects.toThrow(RecordConflict);
    });

    it('lets one of many writers of the same version win', async () => {
      const store = await start();
      await store.write(stored('a', 1));
      const texts = Array.from({ length: 20 }, (_, at) => `writer ${at}`);
      const outcomes = await Promise.allSettled(texts.map((text) => store.write(stored('a', 2, text))));
      const won = outcomes.flatMap(({ status }, at) => (status === 'fulfilled' ? [texts[at]!] : []));
      expect(won).toHaveLength(1);
      for (const each of outcomes) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(RecordConflict);
      expect((await told(store)).records).toEqual([plain(stored('a', 2, won[0]!))]);
    });

    it('keeps what it was given, whatever becomes of those bytes', async () => {
      const store = await start();
      const record = stored('a', 1);
      await store.write(record);
      const kept = plain(record);
      record.sealed!.fill(7);
      expect((await told(store)).records).toEqual([kept]);
    });

    it('takes ids and contents of any form', async () => {
      const store = await start();
      const ids = ['__proto__', 'constructor', 'a:b', 'a\0b', 'ключ', ' ', '{x}', 'x'.repeat(200)];
      for (const id of ids) await store.write({ ...stored(id, 1), sealed: new Uint8Array() });
      await store.write({ ...stored('large', 1), sealed: new Uint8Array(200_000).fill(9) });
      const { records } = await store.changes(0);
      expect(records.map(({ id }) => id).sort()).toEqual([...ids, 'large'].sort());
      expect(records.find(({ id }) => id === 'a\0b')!.sealed).toHaveLength(0);
      expect(records.find(({ id }) => id === 'large')!.sealed).toHaveLength(200_000);
    });

    it('gives every change a sequence number of its own, in order', async () => {
      const store = await start();
      let last = 0;
      for (let version = 1; version <= 20; version++) {
        await store.write(stored(`id-${version % 3}`, Math.ceil(version / 3)));
        const { sequence, records } = await store.changes(last);
        expect(sequence).toBeGreaterThan(last);
        expect(records).toHaveLength(1);
        last = sequence;
      }
    });

    if (!lasting) return;

    it('has everything when it is opened again', async () => {
      const place = fresh();
      const first = await start(place);
      await first.write(stored('a', 1));
      await first.write(stored('b', 1));
      await first.write(stored('b', 2, null));
      const before = await told(first);
      await first.close();
      const second = await start(place);
      expect(await told(second)).toEqual(before);
      await expect(second.write(stored('a', 1))).rejects.toThrow(RecordConflict);
      await second.write(stored('a', 2));
      expect((await told(second, before.sequence)).records).toEqual([plain(stored('a', 2))]);
    });

    it('two handles see what the other writes, and only one of them gets a version', async () => {
      const place = fresh();
      const [one, other] = [await start(place), await start(place)];
      await one.write(stored('a', 1));
      const seen = await told(other);
      expect(seen.records).toEqual([plain(stored('a', 1))]);
      await other.write(stored('a', 2));
      await expect(one.write(stored('a', 2))).rejects.toThrow(RecordConflict);
      for (let round = 3; round < 13; round++) {
        const both = await Promise.allSettled([one.write(stored('a', round, 'one')), other.write(stored('a', round, 'other'))]);
        expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      }
      expect(await told(one, seen.sequence)).toEqual(await told(other, seen.sequence));
      expect((await told(one)).records[0]!.version).toBe(12);
    });
  });
}

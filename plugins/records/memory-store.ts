import { type RecordChanges, RecordConflict, type RecordStore, type StoredRecord } from './contract.ts';

/** Records in memory: gone with the process. Two processes are two readers of one of these in tests. */
export class MemoryRecordStore implements RecordStore {
  readonly kind = 'memory';
  readonly shared: boolean;
  /** By collection and id, in the order of their last change. */
  readonly #records = new Map<string, StoredRecord & { readonly sequence: number }>();
  #sequence = 0;

  constructor({ shared = false }: { readonly shared?: boolean } = {}) {
    this.shared = shared;
  }

  async changes(after: number): Promise<RecordChanges> {
    const records: StoredRecord[] = [];
    for (const { sequence, ...record } of this.#records.values()) if (sequence > after) records.push(record);
    return { sequence: this.#sequence, records };
  }

  async write({ collection, id, version, sealed }: StoredRecord): Promise<void> {
    const place = `${collection}\0${id}`;
    const newest = this.#records.get(place)?.version ?? 0;
    if (version !== newest + 1) throw new RecordConflict(`${collection} ${id} is at version ${newest}`);
    // To the end of the order.
    this.#records.delete(place);
    this.#records.set(place, { collection, id, version, sealed: sealed?.slice() ?? null, sequence: ++this.#sequence });
  }

  async close(): Promise<void> {}
}

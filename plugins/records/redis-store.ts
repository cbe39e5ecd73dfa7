import { createHash, randomBytes } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import {
  type Collection,
  collections,
  type RecordChanges,
  RecordConflict,
  type RecordStore,
  RecordStoreError,
  type StoredRecord,
} from './contract.ts';
import { changesScript, removalKept, restoreScript, writeScript } from './redis-scripts.ts';

export interface RedisRecordStoreOptions {
  /** Stays the caller's: it is not closed with the store. Large answers come over it at the start, so not the one that calls wait for. */
  readonly redis: Redis | Cluster;
  /** `redis_prefix`. */
  readonly prefix: string;
  /** Unix milliseconds. */
  readonly now?: () => number;
  /** Called with how many documents this process put back into a store that had lost them. */
  readonly onRestored?: (count: number) => void;
}

/** Milliseconds a start waits for the connection. */
const connectWait = 1_000;
/** Changes of one answer. */
const pageSize = 500;
/** Documents put back at once. */
const restoreSize = 100;

class Script {
  readonly #text: string;
  readonly #digest: string;

  constructor(text: string) {
    this.#text = text;
    this.#digest = createHash('sha1').update(text).digest('hex');
  }

  async run(redis: Redis | Cluster, keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<unknown> {
    try {
      return await redis.callBuffer('evalsha', this.#digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!/^NOSCRIPT/.test((error as Error).message)) throw error;
      return await redis.callBuffer('eval', this.#text, keys.length, ...keys, ...args);
    }
  }
}

const scripts = {
  write: new Script(writeScript),
  restore: new Script(restoreScript),
  changes: new Script(changesScript),
};

/** A document as this process has last seen it. */
interface Known {
  readonly version: number;
  readonly value: Buffer;
  readonly sequence: number;
}

interface Change extends Known {
  readonly field: string;
}

interface Page {
  readonly epoch: string;
  readonly sequence: number;
  readonly pruned: number;
  readonly changes: readonly Change[];
}

const minus = 0x2d;
const colon = 0x3a;
const tokenLength = 16;

/** Of `<version>:<token><bytes>` and `<version>-<token>`; 0 for what no gateway wrote. */
function versionOf(value: Buffer): number {
  let version = 0;
  for (let at = 0; at < value.length && at < 16; at++) {
    const byte = value[at]!;
    if (byte === minus || byte === colon) return at === 0 ? 0 : version;
    if (byte < 0x30 || byte > 0x39) return 0;
    version = version * 10 + byte - 0x30;
  }
  return 0;
}

function recordOf(field: string, { version, value }: Known): StoredRecord | null {
  const at = field.indexOf(':');
  const collection = field.slice(0, at) as Collection;
  const sealed = String(version).length + 1 + tokenLength;
  if (at === -1 || !collections.includes(collection) || version === 0 || value.length < sealed) return null;
  return { collection, id: field.slice(at + 1), version, sealed: isRemoval(version, value) ? null : value.subarray(sealed) };
}

const isRemoval = (version: number, value: Buffer): boolean => value[String(version).length] === minus;

/** Of two with the same version, which only a store that lost the first one takes, a removal stands. */
const revives = (known: Known, change: Known): boolean =>
  isRemoval(known.version, known.value) && !isRemoval(change.version, change.value);

/** The token tells a write that is delivered twice from what somebody else wrote. */
function encode({ version, sealed }: StoredRecord): Buffer {
  const token = randomBytes((tokenLength * 3) / 4).toString('base64url');
  return Buffer.concat([Buffer.from(`${version}${sealed === null ? '-' : ':'}${token}`), sealed ?? Buffer.alloc(0)]);
}

/**
 * Documents that all replicas share. What is sealed stays opaque here. Every process that reads remembers what it has seen, and puts
 * it back when Redis has lost it (emptied, restored from a backup, failed over to a copy that lagged behind): otherwise a key that was
 * revoked would work again, and all others would not after the next start.
 */
export class RedisRecordStore implements RecordStore {
  readonly kind = 'redis';
  readonly shared = true;
  readonly #redis: Redis | Cluster;
  readonly #keys: readonly string[];
  readonly #now: () => number;
  readonly #onRestored: (count: number) => void;
  readonly #known = new Map<string, Known>();
  #epoch = '';
  /** Grows with every connection: another server may answer then, so everything is compared once. */
  #connections: number;
  /** Value of `#connections` at the last comparison. */
  #compared = -1;
  /** When the store last answered, unix milliseconds. */
  #seenAt: number;
  readonly #connected = (): void => {
    this.#connections++;
  };

  constructor({ redis, prefix, now = Date.now, onRestored = () => {} }: RedisRecordStoreOptions) {
    this.#redis = redis;
    this.#keys = ['meta', 'sealed', 'changes', 'removed'].map((name) => `{${prefix}}:records:${name}`);
    this.#now = now;
    this.#onRestored = onRestored;
    this.#seenAt = now();
    this.#connections = redis.status === 'ready' ? 1 : 0;
    redis.on('ready', this.#connected);
    redis.on('+node', this.#connected);
  }

  async changes(after: number): Promise<RecordChanges> {
    try {
      if (this.#connections === 0) await this.#firstConnection();
      return await this.#changes(after);
    } catch (error) {
      throw unreachable(error);
    }
  }

  async write(record: StoredRecord): Promise<void> {
    const field = `${record.collection}:${record.id}`;
    const value = encode(record);
    let answer: number;
    try {
      answer = Number(await scripts.write.run(this.#redis, this.#keys, [newEpoch(), field, record.version, value, removalKept]));
    } catch (error) {
      throw unreachable(error);
    }
    if (answer !== record.version) throw new RecordConflict(`${record.collection} ${record.id} was changed by another process.`);
    this.#remember(field, { version: record.version, value, sequence: 0 });
  }

  async close(): Promise<void> {
    this.#redis.off('ready', this.#connected);
    this.#redis.off('+node', this.#connected);
    this.#known.clear();
  }

  /** At a start the connection is under way; a server that is not there says so at once. */
  async #firstConnection(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, connectWait);
    for (const event of ['ready', 'close', 'end']) this.#redis.once(event, resolve);
    await promise;
    clearTimeout(timer);
    for (const event of ['ready', 'close', 'end']) this.#redis.off(event, resolve);
  }

  async #changes(after: number): Promise<RecordChanges> {
    const connections = this.#connections;
    let whole = after === 0 || this.#compared !== connections;
    let from = whole ? 0 : after;
    const changes: Change[] = [];
    let page: Page;
    for (;;) {
      page = await this.#page(from);
      if (!whole && (page.epoch !== this.#epoch || page.sequence < from || page.pruned > from)) {
        whole = true;
        from = 0;
        changes.length = 0;
        continue;
      }
      changes.push(...page.changes);
      if (page.changes.length < pageSize) break;
      from = page.changes.at(-1)!.sequence;
    }
    const anew = this.#epoch !== '' && page.epoch !== this.#epoch;
    const records = await this.#take(changes, { whole, anew, pruned: page.pruned });
    this.#epoch = page.epoch;
    if (whole) this.#compared = connections;
    this.#seenAt = this.#now();
    return { sequence: page.sequence, records };
  }

  /**
   * Learns what was read, and puts back what is older there than here. `whole`: `changes` are all there are. `anew`: the store was lost
   * and begun again, so a process that started meanwhile may have made a document of the same id and version, the pepper of all keys for
   * one: what was there before stands.
   */
  async #take(
    changes: readonly Change[],
    { whole, anew, pruned }: { readonly whole: boolean; readonly anew: boolean; readonly pruned: number },
  ): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    const lost = new Map<string, Known>();
    const listed = new Set<string>();
    for (const change of changes) {
      listed.add(change.field);
      const known = this.#known.get(change.field);
      const differs = known !== undefined && known.version === change.version && !known.value.equals(change.value);
      if (known !== undefined && (known.version > change.version || (differs && (anew || revives(known, change))))) {
        lost.set(change.field, known);
        continue;
      }
      const record = recordOf(change.field, change);
      if (record === null) continue;
      this.#remember(change.field, change);
      records.push(differs ? { ...record, instead: true } : record);
    }
    if (whole) this.#compare(listed, lost, records);
    await this.#restore(lost, anew);
    this.#forget(pruned);
    return records;
  }

  /** What this process knows and the store has no longer was lost, or removed so long ago that the store has forgotten that. */
  #compare(listed: ReadonlySet<string>, lost: Map<string, Known>, records: StoredRecord[]): void {
    const late = this.#now() - this.#seenAt > (removalKept * 1_000) / 2;
    for (const [field, known] of this.#known) {
      if (listed.has(field)) continue;
      if (!late) {
        lost.set(field, known);
        continue;
      }
      this.#known.delete(field);
      const record = recordOf(field, known);
      if (record !== null) records.push({ ...record, version: record.version + 1, sealed: null });
    }
  }

  async #restore(lost: ReadonlyMap<string, Known>, anew: boolean): Promise<void> {
    const all = [...lost];
    let restored = 0;
    for (let at = 0; at < all.length; at += restoreSize) {
      const args = all.slice(at, at + restoreSize).flatMap(([field, { version, value }]) => [field, version, value]);
      restored += Number(await scripts.restore.run(this.#redis, this.#keys, [newEpoch(), anew ? 1 : 0, ...args]));
    }
    if (restored > 0) this.#onRestored(restored);
  }

  #remember(field: string, { version, value, sequence }: Known): void {
    this.#known.set(field, { version, value: Buffer.from(value), sequence });
  }

  /** Removals that the store has forgotten. */
  #forget(pruned: number): void {
    if (pruned === 0) return;
    for (const [field, { version, value, sequence }] of this.#known) {
      if (sequence > 0 && sequence <= pruned && isRemoval(version, value)) this.#known.delete(field);
    }
  }

  async #page(after: number): Promise<Page> {
    const answer = await scripts.changes.run(this.#redis, this.#keys, [after, pageSize]);
    const [epoch, sequence, pruned, ...rest] = answer as Buffer[];
    const changes: Change[] = [];
    for (let at = 0; at + 2 < rest.length; at += 3) {
      const value = rest[at + 2]!;
      changes.push({ field: String(rest[at]), sequence: Number(rest[at + 1]), version: versionOf(value), value });
    }
    return { epoch: String(epoch), sequence: Number(sequence), pruned: Number(pruned), changes };
  }
}

const newEpoch = (): string => randomBytes(12).toString('base64url');

function unreachable(cause: unknown): RecordStoreError {
  if (cause instanceof RecordStoreError) return cause;
  return new RecordStoreError('Redis, which keeps the keys and teams, does not answer.', { cause });
}

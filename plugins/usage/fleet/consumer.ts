import { basename } from 'node:path';
import type { RedisClient } from '../../redis/client.ts';
import { type FleetNames, replicaPattern } from './names.ts';
import { ReplicaFile, replicaPaths } from './replica-file.ts';
import { decodeRow, type StreamedRow } from './wire.ts';

export interface ConsumerOptions {
  readonly redis: RedisClient;
  readonly names: FleetNames;
  /** Own id: its rows are in the ledger. */
  readonly replica: string;
  readonly dataDir: string;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Unix milliseconds. */
  readonly wallClock: () => number;
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** Entries read at once of each stream. */
const pageSize = 500;
/** Milliseconds between two looks for new replicas. */
const lookEvery = 1_000;
/** More replicas than that no fleet has. */
const mostReplicas = 1_000;

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

/** One entry of a stream; null for what no gateway wrote. */
function placeOf([id, fields]: Entry): { readonly sequence: number; readonly previous: number; readonly json: string } | null {
  const sequence = Number(String(id).split('-', 1)[0]);
  if (!Number.isSafeInteger(sequence) || fields.length < 4 || String(fields[0]) !== 'p' || String(fields[2]) !== 'r') return null;
  const previous = Number(fields[1]);
  return Number.isSafeInteger(previous) ? { sequence, previous, json: String(fields[3]) } : null;
}

/** Adds the rows of all other replicas to their sums here. */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #files = new Map<string, ReplicaFile>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #refused = 0;

  /** Those of replicas that are gone have to be readable, too. */
  constructor(options: ConsumerOptions) {
    this.#options = options;
    for (const path of replicaPaths(options.dataDir)) {
      const replica = basename(path, '.sqlite');
      this.#files.set(replica, new ReplicaFile(options.dataDir, replica));
    }
  }

  /** Rows of others that were counted by this process. */
  get taken(): number {
    return this.#taken;
  }

  /** Entries that are no rows. */
  get refused(): number {
    return this.#refused;
  }

  /** Other replicas that are known. */
  get replicas(): number {
    return this.#files.size;
  }

  /** Others whose sums are not here, or not whole. */
  get incomplete(): number {
    let count = 0;
    for (const file of this.#files.values()) if (file.position === null) count++;
    return count;
  }

  /** Reads what is new. Resolves to whether there is more. Rejects with the error of Redis or of a file. */
  async step(): Promise<boolean> {
    const { now } = this.#options;
    if (now() - this.#lookedAt >= lookEvery) {
      await this.#look();
      this.#lookedAt = now();
    }
    return this.#read();
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  async #look(): Promise<void> {
    const { redis, names, replica, dataDir } = this.#options;
    const all = await redis.zrevrange(names.replicas, 0, mostReplicas - 1);
    for (const other of all) {
      if (other === replica || !replicaPattern.test(other)) continue;
      let file = this.#files.get(other);
      if (file === undefined) {
        file = new ReplicaFile(dataDir, other);
        this.#files.set(other, file);
      }
      if (file.position === null) await this.#begin(other, file, 0);
    }
  }

  async #read(): Promise<boolean> {
    const { redis, names } = this.#options;
    const asked = new Map<string, [string, ReplicaFile]>();
    for (const [replica, file] of this.#files) if (file.position !== null) asked.set(names.stream(replica), [replica, file]);
    if (asked.size === 0) return false;
    const ids = [...asked.values()].map(([, { position }]) => `${position}-0`);
    const answer = await redis.callBuffer('xread', 'COUNT', pageSize, 'STREAMS', ...asked.keys(), ...ids);
    let more = false;
    for (const [stream, entries] of streamsOf(answer)) {
      const found = asked.get(stream);
      if (found === undefined) continue;
      more ||= entries.length === pageSize;
      await this.#take(...found, entries);
    }
    return more;
  }

  async #take(replica: string, file: ReplicaFile, entries: readonly Entry[]): Promise<void> {
    const rows: StreamedRow[] = [];
    let position = file.position!;
    let gap = 0;
    for (const entry of entries) {
      const place = placeOf(entry);
      if (place === null || place.sequence <= position) {
        if (place === null) this.#refused++;
        continue;
      }
      if (place.previous > position) {
        gap = place.previous;
        break;
      }
      const row = decodeRow(place.json);
      if (row === null) this.#refused++;
      else rows.push(row);
      position = place.sequence;
    }
    if (position > file.position!) {
      file.add(rows, position, this.#options.wallClock());
      this.#taken += rows.length;
    }
    if (gap > 0) await this.#begin(replica, file, gap);
  }

  /** Takes the replica's own sums where they reach as far as `missing`, else asks for newer ones. */
  async #begin(replica: string, file: ReplicaFile, missing: number): Promise<void> {
    const { redis, names, log } = this.#options;
    const base = names.base(replica);
    const [sequence, count] = await redis.hmget(base, 'sequence', 'parts');
    const reaches = Number(sequence ?? -1);
    if (!(reaches >= missing) || reaches <= (file.position ?? -1)) {
      await redis.hset(names.wanted, replica, missing);
      return;
    }
    const fields = Array.from({ length: Math.min(Number(count), 10_000) }, (_, at) => String(at));
    const parts: Buffer[] = [];
    for (const field of fields) parts.push((await redis.hgetBuffer(base, field)) ?? Buffer.alloc(0));
    // It may have been replaced while it was read.
    if ((await redis.hget(base, 'sequence')) !== sequence) return;
    try {
      file.replace(parts, reaches);
    } catch (err) {
      this.#refused++;
      log('the sums of another replica cannot be read: they are asked for again', { replica, problem: (err as Error).message });
      await redis.hset(names.wanted, replica, reaches + 1);
      return;
    }
    log('the sums of another replica were taken whole', { replica, sequence: reaches });
  }
}

function* streamsOf(answer: unknown): Iterable<[string, readonly Entry[]]> {
  if (!Array.isArray(answer)) return;
  // By protocol a list of pairs, or flat.
  const flat = answer.length > 0 && !Array.isArray(answer[0]);
  if (flat) for (let at = 0; at + 1 < answer.length; at += 2) yield [String(answer[at]), answer[at + 1] as Entry[]];
  else for (const [name, entries] of answer as [Buffer, Entry[]][]) yield [String(name), entries];
}

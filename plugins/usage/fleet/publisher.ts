import type { DatabaseSync } from 'node:sqlite';
import type { RedisClient } from '../../redis/client.ts';
import type { Script } from '../../redis/script.ts';
import { makeBase } from './base.ts';
import type { FleetNames } from './names.ts';
import type { Outbox } from './outbox.ts';
import { baseScript, publishScript, stateScript } from './scripts.ts';
import { encodeRow } from './wire.ts';

/** Runs a script that the server may not know yet. Answers are buffers and numbers. */
export async function run(
  redis: RedisClient,
  { sha, body }: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  try {
    return await redis.callBuffer('evalsha', sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.callBuffer('eval', body, keys.length, ...keys, ...args);
  }
}

export interface PublisherOptions {
  readonly redis: RedisClient;
  readonly names: FleetNames;
  readonly replica: string;
  /** A connection to the ledger's file. */
  readonly ledger: DatabaseSync;
  readonly outbox: Outbox;
  /** Rows that a stream keeps, about. */
  readonly keep: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Rows sent at once. */
const batchSize = 250;
/** Milliseconds between two looks at what Redis has of this replica. */
const lookEvery = 1_000;
/** Milliseconds a row stays in the stream at most, about. */
const keepFor = 86_400_000;
/** Milliseconds between two marks by which old rows are found. */
const markEvery = 3_600_000;
/** Places of the order that are removed at once: calls may wait for that transaction. */
const pruneSize = 500;
const pruneSlack = 5_000;

const sequenceOf = (id: string): number => Number(id.split('-', 1)[0]);

/** Brings this replica's rows into its stream, each once and in their order, and keeps a base there for those who miss some. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #stream: string;
  readonly #base: string;
  /** Newest entry of the stream as far as known; null: it has to be asked for. */
  #newest: string | null = null;
  #cursor = 0;
  #previous = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #foreign = false;
  #published = 0;
  readonly #marks: { readonly at: number; readonly sequence: number }[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#stream = options.names.stream(options.replica);
    this.#base = options.names.base(options.replica);
  }

  /** Rows written to the stream by this process. */
  get published(): number {
    return this.#published;
  }

  get problem(): string | null {
    return this.#foreign ? 'another process publishes rows as this replica: was its data directory copied?' : null;
  }

  /** Rows that are not in the stream yet, counted up to `most`. */
  waiting(most: number): number {
    return this.#options.outbox.waiting(this.#cursor, most);
  }

  /** Does what is to be done now. Resolves to whether there is more. Rejects with the error of Redis or of the file. */
  async step(): Promise<boolean> {
    const { outbox, redis, keep, now } = this.#options;
    if (this.#newest === null || now() - this.#lookedAt >= lookEvery) await this.#look();
    const page = outbox.after(this.#cursor, this.#previous, batchSize);
    if (page.rows.length > 0) {
      const args = page.rows.flatMap((row) => [row.sequence, row.previous, encodeRow(row)]);
      const expected = this.#newest!;
      // Whether it has arrived is unknown until it is answered.
      this.#newest = null;
      const newest = String(await run(redis, publishScript, [this.#stream], [expected, keep, ...args]));
      if (sequenceOf(newest) !== page.rows.at(-1)!.sequence) {
        this.#startFrom(newest);
        return true;
      }
      this.#newest = newest;
      this.#published += page.rows.length;
    }
    const more = page.through !== this.#cursor;
    this.#cursor = page.through;
    this.#previous = page.previous;
    return more;
  }

  /** What the stream has is not sent again; a stream that is gone gets the newest rows anew. */
  #startFrom(newest: string): void {
    const { outbox, keep } = this.#options;
    const last = sequenceOf(newest);
    this.#newest = newest;
    // A sequence of a later time than any of this process is somebody else's.
    this.#foreign = last > outbox.last();
    this.#cursor = last === 0 ? outbox.newest(keep) : last;
    // What was before it nobody has by the rows of this stream, or everybody.
    this.#previous = last === 0 && this.#cursor === 0 ? 0 : this.#cursor;
  }

  async #look(): Promise<void> {
    const { redis, names, replica, now, outbox, keep } = this.#options;
    const keys = [this.#stream, this.#base, names.wanted, names.replicas];
    const answer = (await run(redis, stateScript, keys, [replica, this.#oldest()])) as Buffer[];
    const [newest = '0-0', first = '', base = '', wanted = ''] = answer.map(String);
    if (newest !== this.#newest) this.#startFrom(newest);
    // Who has the base has to find the rest in the stream, also of a replica that is gone: so it is made again long before.
    const lacking = base === '' || [first, wanted].some((sequence) => sequence !== '' && Number(sequence) > Number(base));
    const missing = lacking || outbox.waiting(Number(base), keep) > keep / 2;
    if (missing) await this.#putBase();
    this.#lookedAt = now();
    this.#mark();
    this.#prune();
  }

  async #putBase(): Promise<void> {
    const { redis, names, replica, ledger } = this.#options;
    const { sequence, parts } = makeBase(ledger);
    await run(redis, baseScript, [this.#base, names.wanted], [replica, sequence, ...parts]);
  }

  #mark(): void {
    const at = this.#options.now();
    const last = this.#marks.at(-1);
    if (last === undefined || at - last.at >= markEvery) this.#marks.push({ at, sequence: this.#cursor });
  }

  /** Id of the oldest entry to keep; empty while none is too old. */
  #oldest(): string {
    const at = this.#options.now();
    let oldest = '';
    while (this.#marks.length > 0 && at - this.#marks[0]!.at > keepFor) oldest = `${this.#marks.shift()!.sequence}-0`;
    return oldest;
  }

  /** What is in the stream, and would not be sent again if it were lost. Not each time: what another connection writes makes that of the rows read again. */
  #prune(): void {
    const { outbox, keep } = this.#options;
    if (outbox.newest(keep + pruneSlack) === 0) return;
    const before = Math.min(this.#cursor, outbox.newest(keep));
    for (let bite = 0; bite < pruneSlack / pruneSize; bite++) outbox.prune(before, pruneSize);
  }
}

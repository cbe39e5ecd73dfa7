import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { backgroundTimes, makeClient, type RedisClient } from '../../../plugins/redis/client.ts';
import { parseRedisUrl } from '../../../plugins/redis/url.ts';
import { Consumer } from '../../../plugins/usage/fleet/consumer.ts';
import { readFleetUsage } from '../../../plugins/usage/fleet/merged-usage.ts';
import { fleetNames } from '../../../plugins/usage/fleet/names.ts';
import { dropOutbox, keepOutbox, Outbox } from '../../../plugins/usage/fleet/outbox.ts';
import { Publisher } from '../../../plugins/usage/fleet/publisher.ts';
import { intentRow, settlementRow, type Write } from '../../../plugins/usage/rows.ts';
import { LedgerStore } from '../../../plugins/usage/store.ts';
import type { UsageGroup, UsagePage } from '../../../plugins/usage/usage-query.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { intent, readRows, recordingLog, settlement } from './sample.ts';

export function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-fleet-'));
  whenDone(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A connection of the kind that the thread has, ready. */
export async function connection(url: string): Promise<RedisClient> {
  const place = parseRedisUrl(url);
  if ('message' in place) throw new Error(place.message);
  const redis = makeClient(place, backgroundTimes, 'test');
  whenDone(() => redis.disconnect());
  await new Promise((resolve) => redis.once('ready', resolve));
  return redis;
}

export interface ReplicaOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  /** Default: a fresh directory. */
  readonly dataDir?: string;
  readonly keep?: number;
  /** Nobody keeps the order of its rows. */
  readonly alone?: boolean;
}

let made = 0;

/** The ledger of one process and its part in a fleet, each step of it when the test says so. */
export class Replica {
  readonly dataDir: string;
  readonly id: string;
  readonly publisher: Publisher;
  consumer: Consumer;
  readonly store: LedgerStore;
  readonly #ledger: DatabaseSync;
  readonly #options: ReplicaOptions;
  #clock = 0;
  #closed = false;

  constructor(options: ReplicaOptions) {
    const { redis, prefix, dataDir = directory(), keep = 20_000, alone = false } = options;
    this.#options = options;
    this.dataDir = dataDir;
    this.store = new LedgerStore({ dataDir, fsync: 'normal', now: Date.now, log: recordingLog() });
    if (alone) dropOutbox(this.store.database);
    else keepOutbox(this.store.database, Date.now());
    this.id = this.store.replica();
    this.#ledger = new DatabaseSync(join(dataDir, 'ledger.sqlite'), { timeout: 500 });
    const outbox = alone ? (null as never) : new Outbox(this.#ledger);
    const names = fleetNames(`{${prefix}}`);
    this.publisher = new Publisher({
      redis,
      names,
      replica: this.id,
      ledger: this.#ledger,
      outbox,
      keep,
      now: () => this.#clock,
    });
    this.consumer = this.#consumer();
    whenDone(() => this.close());
  }

  #consumer(): Consumer {
    const { redis, prefix } = this.#options;
    return new Consumer({
      redis,
      names: fleetNames(`{${prefix}}`),
      replica: this.id,
      dataDir: this.dataDir,
      now: () => this.#clock,
      wallClock: Date.now,
      log: () => {},
    });
  }

  /** Attempts that were settled, a different amount each. */
  spend(count: number, by: { readonly key?: string; readonly metadata?: object; readonly daysAgo?: number } = {}): void {
    const { key = 'key_a', metadata = null, daysAgo = 0 } = by;
    const writes: Write[] = [];
    for (let each = 0; each < count; each++) {
      const id = this.store.lastId() + 1 + each;
      const at = Date.now() - daysAgo * 86_400_000;
      const amounts = { input: 100 + ++made, output: made };
      const text = metadata === null ? null : JSON.stringify(metadata);
      writes.push(intentRow(id, intent({ keyId: key, startedAt: at, chargedAt: at, metadata: text }), null));
      const charge = { quantities: amounts, source: 'provider', nanoUsd: 1_000 * made, price: null } as const;
      writes.push(settlementRow(id, settlement({ usage: amounts }), charge));
    }
    this.store.write(writes);
  }

  /** Everything that is to be done now: own rows out, those of others in. */
  async publish(): Promise<void> {
    this.#clock += 2_000;
    while (await this.publisher.step());
  }

  async consume(): Promise<void> {
    this.#clock += 2_000;
    while (await this.consumer.step());
  }

  /** The reading side begins anew, as in another process. */
  restartConsumer(): void {
    this.consumer.close();
    this.consumer = this.#consumer();
  }

  usage(groups: readonly UsageGroup[] = [], limit = 1_000, after: UsagePage['rows'][number]['groups'] | null = null): UsagePage {
    const range = { from: 0, to: Math.ceil(Date.now() / 3_600_000) + 24 };
    const label = groups.includes('label') ? 'team' : null;
    const request = { kind: 'usage', ...range, groups, label, team: null, key: null, after, limit } as const;
    return readFleetUsage(this.#ledger, this.dataDir, request);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.consumer.close();
    this.#ledger.close();
    this.store.close();
  }
}

/** Rounds of all of them, in turn: a base is asked for in one, written in the next and read in the third. */
export async function exchange(fleet: readonly Replica[], rounds = 3): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const each of fleet) await each.publish();
    for (const each of fleet) await each.consume();
  }
}

/** Sums over the rows of ledgers themselves. */
export function ledgersOf(dataDirs: readonly string[]) {
  const rows = dataDirs.flatMap(readRows).filter(({ state }) => state === 'settled');
  return {
    attempts: rows.length,
    prompt: rows.reduce((sum, { input }) => sum + Number(input), 0),
    completion: rows.reduce((sum, { output }) => sum + Number(output), 0),
    cost_nano: String(rows.reduce((sum, { cost_nano }) => sum + Number(cost_nano), 0)),
  };
}

/** Each says what the ledgers add up to. */
export function expectSums(fleet: readonly Replica[], ledgers: readonly Replica[] = fleet): void {
  const expected = ledgersOf(ledgers.map(({ dataDir }) => dataDir));
  for (const each of fleet) {
    const { attempts, prompt, completion, cost_nano } = each.usage().total;
    expect({ attempts, prompt, completion, cost_nano }).toEqual(expected);
  }
}

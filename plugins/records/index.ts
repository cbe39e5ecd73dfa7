import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { encryptionKeys } from '../encryption-key.ts';
import { type RecordStore, RecordStoreError, type Records } from './contract.ts';
import { Envelope } from './envelope.ts';
import { RecordKeeper } from './keeper.ts';
import { RedisRecordStore } from './redis-store.ts';
import { rotate } from './rotation.ts';
import { statePath } from './sqlite-file.ts';
import { SqliteRecordStore } from './sqlite-store.ts';

export {
  type Collection,
  type Document,
  RecordConflict,
  type RecordStore,
  RecordStoreError,
  type Records,
} from './contract.ts';

export interface RecordsOptions {
  /** Where the file is, and the key when none is given. */
  readonly dataDir: string;
  /** 32 bytes, base64. */
  readonly encryptionKey?: string | undefined;
  /** Keys before that one: what is under them is read, and wrapped anew. */
  readonly previousEncryptionKeys?: readonly string[] | undefined;
  /** `redis_prefix`, for where the process has a link to Redis: documents are there then, shared with other replicas. */
  readonly redisPrefix?: string | undefined;
  /** Closed with the plugin. Absent: Redis where there is a link to it, else the file in the data directory. */
  readonly store?: RecordStore | undefined;
  /** Milliseconds between two looks at a shared store. */
  readonly poll?: number;
  /** Milliseconds a start waits for a shared store: one that is being connected to answers within a few. */
  readonly patience?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  readonly log?: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'>;
}

/** Plain numbers, now. */
export interface RecordCounts {
  readonly documents: number;
  /** Newest versions that do not open: damaged, forged, or under a key that is not configured. */
  readonly unreadable: number;
  /** Documents whose data key is still wrapped under a previous encryption key. */
  readonly underPreviousKeys: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    records: Records & { readonly counts: RecordCounts };
  }
}

/**
 * Documents that are made through the admin API, in memory and in a store, sealed. Throws at registration an error that says what to do
 * when they cannot be read; a shared store that does not answer is asked again and again instead, and nothing is known until it does.
 */
export default fp<RecordsOptions>(
  async (app, options) => {
    const { dataDir, poll = 500, patience = 1_500, now = () => performance.now(), log = app.log } = options;
    const envelope = new Envelope(encryptionKeys(dataDir, options.encryptionKey, options.previousEncryptionKeys));
    const store = options.store ?? storeOf(app, options);
    if (store.shared && existsSync(statePath(dataDir))) {
      log.warn(
        { file: statePath(dataDir) },
        'keys and teams in this file are not used: they are in the store that replicas share',
      );
    }
    const keeper = new RecordKeeper({ store, envelope, log, now });
    const closing = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    let looking: Promise<void> | null = null;
    let rotation: Promise<unknown> | null = null;
    let reachable = true;

    const look = async (): Promise<void> => {
      try {
        await keeper.refresh();
        if (!reachable) log.info('the store of keys and teams answers again');
        reachable = true;
        rotation ??= rotate({ keeper, envelope, log, signal: closing.signal });
      } catch (err) {
        if (reachable)
          log.warn({ err }, 'the store of keys and teams does not answer: they are as they were, and cannot be changed');
        reachable = false;
      }
    };
    const lookAgain = (): void => {
      timer = setTimeout(() => {
        looking = look().then(() => {
          if (!closing.signal.aborted) lookAgain();
        });
      }, poll).unref();
    };

    app.addHook('onClose', async () => {
      closing.abort();
      clearTimeout(timer);
      await looking;
      await rotation;
      await store.close();
    });

    try {
      await firstLook(keeper, store.shared ? patience : 0);
      refuseMissingKeys(keeper.missingKeys());
    } catch (error) {
      if (!store.shared || !(error instanceof RecordStoreError)) {
        await store.close();
        throw error;
      }
      reachable = false;
      log.warn({ err: error }, 'the store of keys and teams does not answer: none of them is known until it does');
    }
    app.decorate('records', {
      all: (collection) => keeper.all(collection),
      create: (collection, id, value) => keeper.create(collection, id, value),
      replace: (collection, id, version, value) => keeper.replace(collection, id, version, value),
      remove: (collection, id, version) => keeper.remove(collection, id, version),
      onChange: (collection, listener) => keeper.onChange(collection, listener),
      stale: () => keeper.stale(),
      problem: () => keeper.problem(),
      get counts() {
        return keeper.counts;
      },
    });
    // When everyone has registered, so that no change is missed between what they read and what they are told.
    app.addHook('onReady', async () => {
      if (reachable) rotation ??= rotate({ keeper, envelope, log, signal: closing.signal });
      if (store.shared) lookAgain();
    });
  },
  { name: 'records', fastify: '5.x', dependencies: [] },
);

/** Throws an error that says what to do when the file cannot be opened. */
function storeOf(app: FastifyInstance, { dataDir, redisPrefix }: RecordsOptions): RecordStore {
  if (redisPrefix === undefined || !app.hasDecorator('redisLink')) return new SqliteRecordStore(statePath(dataDir));
  return new RedisRecordStore({
    redis: app.redisLink.background,
    prefix: redisPrefix,
    onRestored: (documents) => app.log.warn({ documents }, 'Redis had lost keys and teams: they were put back'),
  });
}

/** Rejects with `RecordStoreError` when the store does not answer in that many milliseconds. */
async function firstLook(keeper: RecordKeeper, patience: number): Promise<void> {
  const end = performance.now() + patience;
  for (;;) {
    try {
      return await keeper.refresh();
    } catch (error) {
      if (!(error instanceof RecordStoreError) || performance.now() >= end) throw error;
      await sleep(25);
    }
  }
}

/** Throws an error that names the keys, and nothing of what is under them. */
function refuseMissingKeys(missing: ReadonlyMap<string, number>): void {
  if (missing.size === 0) return;
  const named = [...missing].map(([id, count]) => `${id} (${count} ${count === 1 ? 'document' : 'documents'})`).join(', ');
  throw new Error(
    `Keys and teams are encrypted under a key that is not configured: ${named}. Put that key back as ENCRYPTION_KEY, or add it to PREVIOUS_ENCRYPTION_KEYS (or previous_encryption_keys) so that they can be read and encrypted anew.`,
  );
}

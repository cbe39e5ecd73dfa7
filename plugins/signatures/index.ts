import type { FastifyBaseLogger } from 'fastify';
import fp from 'fastify-plugin';
import { encryptionKeys, keyFor } from '../encryption-key.ts';
import type { SignatureCounts, Signatures } from './contract.ts';
import { SignatureKeeper } from './keeper.ts';
import { MemorySignatureStore } from './memory-store.ts';
import { Sealer } from './seal.ts';
import { signaturesPath } from './sqlite-file.ts';
import { SqliteSignatureStore } from './sqlite-store.ts';

export type { SignatureCounts, SignatureStore, Signatures } from './contract.ts';

export interface SignatureLimits {
  /** Entries kept. */
  readonly entries: number;
  /** Bytes of all of them; the file is at most half as large again. */
  readonly bytes: number;
  /** Milliseconds one is kept. */
  readonly age: number;
  /** Bytes of one; larger ones are not kept. */
  readonly entryBytes: number;
  /** Bytes of those in memory. */
  readonly memory: number;
}

export interface SignaturesOptions {
  /** Where the file is, and the key when none is given; made with mode 0700 when it is not there. */
  readonly dataDir: string;
  /** 32 bytes, base64. */
  readonly encryptionKey?: string | undefined;
  /** Keys before that one, which only read. */
  readonly previousEncryptionKeys?: readonly string[] | undefined;
  readonly limits?: Partial<SignatureLimits>;
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly log?: Pick<FastifyBaseLogger, 'info' | 'warn'>;
}

declare module 'fastify' {
  interface FastifyInstance {
    signatures: Signatures & { readonly counts: Readonly<SignatureCounts> };
  }
}

const MiB = 1024 * 1024;

/** About a month of a busy team: 10 signed calls a minute, 1.2 kB each. */
const defaults: SignatureLimits = {
  entries: 200_000,
  bytes: 256 * MiB,
  age: 30 * 24 * 3_600_000,
  entryBytes: 256 * 1024,
  memory: 16 * MiB,
};

/** Milliseconds an answer waits for the disk; a commit takes less than one where the disk is well. */
const wait = 1_000;

/** Milliseconds an entry is told from memory; what was read from the file starts anew there, so it is not long. */
const memoryAge = 24 * 3_600_000;

/**
 * Keeps thought signatures and signed reasoning under the ids of their tool calls, so that plain clients of the API, which drop
 * them, can go on with the conversation: across restarts too. Throws at registration an error that says what to do.
 */
export default fp<SignaturesOptions>(
  async (app, options) => {
    const { dataDir, now = Date.now, log = app.log } = options;
    const { entryBytes, memory, ...limits } = { ...defaults, ...options.limits };
    const keys = encryptionKeys(dataDir, options.encryptionKey, options.previousEncryptionKeys);
    const [key, ...previous] = [keys.current, ...keys.previous].map(({ bytes }) => keyFor(bytes, 'signatures'));
    const counts: SignatureCounts = { hits: 0, misses: 0, kept: 0, pruned: 0, tooLarge: 0, failed: 0 };
    const store = new SqliteSignatureStore({
      path: signaturesPath(dataDir),
      sealer: new Sealer(key!, 'kept', previous),
      limits,
      now,
      log,
      onPruned: (rows) => {
        counts.pruned += rows;
      },
    });
    const front = new MemorySignatureStore({ ...limits, bytes: memory, age: Math.min(limits.age, memoryAge) }, now);
    const keeper = new SignatureKeeper({ front, store, counts, entryBytes, wait, log });
    app.decorate('signatures', {
      counts,
      find: (tenant, ids) => keeper.find(tenant, ids),
      keep: (tenant, kept) => keeper.keep(tenant, kept),
    });
    app.addHook('onClose', () => store.close());
  },
  { name: 'signatures', fastify: '5.x', dependencies: [] },
);

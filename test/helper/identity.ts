import Fastify from 'fastify';
import { fullScope } from '../../plugins/admin/scope.ts';
import { Directory } from '../../plugins/identity/directory.ts';
import identity, { type Identity, type IdentityOptions } from '../../plugins/identity/index.ts';
import { ownPepper } from '../../plugins/identity/pepper.ts';
import type { RecordStore } from '../../plugins/records/contract.ts';
import records from '../../plugins/records/index.ts';
import { MemoryRecordStore } from '../../plugins/records/memory-store.ts';
import type { Config } from '../../schemas/config.ts';
import { whenDone } from './cleanup.ts';

/** Keys and teams of a configuration alone, as the auth stage asks for them. */
export function identityOf(
  keys: Config['keys'],
  teams: Config['teams'] = {},
  now = Date.now,
): Pick<Identity, 'find' | 'problem' | 'key'> {
  const log = { warn: () => {} };
  const directory = new Directory({ config: { keys, teams }, records: { all: () => new Map() }, log, now }, ownPepper());
  return { find: (key) => directory.secrets.find(key), problem: () => null, key: (id) => directory.key(id) };
}

export const encryptionKey = Buffer.alloc(32, 'qW3eR7tY1u').toString('base64');

export interface IdentityRig {
  readonly config?: Partial<IdentityOptions['config']>;
  readonly store?: RecordStore;
  /** Milliseconds. */
  readonly poll?: number;
  readonly now?: () => number;
  /** Monotonic milliseconds, of the records. */
  readonly clock?: () => number;
  readonly markedIn?: string;
}

/** What one process knows of keys and teams; several over one store are replicas. */
export async function startIdentity({
  config = {},
  store = new MemoryRecordStore(),
  poll = 20,
  now,
  clock,
  markedIn,
}: IdentityRig = {}): Promise<Identity> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(records, {
    dataDir: '/nonexistent',
    encryptionKey,
    store,
    poll,
    ...(clock === undefined ? {} : { now: clock }),
  });
  const auth = { options: ['order', 'only'] } as unknown as Config['auth'];
  const whole = { keys: {}, teams: {}, providers: { up: {}, other: {} } as unknown as Config['providers'], auth, ...config };
  await app.register(identity, { config: whole, markedIn, ...(now === undefined ? {} : { now }) });
  await app.ready();
  return app.identity;
}

export { fullScope };

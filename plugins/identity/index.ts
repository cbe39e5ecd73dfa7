import { createHmac } from 'node:crypto';
import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { AdminKeys } from './admin-keys.ts';
import type { Identity } from './contract.ts';
import { Directory } from './directory.ts';
import { type ChangeOptions, KeyChanges, madeId } from './key-changes.ts';
import { MadeMarker } from './made-marker.ts';
import { keptPepper, makePepper, ownPepper, type Pepper } from './pepper.ts';
import { fingerprintOf } from './secret-index.ts';
import { TeamChanges } from './team-changes.ts';

export type * from './contract.ts';

export interface IdentityOptions {
  readonly config: Pick<Config, 'keys' | 'teams' | 'providers' | 'auth'>;
  /** Data directory that remembers whether keys were made; given where the documents are in a store that may lose all of them. */
  readonly markedIn?: string | undefined;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

declare module 'fastify' {
  interface FastifyInstance {
    identity: Identity;
  }
}

/** Milliseconds between two tries to keep a pepper. */
const again = 1000;

/**
 * Keys and teams, of the configuration and of `fastify.records` together. While the documents cannot be read or written at the start,
 * the keys of the configuration work and `problem()` says why others do not.
 */
export default fp<IdentityOptions>(
  async (app, { config, markedIn, now = Date.now }) => {
    const { records } = app;
    let pepper: Pepper = (await makePepper(records)) ?? ownPepper();
    const directory = new Directory({ config, records, log: app.log, now }, pepper);
    const options: ChangeOptions = { config, records, directory, now, pepperId: () => (pepper.kept ? pepper.id : null) };
    const admins = new AdminKeys(options);
    const keys = new KeyChanges(options);
    const teams = new TeamChanges(options);

    const adopt = (kept: Pepper | null): void => {
      if (kept === null || (pepper.kept && kept.key.equals(pepper.key))) return;
      if (pepper.kept) app.log.warn('keys made since the start of this process, in a store that was empty, are not taken');
      pepper = kept;
      directory.repepper(kept);
      admins.reload();
    };
    const marker = markedIn === undefined ? null : new MadeMarker(markedIn);
    const mark = (): void => {
      if (marker === null || !records.all('secret').has(madeId)) return;
      try {
        marker.set();
      } catch (err) {
        app.log.warn({ err }, 'that keys were made cannot be written into the data directory');
      }
    };
    mark();
    records.onChange('secret', () => {
      mark();
      adopt(keptPepper(records));
    });
    records.onChange('team', (ids) => {
      directory.refreshTeams(ids);
      admins.reload();
    });
    records.onChange('key', (ids) => directory.refreshKeys(ids));
    records.onChange('admin_key', () => admins.reload());

    let trying = false;
    const timer = setInterval(() => {
      if (pepper.kept) return clearInterval(timer);
      if (trying) return;
      trying = true;
      makePepper(records).then(
        (kept) => {
          trying = false;
          adopt(kept);
        },
        (error: Error) => {
          trying = false;
          app.log.error({ err: error }, 'the pepper of keys cannot be kept');
        },
      );
    }, again).unref();
    if (pepper.kept) clearInterval(timer);
    app.addHook('onClose', async () => clearInterval(timer));

    app.decorate('identity', {
      find: (key) => directory.secrets.find(key),
      keys: () => directory.keys(),
      teams: () => directory.teams(),
      key: (id) => directory.key(id),
      team: (id) => directory.team(id),
      clientId(secret) {
        const fingerprint = fingerprintOf(secret);
        return `client_${createHmac('sha256', pepper.key).update(`client\0${fingerprint}`).digest('hex').slice(0, 16)}`;
      },
      findAdmin: (key) => admins.find(key),
      adminKeys: () => admins.list(),
      get everMade() {
        const { unreadable } = records.counts;
        if (!pepper.kept || unreadable > 0 || marker?.isSet === true) return true;
        return directory.keys().length > 0 || records.all('secret').has(madeId);
      },
      problem() {
        if (!pepper.kept) return 'the store of keys could not be read since the start';
        return records.stale() ? 'the store of keys does not answer: keys that other processes made may be unknown here' : null;
      },
      changes: {
        createKey: (input, scope) => keys.create(input, scope),
        updateKey: (id, input, ifMatch, scope) => keys.update(id, input, ifMatch, scope),
        rotateKey: (id, overlap, ifMatch, scope) => keys.rotate(id, overlap, ifMatch, scope),
        removeKey: (id, ifMatch, scope) => keys.remove(id, ifMatch, scope),
        createTeam: (input) => teams.create(input),
        updateTeam: (id, input, ifMatch) => teams.update(id, input, ifMatch),
        removeTeam: (id, ifMatch) => teams.remove(id, ifMatch),
        createAdminKey: (input, by) => admins.create(input, by),
        removeAdminKey: (id) => admins.remove(id),
      },
    } satisfies Identity as Identity);
  },
  { name: 'identity', fastify: '5.x', dependencies: ['records'] },
);

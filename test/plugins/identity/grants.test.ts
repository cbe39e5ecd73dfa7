import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { AdminScope } from '../../../plugins/admin/scope.ts';
import { allows } from '../../../plugins/auth/permission.ts';
import type { Identity, KeyInfo, KeyInput, TeamInfo } from '../../../plugins/identity/index.ts';
import { fullScope, startIdentity } from '../../helper/identity.ts';

let identity: Identity;
let teams: readonly TeamInfo[];
let keys: readonly KeyInfo[];
const names = ['a', 'ab', 'b', 'bc', 'x'];

/** Teams that may little, one that may all, and keys of each and of none. */
beforeAll(async () => {
  identity = await startIdentity();
  const { changes } = identity;
  teams = [
    await changes.createTeam({ name: 'narrow', models: ['a*'], providers: ['up'] }),
    await changes.createTeam({ name: 'none', models: [], providers: [] }),
    await changes.createTeam({ name: 'wide' }),
  ];
  const made = [null, ...teams.map(({ id }) => id)].map((team) => changes.createKey({ name: 'k', team }, fullScope));
  keys = (await Promise.all(made)).map(({ info }) => info);
});

const scope = fc
  .constantFrom<AdminScope['role']>('full', 'read', 'team')
  .chain((role) =>
    fc
      .nat(2)
      .map(
        (at): AdminScope =>
          role === 'full' ? fullScope : { id: 'admin_1', name: 'x', role, team: role === 'team' ? teams[at]!.id : null },
      ),
  );
const pattern = fc.oneof(fc.constantFrom(...names), fc.constantFrom('*', 'a*', 'b*'));
const input: fc.Arbitrary<KeyInput> = fc.record(
  {
    team: fc.constantFrom(null, 'narrow', 'none', 'wide'),
    models: fc.option(fc.array(pattern, { maxLength: 3 })),
    providers: fc.option(fc.subarray(['up', 'other'])),
    options: fc.option(fc.subarray(['order', 'only', 'explain'] as const)),
    log: fc.boolean(),
    disabled: fc.boolean(),
    rate_limits: fc.option(fc.constantFrom({}, { requests_per_minute: 5 })),
    budgets: fc.option(fc.constantFrom([], [{ tokens: 1, period: 'day' as const }])),
  },
  { requiredKeys: [] },
);

/** What a key of a team's admin may never be. */
function withinTeam(key: KeyInfo, own: string): void {
  const team = teams.find(({ id }) => id === own)!;
  expect(key.team).toBe(own);
  for (const name of names)
    if (team.models !== null && allows(key.principal, name))
      expect(allows({ ...key.principal, models: team.models }, name)).toBe(true);
  if (team.providers !== null)
    for (const provider of key.principal.providers ?? ['up', 'other']) expect(team.providers).toContain(provider);
  for (const option of key.attributes.options ?? []) expect(['order', 'only']).toContain(option);
  expect(key.attributes.log).toBe(true);
  // Also what it would have if the team were given more tomorrow.
  for (const name of names) {
    if (key.attributes.models === null || team.models === null) continue;
    if (allows({ ...key.principal, models: key.attributes.models }, name)) {
      expect(allows({ ...key.principal, models: team.models }, name)).toBe(true);
    }
  }
}

test('security 8: whatever an admin key asks for a new key, it is given no more than the admin key has', async () => {
  await fc.assert(
    fc.asyncProperty(scope, input, async (by, asked) => {
      const made = await identity.changes.createKey({ name: 'k', ...asked }, by).catch((error) => {
        expect(error).toMatchObject({ status: expect.toSatisfy((status: number) => status === 403 || status === 404) });
        return null;
      });
      if (by.role === 'read') expect(made).toBeNull();
      if (made === null) return;
      if (by.role === 'team') withinTeam(made.info, by.team!);
      await identity.changes.removeKey(made.info.id, undefined, fullScope);
    }),
    { numRuns: 400, seed: 7 },
  );
});

test('security 8: whatever an admin key asks for a key that is there, it is given no more, and keys of others stay as they are', async () => {
  await fc.assert(
    fc.asyncProperty(scope, fc.nat(3), input, async (by, at, asked) => {
      const before = identity.key(keys[at]!.id)!;
      const after = await identity.changes.updateKey(before.id, asked, undefined, by).catch(() => null);
      if (after === null) expect(identity.key(before.id)).toBe(before);
      else if (by.role === 'team') {
        expect(before.team).toBe(by.team);
        withinTeam(after, by.team!);
      } else expect(by.role).toBe('full');
      const undo = {
        team: keys[at]!.team,
        models: null,
        providers: null,
        options: null,
        log: true,
        disabled: false,
        rate_limits: null,
        budgets: null,
      };
      await identity.changes.updateKey(before.id, undo, undefined, fullScope);
    }),
    { numRuns: 400, seed: 8 },
  );
});

test.each([
  ['a model the team may not use', { models: ['b'] }, 'models'],
  ['a pattern beyond that of the team', { models: ['*'] }, 'models'],
  ['a provider the team may not use', { providers: ['other'] }, 'providers'],
  ['an option beyond auth.options', { options: ['explain'] as const }, 'options'],
  ['calls without a log line', { log: false }, 'log'],
  ['another team', { team: 'wide' }, 'team'],
  ['no team', { team: null }, 'team'],
])("security 8: a team's admin cannot give %s", async (_name, asked, param) => {
  const by: AdminScope = { id: 'admin_1', name: 'lead', role: 'team', team: teams[0]!.id };
  const refused = { status: 403, code: 'grant_exceeds', param };
  await expect(identity.changes.createKey({ name: 'k', ...asked }, by)).rejects.toMatchObject(refused);
  await expect(identity.changes.updateKey(keys[1]!.id, asked, undefined, by)).rejects.toMatchObject(refused);
});

test("security 10: a key of another team is not there for a team's admin", async () => {
  const by: AdminScope = { id: 'admin_1', name: 'lead', role: 'team', team: teams[0]!.id };
  for (const { id } of [keys[0]!, keys[2]!, keys[3]!]) {
    const absent = { status: 404, code: 'key_not_found' };
    await expect(identity.changes.updateKey(id, { name: 'mine' }, undefined, by)).rejects.toMatchObject(absent);
    await expect(identity.changes.rotateKey(id, 0, undefined, by)).rejects.toMatchObject(absent);
    await expect(identity.changes.removeKey(id, undefined, by)).rejects.toMatchObject(absent);
  }
});

test("security 8: a team's admin gets no secret of a key that may do more than it can give", async () => {
  const by: AdminScope = { id: 'admin_1', name: 'lead', role: 'team', team: teams[0]!.id };
  for (const more of [{ options: ['explain'] as const }, { log: false }]) {
    const { info, secret } = await identity.changes.createKey({ name: 'k', team: by.team!, ...more }, fullScope);
    const refused = { status: 403, code: 'grant_exceeds' };
    await expect(identity.changes.rotateKey(info.id, 0, undefined, by)).rejects.toMatchObject(refused);
    expect(identity.find(secret!)?.keyId).toBe(info.id);
    expect((await identity.changes.rotateKey(info.id, 0, undefined, fullScope)).secret).not.toBeNull();
    await identity.changes.updateKey(info.id, { options: null, log: true }, undefined, by);
    expect((await identity.changes.rotateKey(info.id, 0, undefined, by)).secret).not.toBeNull();
    await identity.changes.removeKey(info.id, undefined, by);
  }
});

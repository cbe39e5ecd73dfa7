import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { etagOf } from '../../../plugins/admin/etag.ts';
import { isWellFormed, keyPrefix } from '../../../plugins/identity/token.ts';
import { MemoryRecordStore } from '../../../plugins/records/memory-store.ts';
import type { Config } from '../../../schemas/config.ts';
import { encryptionKey, fullScope, type IdentityRig, startIdentity } from '../../helper/identity.ts';

const start = Date.UTC(2030, 0, 1);

async function rig(options: IdentityRig = {}) {
  const clock = { now: start };
  const identity = await startIdentity({ now: () => clock.now, ...options });
  const make = (input: object = {}) => identity.changes.createKey({ name: 'a', ...input }, fullScope);
  return { clock, identity, changes: identity.changes, make };
}

const seconds = start / 1000;

test('a key that is made is well-formed, works at once and is known by what it was made with', async () => {
  const { identity, make } = await rig();
  const { info, secret } = await make({ models: ['m'], metadata: { app: 'x' }, rate_limits: { requests_per_minute: 1 } });
  expect(isWellFormed(secret!, keyPrefix)).toBe(true);
  expect(info).toMatchObject({
    source: 'api',
    name: 'a',
    version: 1,
    createdAt: seconds,
    createdBy: 'admin',
    hint: `${secret!.slice(0, 15)}…`,
  });
  expect(identity.find(secret!)).toBe(info.principal);
  expect(info.principal).toMatchObject({ keyId: info.id, models: ['m'], metadata: { app: 'x' } });
  expect(identity.key(info.id)).toBe(info);
});

test('security 4: a dump of the store holds no key, no name and no digest of one', async () => {
  const store = new MemoryRecordStore();
  const { make, identity } = await rig({ store });
  const { secret } = await make({ name: 'very-secret-name' });
  const { records } = await store.changes(0);
  const dump = Buffer.concat(records.map(({ sealed }) => Buffer.from(sealed!))).toString('latin1');
  for (const encoding of ['hex', 'base64', 'latin1'] as const) {
    expect(dump.includes(hash('sha256', secret!, encoding as 'hex'))).toBe(false);
  }
  expect(dump).not.toContain(secret);
  expect(dump).not.toContain('very-secret-name');
  expect(identity.find(hash('sha256', secret!, 'hex'))).toBeNull();
});

test.each(['hex', 'base64', 'base64url'] as const)('a key is taken over by its SHA-256 in %s', async (encoding) => {
  const { identity, make } = await rig();
  const key = 'sk-of-another-gateway-0123';
  const { secret, info } = await make({ sha256: hash('sha256', key, encoding) });
  expect([secret, info.hint]).toEqual([null, null]);
  expect(identity.find(key)).toBe(info.principal);
  await expect(make({ key })).rejects.toMatchObject({ status: 409, code: 'key_exists' });
});

test('a key of any form is taken over, and not shown again', async () => {
  const { identity, make } = await rig();
  const { secret, info } = await make({ key: 'kR8vQ2mN5tX9wB3cF7hJ' });
  expect(secret).toBeNull();
  expect(identity.find('kR8vQ2mN5tX9wB3cF7hJ')).toBe(info.principal);
});

test.each([
  ['a placeholder', { key: 'your-api-key-goes-here-1' }, 'key'],
  ['one that no header can carry', { key: 'kR8vQ2mN5tX9 wB3cF7hJ' }, 'key'],
  ['one like ours with a wrong checksum', { key: `sk-postern-${'a'.repeat(49)}` }, 'key'],
  ['a hash that is none', { sha256: 'z'.repeat(64) }, 'sha256'],
  ['a key and a hash', { key: 'kR8vQ2mN5tX9wB3cF7hJ', sha256: 'a'.repeat(64) }, 'sha256'],
  ['a time that is over', { expires_at: seconds }, 'expires_at'],
  ['a provider that is not there', { providers: ['nobody'] }, 'providers[0]'],
  ['a pattern with its * inside', { models: ['a*b'] }, 'models[0]'],
  ['a budget of two amounts', { budgets: [{ tokens: 1, requests: 1, period: 'day' }] }, 'budgets[0]'],
  ['a team that is not there', { team: 'team_x' }, 'team'],
])('security 35: %s is refused by name, and nothing is made', async (_name, input, param) => {
  const { identity, make } = await rig();
  await expect(make(input)).rejects.toMatchObject({ status: 400, param });
  expect(identity.keys()).toEqual([]);
});

test('an expired key is refused, also by a process that starts later, until it is given more time', async () => {
  const store = new MemoryRecordStore();
  const { clock, identity, make, changes } = await rig({ store });
  const { info, secret } = await make({ expires_at: seconds + 10 });
  clock.now = start + 9_999;
  expect(identity.find(secret!)).not.toBeNull();
  clock.now = start + 10_000;
  expect(identity.find(secret!)).toBeNull();
  const later = await rig({ store, now: () => clock.now });
  expect(later.identity.find(secret!)).toBeNull();
  await changes.updateKey(info.id, { expires_at: null }, undefined, fullScope);
  expect(identity.find(secret!)).not.toBeNull();
});

test('a disabled key is refused until it is enabled', async () => {
  const { identity, make, changes } = await rig();
  const { info, secret } = await make();
  await changes.updateKey(info.id, { disabled: true }, undefined, fullScope);
  expect(identity.find(secret!)).toBeNull();
  await changes.updateKey(info.id, { disabled: false }, undefined, fullScope);
  expect(identity.find(secret!)).not.toBeNull();
});

test('after a rotation both secrets work until the overlap ends', async () => {
  const { clock, identity, make, changes } = await rig();
  const { info, secret: first } = await make();
  const { secret: second, info: rotated } = await changes.rotateKey(info.id, 60, undefined, fullScope);
  expect([rotated.id, rotated.previousUntil]).toEqual([info.id, seconds + 60]);
  expect(identity.find(first!)?.keyId).toBe(info.id);
  expect(identity.find(second!)?.keyId).toBe(info.id);
  clock.now = start + 60_000;
  expect(identity.find(first!)).toBeNull();
  expect(identity.find(second!)?.keyId).toBe(info.id);
});

test('a second rotation ends the oldest secret at once', async () => {
  const { identity, make, changes } = await rig();
  const { info, secret: first } = await make();
  const { secret: second } = await changes.rotateKey(info.id, 3600, undefined, fullScope);
  const { secret: third } = await changes.rotateKey(info.id, 3600, undefined, fullScope);
  expect([first, second, third].map((each) => identity.find(each!) !== null)).toEqual([false, true, true]);
});

test('a rotation without overlap ends the secret at once', async () => {
  const { identity, make, changes } = await rig();
  const { info, secret } = await make();
  expect(identity.find(secret!)).not.toBeNull();
  await changes.rotateKey(info.id, 0, undefined, fullScope);
  expect(identity.find(secret!)).toBeNull();
});

test('what a patch names is changed, null clears it, and the rest stays', async () => {
  const { make, changes } = await rig();
  const { info } = await make({ models: ['m'], metadata: { a: 'b' }, budgets: [{ tokens: 1, period: 'day' }] });
  const changed = await changes.updateKey(info.id, { name: 'b', models: null, budgets: null }, undefined, fullScope);
  expect(changed).toMatchObject({ name: 'b', version: 2, attributes: { models: null, budgets: [], metadata: { a: 'b' } } });
  expect(changed.principal.allowances).toEqual([]);
});

test('a change by an ETag that is not the newest is 412, and changes nothing', async () => {
  const { identity, make, changes } = await rig();
  const { info } = await make();
  await changes.updateKey(info.id, { name: 'b' }, etagOf(1), fullScope);
  const late = { status: 412, code: 'precondition_failed' };
  await expect(changes.updateKey(info.id, { name: 'c' }, etagOf(1), fullScope)).rejects.toMatchObject(late);
  await expect(changes.rotateKey(info.id, 0, etagOf(1), fullScope)).rejects.toMatchObject(late);
  await expect(changes.removeKey(info.id, etagOf(1), fullScope)).rejects.toMatchObject(late);
  expect(identity.key(info.id)?.name).toBe('b');
});

test('of two changes at once one is refused', async () => {
  const { make, changes } = await rig();
  const { info } = await make();
  const both = [
    changes.updateKey(info.id, { name: 'b' }, etagOf(1), fullScope),
    changes.updateKey(info.id, { name: 'c' }, etagOf(1), fullScope),
  ];
  const ended = await Promise.allSettled(both);
  expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('keys and teams of the configuration are listed and cannot be changed', async () => {
  const config = { keys: { a: { secret: 'kR8vQ2mN5tX9wB3cF7hJ', team: 't' } }, teams: { t: {} } };
  const { identity, changes } = await rig({ config });
  expect(identity.keys().map(({ id, source, team }) => [id, source, team])).toEqual([['key_a', 'config', 'team_t']]);
  expect(identity.teams().map(({ id, source }) => [id, source])).toEqual([['team_t', 'config']]);
  const refused = { status: 409, code: 'configured' };
  await expect(changes.updateKey('key_a', { name: 'b' }, undefined, fullScope)).rejects.toMatchObject(refused);
  await expect(changes.rotateKey('key_a', 0, undefined, fullScope)).rejects.toMatchObject(refused);
  await expect(changes.removeKey('key_a', undefined, fullScope)).rejects.toMatchObject(refused);
  await expect(changes.updateTeam('team_t', { name: 'b' }, undefined)).rejects.toMatchObject(refused);
  await expect(changes.removeTeam('team_t', undefined)).rejects.toMatchObject(refused);
});

test('a change of a team is in force for its keys at once', async () => {
  const { identity, make, changes } = await rig();
  const team = await changes.createTeam({ name: 't', models: ['a*'] });
  const { secret } = await make({ team: 't', models: ['ab', 'b'] });
  expect(identity.find(secret!)).toMatchObject({ team: team.id, models: ['ab'] });
  await changes.updateTeam(team.id, { models: ['b'], budgets: [{ requests: 1, period: 'total' }] }, etagOf(1));
  expect(identity.find(secret!)).toMatchObject({ models: ['b'], allowances: [{ scope: 'team', budgets: [{ requests: 1 }] }] });
});

test('a team is not removed while it has keys or admin keys, and its name is its own', async () => {
  const { make, changes } = await rig();
  const team = await changes.createTeam({ name: 't' });
  await expect(changes.createTeam({ name: 't' })).rejects.toMatchObject({ status: 409, code: 'team_exists' });
  const { info } = await make({ team: team.id });
  await expect(changes.removeTeam(team.id, undefined)).rejects.toMatchObject({ status: 409, code: 'team_in_use' });
  await changes.removeKey(info.id, undefined, fullScope);
  const admin = await changes.createAdminKey({ name: 'lead', role: 'team', team: 't' }, 'admin');
  await expect(changes.removeTeam(team.id, undefined)).rejects.toMatchObject({ status: 409, code: 'team_in_use' });
  await changes.removeAdminKey(admin.info.id);
  await changes.removeTeam(team.id, undefined);
  await expect(changes.removeTeam(team.id, undefined)).rejects.toMatchObject({ status: 404 });
});

test('a key whose team is no longer in the configuration is not taken', async () => {
  const store = new MemoryRecordStore();
  const teams: Config['teams'] = { t: { models: ['a'] } };
  const { make } = await rig({ store, config: { teams } });
  const { info, secret } = await make({ team: 't' });
  const { identity } = await rig({ store });
  expect(identity.find(secret!)).toBeNull();
  expect(identity.key(info.id)).toMatchObject({ orphaned: true, team: 'team_t' });
});

test('the name of a caller by its own key is the same in every process and another for another key', async () => {
  const store = new MemoryRecordStore();
  const [one, other] = [await rig({ store }), await rig({ store })];
  expect(one.identity.clientId('sk-1')).toMatch(/^client_[0-9a-f]{16}$/);
  expect(one.identity.clientId('sk-1')).toBe(other.identity.clientId('sk-1'));
  expect(one.identity.clientId('sk-1')).not.toBe(one.identity.clientId('sk-2'));
  expect(encryptionKey).toHaveLength(44);
});

test('that keys were made is known after the last of them is gone', async () => {
  const store = new MemoryRecordStore();
  const { identity, make, changes } = await rig({ store });
  expect(identity.everMade).toBe(false);
  const { info } = await make();
  await changes.removeKey(info.id, undefined, fullScope);
  expect((await rig({ store })).identity.everMade).toBe(true);
});

// Whose calls they were changed with a restart when both were taken.
test('a secret of a key that is disabled or expired is not taken over by another one', async () => {
  const { clock, identity } = await rig();
  const key = 'sk-of-another-gateway-0123';
  const off = await identity.changes.createKey({ name: 'off', key, disabled: true }, fullScope);
  const taken = { status: 409, code: 'key_exists', param: 'key' };
  await expect(identity.changes.createKey({ name: 'b', key }, fullScope)).rejects.toMatchObject(taken);
  await identity.changes.updateKey(off.info.id, { disabled: false, expires_at: seconds + 60 }, undefined, fullScope);
  clock.now += 61_000;
  expect([identity.find(key), identity.find(key)]).toEqual([null, null]);
  await expect(identity.changes.createKey({ name: 'b', key }, fullScope)).rejects.toMatchObject(taken);
  await identity.changes.removeKey(off.info.id, undefined, fullScope);
  const { info } = await identity.changes.createKey({ name: 'b', key }, fullScope);
  expect(identity.find(key)?.keyId).toBe(info.id);
});

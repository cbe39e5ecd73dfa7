import { expect, test } from 'vitest';
import type { Config } from '../../../schemas/config.ts';
import { identityOf } from '../../helper/identity.ts';

const secret = 'kR8vQ2mN5tX9wB3cF7hJ';
const keys = (entry: Partial<Config['keys'][string]>): Config['keys'] => ({ a: { secret, ...entry } });

test('a key of the configuration is found under the id of its name, with nothing but what it has', () => {
  expect(identityOf(keys({})).find(secret)).toEqual({
    keyId: 'key_a',
    name: 'a',
    team: null,
    allowances: [],
    providers: null,
    metadata: null,
    log: true,
    models: null,
    options: null,
  });
});

test('what a key may is what it and its team both may', () => {
  const team = { models: ['small-*', 'large'], providers: ['up', 'other'] };
  const found = identityOf(keys({ team: 't', models: ['*'], providers: ['up', 'third'] }), { t: team }).find(secret)!;
  expect(found).toMatchObject({ team: 'team_t', models: ['small-*', 'large'], providers: ['up'] });
});

test('a key that may nothing is not one that may everything', () => {
  const found = identityOf(keys({ team: 't', models: ['a'], providers: [], options: [] }), { t: { models: ['b'] } }).find(
    secret,
  )!;
  expect(found).toMatchObject({ models: [], providers: [], options: [] });
});

test('limits of key and team come along, those of a team as one object for all its keys', () => {
  const identity = identityOf(
    {
      a: { secret, team: 't', rate_limits: { requests_per_minute: 3 } },
      b: { secret: `${secret}b`, team: 't', budgets: [{ amount_usd: 1, period: 'day' }] },
    },
    { t: { budgets: [{ tokens: 5, period: 'month' }] } },
  );
  const [a, b] = [identity.find(secret)!, identity.find(`${secret}b`)!];
  expect(a.allowances).toEqual([
    { scope: 'key', id: 'key_a', name: 'a', rates: { requests_per_minute: 3 }, budgets: [] },
    { scope: 'team', id: 'team_t', name: 't', rates: {}, budgets: [{ tokens: 5, period: 'month' }] },
  ]);
  expect(b.allowances[1]).toBe(a.allowances[1]);
  expect(Object.isFrozen(a) && a.allowances.every(Object.isFrozen)).toBe(true);
});

test('labels and the wish for no log line come along', () => {
  expect(identityOf(keys({ metadata: { app: 'x' }, log: false })).find(secret)).toMatchObject({
    metadata: { app: 'x' },
    log: false,
  });
});

test.each([
  ['2030-01-02', Date.UTC(2030, 0, 2)],
  ['2030-01-02T03:04:05Z', Date.UTC(2030, 0, 2, 3, 4, 5)],
])('a key of the configuration is taken until %s and not from then on', (expires_at, end) => {
  let now = end - 1;
  const identity = identityOf(keys({ expires_at }), {}, () => now);
  expect(identity.find(secret)).not.toBeNull();
  now = end;
  expect(identity.find(secret)).toBeNull();
});

test('a secret with our prefix that was written by hand is found', () => {
  const odd = 'sk-postern-0123456789abcdefghij';
  expect(identityOf({ a: { secret: odd } }).find(odd)?.name).toBe('a');
});

test('two names with one secret are refused by name', () => {
  expect(() => identityOf({ a: { secret }, b: { secret } })).toThrow(/keys\.b has the same secret as keys\.a/);
});

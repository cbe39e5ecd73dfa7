import { describe, expect, it } from 'vitest';
import { CredentialPool, callersKey, KeyRests, type KeyUse } from '../../../plugins/router/credentials.ts';
import { credentialWith, noCredential } from '../../../providers/instance.ts';
import type { Credential } from '../../../providers/provider.ts';
import { failure, healthOptions, manualClock, provider } from './targets.ts';

const options = { ...healthOptions, credential_rest: 1_000, quota_rest: 5_000, rate_limit_rest: 200, max_rest: 1_000_000 };

const key = (name: string, weight = 1): Credential => credentialWith({ type: 'acme' }, `sk-${name}`, name, weight);

function rig(...credentials: readonly Credential[]) {
  const clock = manualClock();
  const pool = new CredentialPool(provider('acme', { api_keys: [] }), options);
  pool.use(credentials);
  const here = new KeyRests();
  const pick = (but?: readonly number[]) => pool.pick(here, clock.now(), but);
  const name = (use: KeyUse) => pool.credential(use.key).id;
  const refuse = (use: KeyUse, status = 401) => pool.refused(use, here, failure('authentication', { status }), clock.now());
  const names = (calls: number) => {
    const seen: Record<string, number> = {};
    for (let call = 0; call < calls; call++) {
      const id = name(pick());
      seen[id] = (seen[id] ?? 0) + 1;
    }
    return seen;
  };
  return { clock, pool, here, pick, name, refuse, names };
}

describe('keys that come and go', () => {
  it('a provider that waits for its first key is not asked, as if its only key were refused', () => {
    const { pool, here, pick, names } = rig();
    expect(pool.size).toBe(0);
    expect(pool.wait(here, 0)).toBeGreaterThan(0);
    expect(pool.wait(here, 0)).toBeLessThan(60_000);
    expect(pool.reason(here, 0)).toBe('authentication');
    expect(pool.parked(0, here)).toEqual([]);
    expect(pick()).toBe(callersKey);
    expect(pool.credential(pick().key)).toBe(noCredential);
    expect(pool.working(3, 0)).toBe(noCredential);
    pool.succeeded(pick());
    pool.use([key('a')]);
    expect(pool.wait(here, 0)).toBe(0);
    expect(pool.reason(here, 0)).toBeNull();
    expect(names(3)).toEqual({ a: 3 });
  });

  it('a provider without any key that works so goes on with none until it gets one', () => {
    const pool = new CredentialPool(provider('acme'), options);
    expect(pool.size).toBe(1);
    expect(pool.credential(pool.pick(new KeyRests(), 0).key).headers).toEqual({});
  });

  it('one that joins takes its share at once, and what is known of the others stays', () => {
    const [a, b, c] = [key('a', 2), key('b'), key('c', 3)];
    const { pool, here, pick, refuse, names, clock } = rig(a!, b!);
    refuse(pick([0]));
    pool.use([a!, b!, c!]);
    expect(pool.size).toBe(3);
    expect(pool.parked(clock.now(), here)).toEqual([{ id: 'b', reason: 'authentication', wait: 1_000 }]);
    expect(names(50)).toEqual({ a: 20, c: 30 });
  });

  it('one that is removed gets no further call, and its proportions go to the others', () => {
    const [a, b, c] = [key('a', 2), key('b'), key('c', 3)];
    const { pool, names, here } = rig(a!, b!, c!);
    names(4);
    pool.use([a!, c!]);
    expect(names(50)).toEqual({ a: 20, c: 30 });
    pool.use([c!]);
    expect(names(5)).toEqual({ c: 5 });
    expect(pool.size).toBe(1);
    expect([0, 1, 2, 3].map((number) => pool.working(number, 0).id)).toEqual(['c', 'c', 'c', 'c']);
    expect(pool.wait(here, 0, [2])).toBe(Number.POSITIVE_INFINITY);
    pool.use([]);
    expect(pool.wait(here, 0)).toBeGreaterThan(0);
  });

  it('what becomes of a call with a removed key says nothing of the one that has its place', () => {
    const [a, b, c] = [key('a'), key('b'), key('c')];
    const { pool, here, pick, name, refuse, names, clock } = rig(a!, b!);
    const late = [pick([1]), pick([1])];
    expect(late.map(name)).toEqual(['a', 'a']);
    pool.use([b!]);
    refuse(late[0]!);
    pool.use([b!, c!]);
    refuse(late[1]!);
    refuse(late[1]!, 403);
    pool.undecided(late[0]!, clock.now());
    pool.succeeded(late[0]!);
    expect(pool.parked(clock.now(), here)).toEqual([]);
    expect(names(10)).toEqual({ b: 5, c: 5 });
  });

  it('a rest at a target does not hold for a key that came to the same place', () => {
    const [a, b, c] = [key('a'), key('b'), key('c')];
    const { pool, here, pick, refuse, names, clock } = rig(a!, b!);
    refuse(pick([1]), 403);
    expect(names(4)).toEqual({ b: 4 });
    pool.use([b!]);
    pool.use([b!, c!]);
    expect(pool.parked(clock.now(), here)).toEqual([]);
    expect(names(4)).toEqual({ b: 2, c: 2 });
    // And one that is told to rest there now does.
    refuse(pick([1]), 403);
    expect(pool.parked(clock.now(), here).map(({ id }) => id)).toEqual(['c']);
  });

  it('places are used again: keys that change a thousand times take no more room than two', () => {
    const { pool, pick } = rig(key('a'));
    for (let round = 0; round < 1_000; round++) {
      pool.use([key(`x${round}`), key(`y${round}`)]);
      expect(pick().key).toBeLessThan(2);
    }
    expect(pool.size).toBe(2);
  });
});

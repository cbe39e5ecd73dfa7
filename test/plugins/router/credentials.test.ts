import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CredentialPool, KeyRests, type KeyUse } from '../../../plugins/router/credentials.ts';
import type { FailureReason } from '../../../providers/provider.ts';
import { failure, healthOptions, manualClock, provider } from './targets.ts';

const options = { ...healthOptions, credential_rest: 1_000, quota_rest: 5_000, rate_limit_rest: 200, max_rest: 1_000_000 };

/** A provider with keys of these weights, called `1`, `2`… */
function rig(...weights: readonly number[]) {
  const clock = manualClock();
  const keys = weights.map((weight, at) => ({ key: `sk-${at}`, weight }));
  const pool = new CredentialPool(provider('acme', { api_keys: keys }), options);
  const here = new KeyRests();
  const pick = (but?: readonly number[]) => pool.pick(here, clock.now(), but);
  const refuse = (use: KeyUse, reason: FailureReason, changes = {}) =>
    pool.refused(use, here, failure(reason, changes), clock.now());
  /** The next call gets this key and is refused. */
  const park = (at: number, reason: FailureReason = 'authentication', changes = {}) => {
    const others = weights.map((_, key) => key).filter((key) => key !== at);
    const use = pick(others);
    refuse(use, reason, { status: 401, ...changes });
    return use;
  };
  const wait = () => pool.wait(here, clock.now());
  const parked = () => pool.parked(clock.now(), here).map(({ id, reason, wait: rest }) => [id, reason, rest]);
  const counts = (calls: number) => {
    const seen = weights.map(() => 0);
    for (let call = 0; call < calls; call++) seen[pick().key]!++;
    return seen;
  };
  return { clock, pool, here, pick, refuse, park, wait, parked, counts };
}

const weights = fc
  .array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 })
  .filter((list) => list.some((each) => each > 0));

describe('calls are spread over keys', () => {
  it('by weight, exactly after every full cycle and within one call per key at any time', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 300 }), (list, calls) => {
        const total = list.reduce((sum, each) => sum + each, 0);
        expect(rig(...list).counts(total * 3)).toEqual(list.map((weight) => weight * 3));
        const seen = rig(...list).counts(calls);
        for (const [at, weight] of list.entries())
          expect(Math.abs(seen[at]! - (calls * weight) / total)).toBeLessThan(list.length);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('by weight among those that are left when others are parked in the middle of a cycle', () => {
    fc.assert(
      fc.property(weights, fc.nat(50), fc.nat(255), (list, before, mask) => {
        const out = list.map((_, at) => at).filter((at) => (mask & (1 << at)) !== 0);
        const left = list.map((weight, at) => (out.includes(at) ? 0 : weight));
        const total = left.reduce((sum, each) => sum + each, 0);
        fc.pre(total > 0);
        const { counts, park } = rig(...list);
        counts(before);
        for (const at of out) park(at, 'quota');
        const cycles = 40;
        const seen = counts(total * cycles);
        for (const [at, weight] of left.entries()) {
          if (out.includes(at) || weight === 0) expect(seen[at]).toBe(0);
          else expect(Math.abs(seen[at]! - weight * cycles)).toBeLessThanOrEqual(list.length * 2);
        }
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('and those of weight 0 only when nothing else is left, in turn', () => {
    const { counts, park } = rig(0, 1, 0, 1);
    expect(counts(10)).toEqual([0, 5, 0, 5]);
    park(1);
    expect(counts(10)).toEqual([0, 0, 0, 10]);
    park(3);
    expect(counts(10)).toEqual([5, 0, 5, 0]);
  });

  it('leaving out those that a call has tried', () => {
    const { pick } = rig(1, 1, 1);
    for (let count = 0; count < 30; count++) expect(pick([0, 2]).key).toBe(1);
  });
});

describe('a key that is refused', () => {
  it('A6: rests everywhere while the others go on', () => {
    const { park, pool, clock, counts, parked, wait } = rig(1, 1);
    park(0);
    expect(parked()).toEqual([['1', 'authentication', 1_000]]);
    expect(pool.parked(clock.now())).toHaveLength(1);
    expect(counts(4)).toEqual([0, 4]);
    expect(wait()).toBe(0);
  });

  it('A3: rests longer when its quota is spent', () => {
    const { park, parked } = rig(1, 1);
    park(1, 'quota', { status: 429 });
    expect(parked()).toEqual([['2', 'quota', 5_000]]);
  });

  it.each([
    ['rate_limit', 429, 200],
    ['authentication', 403, 1_000],
  ] as const)('A1: rests at the target only after %s (%i)', (reason, status, rest) => {
    const { park, parked, pool, clock } = rig(1, 1);
    park(0, reason, { status });
    expect(parked()).toEqual([['1', reason, rest]]);
    expect(pool.parked(clock.now())).toEqual([]);
    expect(pool.wait(new KeyRests(), clock.now(), [1])).toBe(0);
  });

  it('A1: rests as long as Retry-After says', () => {
    const { park, parked } = rig(1, 1);
    park(0, 'rate_limit', { status: 429, retryAfterMs: 7_000 });
    expect(parked()).toEqual([['1', 'rate_limit', 7_000]]);
  });

  it('is tried by one call after its rest', () => {
    const { clock, park, pick, wait } = rig(1);
    park(0);
    clock.pass(wait());
    expect(wait()).toBe(0);
    pick();
    expect(wait()).toBe(5_000);
  });

  it('rests twice as long each time it is tried in vain, up to ten times as long', () => {
    const { clock, park, parked } = rig(1, 1);
    const rests = [];
    for (let count = 0; count < 6; count++) {
      park(0);
      const rest = parked()[0]![2] as number;
      rests.push(rest);
      clock.pass(rest);
    }
    expect(rests).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('is used as before once a call succeeded, and its next rest is a first one', () => {
    const { clock, pool, park, pick, parked, counts } = rig(1, 1);
    park(0);
    clock.pass(1_000);
    park(0);
    clock.pass(2_000);
    pool.succeeded(pick([1]));
    expect(parked()).toEqual([]);
    expect(counts(10)).toEqual([5, 5]);
    park(0);
    expect(parked()).toEqual([['1', 'authentication', 1_000]]);
  });

  it('may be tried by another call when the first one said nothing about it', () => {
    const { clock, pool, park, pick, wait } = rig(1);
    park(0);
    clock.pass(wait());
    const trial = pick();
    pool.undecided(trial, clock.now());
    expect(wait()).toBe(0);
  });

  it('by a hundred calls that were under way together rests once', () => {
    const { pick, refuse, parked } = rig(1, 0);
    const uses = Array.from({ length: 100 }, () => pick([1]));
    for (const use of uses) refuse(use, 'authentication', { status: 401 });
    expect(parked()).toEqual([['1', 'authentication', 1_000]]);
  });

  it('is not called good by an answer to a call that was sent before', () => {
    const { pool, park, pick, parked } = rig(1, 1);
    const early = pick([1]);
    park(0, 'quota');
    pool.succeeded(early);
    expect(parked()).toEqual([['1', 'quota', 5_000]]);
  });

  it('stays on trial while an earlier call ends without a word about it', () => {
    const { clock, pool, park, pick, wait } = rig(1);
    const early = pick();
    park(0);
    clock.pass(wait());
    pick();
    pool.undecided(early, clock.now());
    expect(wait()).toBe(5_000);
  });

  it('does not rest at all when the provider names a wait of nothing', () => {
    const { park, parked } = rig(1, 1);
    park(0, 'authentication', { retryAfterMs: 0 });
    expect(parked()).toEqual([]);
  });

  it('is told as the reason when none is left, the one that comes back first', () => {
    const { pool, here, clock, park } = rig(1, 1);
    park(0, 'quota');
    expect(pool.reason(here, clock.now())).toBeNull();
    park(1, 'rate_limit', { status: 429 });
    expect(pool.reason(here, clock.now())).toBe('rate_limit');
    clock.pass(200);
    expect(pool.reason(here, clock.now())).toBeNull();
  });
});

it('requests of the gateway itself take the keys that do not rest in turn, and any when all do', () => {
  const { pool, clock, park } = rig(1, 1, 1);
  park(1);
  const used = (count: number) => Array.from({ length: count }, (_, number) => pool.working(number, clock.now()).id);
  expect(used(4)).toEqual(['1', '3', '1', '3']);
  park(0);
  park(2);
  expect(used(3)).toEqual(['1', '2', '3']);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { belongingTo } from '../../../plugins/router/affinity.ts';
import type { Candidate } from '../../../plugins/router/candidate.ts';
import { Health } from '../../../plugins/router/health.ts';
import { candidate, healthOptions, target } from './targets.ts';

/** Candidates of these weights, each with so many requests under way. */
function candidates(weights: readonly number[], inFlight: readonly number[] = []): Candidate[] {
  const health = new Health(healthOptions, () => 0);
  return weights.map((weight, at) => {
    const made = candidate(health, target(`model-${at}`, weight), at);
    made.state.inFlight = inFlight[at] ?? 0;
    return made;
  });
}

const keys = Array.from({ length: 20_000 }, (_, at) => Math.imul(at + 1, 0x9e3779b1) >>> 0);
const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 8 });

describe('what calls belong to', () => {
  it('is spread by weight, within 2 percent of all keys', () => {
    fc.assert(
      fc.property(weights, (each) => {
        const all = candidates(each);
        const counts = each.map(() => 0);
        for (const key of keys) counts[belongingTo(all, key)!.slot]!++;
        const total = each.reduce((sum, weight) => sum + weight, 0);
        each.forEach((weight, at) => {
          expect(Math.abs(counts[at]! / keys.length - weight / total)).toBeLessThan(0.02);
        });
      }),
      { numRuns: 20, seed: 6 },
    );
  });

  it('stays when another target is out: only the keys of that one move, and they come back', () => {
    fc.assert(
      fc.property(weights, fc.nat(), (each, out) => {
        const all = candidates(each);
        const gone = all[out % all.length]!;
        const rest = all.filter((one) => one !== gone);
        const spread = new Set<Candidate>();
        for (const key of keys.slice(0, 2_000)) {
          const home = belongingTo(all, key)!;
          const then = belongingTo(rest, key)!;
          if (home === gone) spread.add(then);
          else expect(then).toBe(home);
          expect(belongingTo(all, key)).toBe(home);
        }
        // The keys of the one that left go to all of the others, not to one neighbour.
        expect(spread.size).toBe(rest.length);
      }),
      { numRuns: 20, seed: 6 },
    );
  });

  it('is the same in any order of the file', () => {
    const all = candidates([1, 2, 3]);
    const turned = [...all].reverse();
    for (const key of keys.slice(0, 500)) expect(belongingTo(turned, key)).toBe(belongingTo(all, key));
  });

  it('is never a target of weight 0, and nothing when there is no other', () => {
    const all = candidates([0, 1]);
    for (const key of keys.slice(0, 200)) expect(belongingTo(all, key)!.slot).toBe(1);
    expect(belongingTo(candidates([0, 0]), 1)).toBeNull();
  });

  it.each([
    ['two', [1, 1]],
    ['five', [1, 1, 1, 1, 1]],
    ['three of different weight', [4, 1, 1]],
  ])('yields to load when it has twice what the others have on average, of %s', (_name, each) => {
    const key = keys.find((one) => belongingTo(candidates(each), one)!.slot === 0)!;
    const others = each.slice(1).map((weight) => weight * 5);
    const bound = 2 * 5 * each[0]!;
    expect(belongingTo(candidates(each, [bound, ...others]), key)!.slot).toBe(0);
    expect(belongingTo(candidates(each, [bound + 1, ...others]), key)).toBeNull();
  });

  it('stays at low load, however uneven: fewer than 8 requests are no load', () => {
    const key = keys.find((one) => belongingTo(candidates([1, 1]), one)!.slot === 0)!;
    for (let under = 0; under < 8; under++) expect(belongingTo(candidates([1, 1], [under, 0]), key)!.slot).toBe(0);
    expect(belongingTo(candidates([1, 1], [8, 0]), key)).toBeNull();
  });

  it('stays when it is the only one that has a weight, whatever its load', () => {
    expect(belongingTo(candidates([1, 0], [500, 0]), 7)!.slot).toBe(0);
  });
});

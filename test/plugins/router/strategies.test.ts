import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Target } from '../../../providers/provider.ts';
import { type Picker, picker, target } from './targets.ts';

const make = (strategy: string, targets: readonly Target[]): Picker => picker(strategy, targets);
const named = (...weights: number[]): Target[] => weights.map((weight, at) => target(`m${at}`, weight));

function shares(selector: Picker, available: readonly Target[], picks: number): Map<Target, number> {
  const counts = new Map<Target, number>(available.map((each) => [each, 0]));
  for (let pick = 0; pick < picks; pick++) {
    const chosen = selector.pick(available);
    counts.set(chosen, counts.get(chosen)! + 1);
  }
  return counts;
}

const weights = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 8 });
/** Which of up to eight targets are up: a bit each. */
const masks = fc.integer({ min: 1, max: 255 });
const upOf = (targets: readonly Target[], mask: number): Target[] => {
  const up = targets.filter((_, at) => (mask >> at) & 1);
  return up.length === 0 ? [targets[0]!] : up;
};

describe('weighted', () => {
  it('gives every target exactly its weight in each cycle', () => {
    fc.assert(
      fc.property(weights, (all) => {
        const targets = named(...all);
        const total = all.reduce((sum, each) => sum + each, 0);
        const counts = shares(make('weighted', targets), targets, total);
        expect([...counts.values()]).toEqual(all);
      }),
    );
  });

  it('keeps the proportions of the others when any subset of the targets is down', () => {
    fc.assert(
      fc.property(weights, masks, (all, mask) => {
        const targets = named(...all);
        const up = upOf(targets, mask);
        const total = up.reduce((sum, each) => sum + each.weight, 0);
        const counts = shares(make('weighted', targets), up, total * 3);
        for (const each of up) expect(counts.get(each)).toBe(each.weight * 3);
      }),
    );
  });

  it('returns to the weights after targets went away and came back in any order', () => {
    const outages = fc.array(fc.tuple(masks, fc.integer({ min: 1, max: 50 })), { maxLength: 20 });
    fc.assert(
      fc.property(weights, outages, (all, history) => {
        const targets = named(...all);
        const selector = make('weighted', targets);
        for (const [mask, picks] of history) shares(selector, upOf(targets, mask), picks);
        const total = all.reduce((sum, each) => sum + each, 0);
        const cycles = 50;
        const counts = shares(selector, targets, total * cycles);
        // What an outage left behind is paid back once; it does not grow with the number of picks.
        const carried = targets.length * 2;
        for (const each of targets) expect(Math.abs(counts.get(each)! - each.weight * cycles)).toBeLessThanOrEqual(carried);
      }),
      { numRuns: 60 },
    );
  });

  it('follows the weights over a time in which the targets flap at random', () => {
    // Each target gets the sum of its due shares, give or take a constant: nothing is forgotten and nothing piles up.
    fc.assert(
      fc.property(weights, fc.array(masks, { minLength: 1000, maxLength: 2000 }), (all, history) => {
        const targets = named(...all);
        const selector = make('weighted', targets);
        const due = new Map<Target, number>(targets.map((each) => [each, 0]));
        const got = new Map<Target, number>(targets.map((each) => [each, 0]));
        for (const mask of history) {
          const up = upOf(targets, mask);
          const total = up.reduce((sum, each) => sum + each.weight, 0);
          for (const each of up) due.set(each, due.get(each)! + each.weight / total);
          const chosen = selector.pick(up);
          got.set(chosen, got.get(chosen)! + 1);
        }
        for (const each of targets) expect(Math.abs(due.get(each)! - got.get(each)!)).toBeLessThan(history.length * 0.05 + 8);
      }),
      { numRuns: 20 },
    );
  });

  it('starves nobody: the lightest target is asked within one cycle', () => {
    const targets = named(1, 99);
    expect(shares(make('weighted', targets), targets, 100).get(targets[0]!)).toBe(1);
  });

  it('spreads a heavy target instead of asking it in one run', () => {
    const targets = named(5, 1, 1);
    const selector = make('weighted', targets);
    const order = Array.from({ length: 7 }, () => targets.indexOf(selector.pick(targets))).join('');
    expect(order).toBe('0010200');
  });

  it('asks a target of weight 0 only when nothing else is left', () => {
    const targets = named(0, 2, 1);
    const selector = make('weighted', targets);
    expect(shares(selector, targets, 300).get(targets[0]!)).toBe(0);
    expect(selector.pick([targets[0]!])).toBe(targets[0]);
    expect(shares(selector, targets, 300).get(targets[0]!)).toBe(0);
  });

  it('asks no target of weight 0 while another is up, whatever was out before', () => {
    fc.assert(
      fc.property(weights, fc.array(masks, { minLength: 1, maxLength: 60 }), (all, history) => {
        const targets = named(...all, 0);
        const [last, others] = [targets.at(-1)!, targets.slice(0, -1)];
        const selector = make('weighted', targets);
        for (const mask of history) expect(selector.pick([...upOf(others, mask), last])).not.toBe(last);
      }),
    );
  });

  it('takes the first of several targets of weight 0', () => {
    const targets = named(0, 0);
    expect(make('weighted', targets).pick(targets)).toBe(targets[0]);
  });
});

describe('round-robin', () => {
  it('asks each target in turn, in the order of the file, whatever the weights above 0', () => {
    const targets = named(100, 0, 1);
    const selector = make('round-robin', targets);
    expect(Array.from({ length: 6 }, () => targets.indexOf(selector.pick(targets))).join('')).toBe('020202');
  });

  it('is fair to within one pick among the targets that are up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), masks, fc.integer({ min: 1, max: 500 }), (count, mask, picks) => {
        const targets = named(...Array.from({ length: count }, () => 1));
        const up = upOf(targets, mask);
        const counts = [...shares(make('round-robin', targets), up, picks).values()];
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('goes on where it was when a target comes back', () => {
    const targets = named(1, 1, 1);
    const [a, b, c] = targets as [Target, Target, Target];
    const selector = make('round-robin', targets);
    expect([selector.pick([a, b, c]), selector.pick([a, c]), selector.pick([a, b, c]), selector.pick([a, b, c])]).toEqual([
      a,
      c,
      a,
      b,
    ]);
  });
});

describe('priority', () => {
  it('asks the first target of the file that is up', () => {
    const targets = named(1, 50, 1);
    const selector = make('priority', targets);
    for (let pick = 0; pick < 5; pick++) expect(selector.pick(targets)).toBe(targets[0]);
    expect(selector.pick(targets.slice(1))).toBe(targets[1]);
    expect(selector.pick(targets)).toBe(targets[0]);
  });
});

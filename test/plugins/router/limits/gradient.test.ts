import { describe, expect, it } from 'vitest';
import { GradientLimit } from '../../../../plugins/router/limits/gradient.ts';
import { seeded } from '../../../helper/cuts.ts';
import { limitBetween, rateBetween, type ServerOptions, simulate } from './queueing-server.ts';

const max = 1_000;

/** Times to the first byte around 100 ms. */
const kinds: Readonly<Record<string, (random: () => number) => number>> = {
  steady: () => 100,
  jittered: (random) => 75 + 50 * random(),
  'of prompts that differ in length': (random) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return 40 + 36 * Math.exp(normal);
  },
};

function run(capacity: ServerOptions['capacity'], kind: string, seed: number, ms: number, more: Partial<ServerOptions> = {}) {
  const random = seeded(seed);
  return simulate({ limit: new GradientLimit(max), capacity, first: () => kinds[kind]!(random), ...more }, ms);
}

/** One request is the smallest step. */
const within = (capacity: number) => Math.max(1, capacity * 0.2);

describe('an adaptive limit', () => {
  const cases = Object.keys(kinds).flatMap((kind) => [2, 5, 12, 40, 120].map((capacity) => [capacity, kind] as const));

  it.each(cases)('is found within a fifth of a capacity of %d, times %s, and most of its rate is used', (capacity, kind) => {
    for (const seed of [1, 2, 3]) {
      const seen = run(() => capacity, kind, seed, 90_000);
      const found = limitBetween(seen, 45_000, 90_000);
      expect(Math.abs(found - capacity), `seed ${seed}: ${found}`).toBeLessThanOrEqual(within(capacity));
      if (capacity >= 12) expect(rateBetween(seen, 45_000, 90_000) / rateOf(capacity, kind)).toBeGreaterThan(0.85);
    }
  });

  it.each([10, 40, 100])('is found again within 30 s when the capacity halves from %d, and when it is back', (capacity) => {
    for (const seed of [1, 2, 3]) {
      const at = (now: number) => (now >= 60_000 && now < 120_000 ? capacity / 2 : capacity);
      const seen = run(at, 'of prompts that differ in length', seed, 180_000);
      for (const [from, to, now] of [
        [30_000, 60_000, capacity],
        [90_000, 120_000, capacity / 2],
        [150_000, 180_000, capacity],
      ] as const) {
        const found = limitBetween(seen, from, to);
        expect(Math.abs(found - now), `seed ${seed}, from ${from}: ${found}`).toBeLessThanOrEqual(within(now));
      }
    }
  });

  it('is not changed for long by a target that becomes slower and can do as much at once', () => {
    const random = seeded(1);
    const first = (now: number) => kinds.jittered!(random) * (now < 60_000 ? 1 : 2.5);
    const seen = simulate({ limit: new GradientLimit(max), capacity: () => 20, first }, 120_000);
    expect(Math.abs(limitBetween(seen, 90_000, 120_000) - 20)).toBeLessThanOrEqual(4);
  });

  it('is measured anew: a target that becomes twice as fast and can do no more at once does not get more', () => {
    const random = seeded(1);
    const first = (now: number) => kinds.jittered!(random) * (now < 60_000 ? 1 : 0.5);
    const seen = simulate({ limit: new GradientLimit(max), capacity: () => 20, first }, 120_000);
    expect(Math.abs(limitBetween(seen, 90_000, 120_000) - 20)).toBeLessThanOrEqual(4);
  });

  it('is measured anew: a target that can do twice as much, each a little slower, gets more', () => {
    const random = seeded(1);
    const first = (now: number) => (99.9 + 0.2 * random()) * (now < 60_000 ? 1 : 1.08);
    const capacity = (now: number) => (now < 60_000 ? 20 : 40);
    const seen = simulate({ limit: new GradientLimit(max), capacity, first }, 180_000);
    expect(Math.abs(limitBetween(seen, 150_000, 180_000) - 40)).toBeLessThanOrEqual(8);
  });

  it.each([8, 20, 60])('goes by the first byte where answers stream for long after it: a capacity of %d', (capacity) => {
    const random = seeded(2);
    const rest = () => 1_000 + 2_000 * random();
    const seen = run(() => capacity, 'jittered', 1, 600_000, { rest });
    expect(Math.abs(limitBetween(seen, 300_000, 600_000) - capacity)).toBeLessThanOrEqual(within(capacity));
  });

  it('does not follow how long answers are: it grows to what is asked of it while their first byte is not late', () => {
    const long = run(() => 1_000, 'steady', 1, 150_000, { rest: () => 2_000, demand: 60 });
    expect(limitBetween(long, 100_000, 150_000)).toBeGreaterThanOrEqual(60);
  });

  it('neither grows nor shrinks while less is asked of it', () => {
    const seen = run(() => 40, 'jittered', 1, 60_000, { demand: 13 });
    expect(limitBetween(seen, 0, 60_000)).toBe(20);
    expect(Math.max(...seen.map(({ limit }) => limit))).toBe(20);
  });

  it('stays within its highest and 1', () => {
    const random = seeded(3);
    const top = simulate({ limit: new GradientLimit(8), capacity: () => 50, first: () => kinds.jittered!(random) }, 30_000);
    expect(Math.max(...top.map(({ limit }) => limit))).toBe(8);
    const one = run(() => 1, 'jittered', 1, 120_000);
    expect(limitBetween(one, 60_000, 120_000)).toBeLessThanOrEqual(2);
    expect(Math.min(...one.map(({ limit }) => limit))).toBe(1);
  });

  it('goes down by a fifth when the target refuses, once for all refusals of one round, and comes back', () => {
    const limit = new GradientLimit(max);
    for (let count = 0; count < 10; count++) limit.refused(20, -400_000);
    expect(limit.limit).toBe(16);
    limit.refused(16, -399_700);
    expect(limit.limit).toBe(12);
    for (let now = -300_000; now < 0; now += 300) limit.refused(1, now);
    expect(limit.limit).toBe(1);
    const random = seeded(4);
    const seen = simulate({ limit, capacity: () => 10, first: () => kinds.jittered!(random) }, 120_000);
    expect(Math.abs(limitBetween(seen, 60_000, 120_000) - 10)).toBeLessThanOrEqual(2);
  });

  it('takes any time an answer is said to have taken', () => {
    const limit = new GradientLimit(max);
    let now = 0;
    for (const ms of [0, -5, Number.MIN_VALUE, 1e12, 3]) {
      for (let count = 0; count < 200; count++) {
        now += 5;
        limit.answered(ms, 20, now);
      }
    }
    expect(limit.limit).toBeGreaterThanOrEqual(1);
    expect(limit.limit).toBeLessThanOrEqual(max);
  });
});

/** Answers per second of a server that is always busy; the mean of exp(normal) is exp(1/2). */
function rateOf(capacity: number, kind: string): number {
  return (capacity * 1000) / (kind.startsWith('of') ? 40 + 36 * Math.exp(0.5) : 100);
}

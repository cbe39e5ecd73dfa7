import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strategies } from '../../../plugins/router/strategies/index.ts';
import type { Rates } from '../../../plugins/usage/money.ts';
import { group } from './group-rig.ts';
import { plainNeeds } from './targets.ts';

const every = [...strategies.keys()];
/** USD per million tokens. */
const usd = (input: number, output: number, cached = input): Rates => ({
  base: { input: input * 1e6, output: output * 1e6, cached: cached * 1e6 },
  tiers: [],
});
const usage = (input: number, output: number, cached = 0) => ({ usage: { input, output, cached }, firstContentMs: 100 });

describe.each(every)('%s', (strategy) => {
  it('chooses among what is available, whatever is down, and nothing when all is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 63 }), (down) => {
        const weights = [1, 2, 3, 1, 5, 1];
        const { call, fail } = group({ strategy, weights });
        weights.forEach((_weight, slot) => {
          if ((down >> slot) & 1) fail(slot, 'overloaded', 10_000);
        });
        for (let count = 0; count < 20; count++) {
          const slot = call();
          if (down === 63) expect(slot).toBe(-1);
          else expect((down >> slot) & 1).toBe(0);
        }
      }),
      { numRuns: 64 },
    );
  });

  it('half-open admits one: of many choices at the same moment a single one goes to the target on trial', () => {
    const { clock, fail, plan, health, candidates } = group({ strategy, weights: [1, 1] });
    for (let count = 0; count < 3; count++) fail(0);
    fail(1, 'overloaded', 60_000);
    clock.pass(1_000);
    const chosen = Array.from({ length: 50 }, () => {
      const candidate = plan().next('first');
      return candidate === null ? null : health.admit(candidate);
    });
    expect(chosen.filter((each) => each !== null)).toHaveLength(1);
    expect(candidates[0]!.state.breaker).toBe('half_open');
  });

  it('P5, G14: an endpoint that fails within a millisecond gets at most a twentieth', () => {
    const { clock, call, fail, plan, candidates, health } = group({
      strategy,
      health: { consecutive_failures: 5, open_for: 5_000 },
    });
    const asked = [0, 0, 0];
    for (let at = 0; at < 1_000; at++) {
      clock.pass(10);
      const candidate = plan().next('first')!;
      asked[candidate.slot]!++;
      if (candidate.slot === 0) {
        fail(0);
        call(() => 20);
      } else {
        const admission = health.admit(candidate);
        clock.pass(20);
        health.succeeded(admission, { usage: null, firstContentMs: 20 });
      }
    }
    expect(asked[0]! / 1_000).toBeLessThan(0.05);
    expect(candidates[0]!.state.inFlight).toBe(0);
  });

  it('what it would choose can be asked without any consequence', () => {
    const asked = group({ strategy, weights: [3, 2, 1] });
    const plain = group({ strategy, weights: [3, 2, 1] });
    // One random number is drawn for each question; the strategies that draw none have to stay in step exactly.
    const draws = strategy === 'lowest-latency' || strategy === 'score';
    for (let count = 0; count < 30; count++) {
      if (!draws) for (let question = 0; question < 3; question++) asked.plan().preview();
      expect(asked.call()).toBe(plain.call());
    }
    const { candidates } = asked;
    const before = JSON.stringify(candidates.map(({ state }) => [state.inFlight, state.breaker]));
    asked.plan().preview();
    expect(JSON.stringify(candidates.map(({ state }) => [state.inFlight, state.breaker]))).toBe(before);
  });
});

describe.each(['weighted', 'round-robin', 'least-busy', 'lowest-latency'])('%s', (strategy) => {
  it('starves nobody among equals', () => {
    const counts = group({ strategy, weights: [1, 1, 1, 1] }).shares(400);
    for (const count of counts) expect(count).toBeGreaterThan(40);
  });
});

describe('slow start', () => {
  it.each(every)('%s: a target that comes back gets a growing part of its share', (strategy) => {
    const { clock, fail, candidates, call, health } = group({ strategy, weights: [1, 1], health: { slow_start: 10_000 } });
    for (let count = 0; count < 3; count++) fail(0);
    clock.pass(1_000);
    health.succeeded(health.admit(candidates[0]!));
    expect(candidates[0]!.state.share(clock.now())).toBeCloseTo(0.1);
    let early = 0;
    for (let count = 0; count < 500; count++) if (call() === 0) early++;
    expect(early).toBeLessThan(500 * 0.2);
    clock.pass(5_000);
    expect(candidates[0]!.state.share(clock.now())).toBeCloseTo(0.55);
    clock.pass(5_000);
    expect(candidates[0]!.state.share(clock.now())).toBe(1);
  });

  it('weighted: the share follows the ramp', () => {
    const { clock, fail, candidates, health, shares } = group({
      strategy: 'weighted',
      weights: [1, 1],
      health: { slow_start: 10_000 },
    });
    for (let count = 0; count < 3; count++) fail(0);
    clock.pass(1_000);
    health.succeeded(health.admit(candidates[0]!));
    clock.pass(5_000);
    const [recovering] = shares(2_000);
    // Half the time it takes part, and then it gets half.
    expect(recovering! / 2_000).toBeGreaterThan(0.2);
    expect(recovering! / 2_000).toBeLessThan(0.4);
  });
});

describe('least-cost', () => {
  const needs = (inputTokens: number, outputTokens = 0) => ({
    call: { needs: () => ({ ...plainNeeds, inputTokens, outputTokens }) },
  });
  const prices = (...rates: readonly (Rates | null)[]) => ({
    ratesOf: (each: { model: string }) => rates[Number(each.model.slice(1))]!,
  });

  it('prices this request: a long prompt and a long answer choose differently', () => {
    const rates = prices(usd(1, 10), usd(3, 3), null);
    expect(group({ strategy: 'least-cost', ...rates, ...needs(100_000, 50) }).call()).toBe(0);
    expect(group({ strategy: 'least-cost', ...rates, ...needs(100, 4_000) }).call()).toBe(1);
  });

  it('counts the tier that the input reaches', () => {
    const tiered: Rates = { base: { input: 1e6, output: 1e6 }, tiers: [{ above: 200_000, rates: { input: 9e6, output: 9e6 } }] };
    const rates = prices(tiered, usd(2, 2), null);
    expect(group({ strategy: 'least-cost', ...rates, ...needs(200_000) }).call()).toBe(0);
    expect(group({ strategy: 'least-cost', ...rates, ...needs(200_001) }).call()).toBe(1);
  });

  it('expects the part of the prompt to be cached that was cached before', () => {
    const rig = group({ strategy: 'least-cost', ...prices(usd(2, 1, 0.2), usd(1.5, 1, 1.5), null), ...needs(50_000) });
    expect(rig.call()).toBe(1);
    const admission = rig.health.admit(rig.candidates[0]!);
    rig.health.succeeded(admission, usage(50_000, 100, 45_000));
    expect(rig.call()).toBe(0);
  });

  it('expects answers as long as the target gives them', () => {
    const rig = group({ strategy: 'least-cost', ...prices(usd(1, 4), usd(1, 5), null), ...needs(100) });
    expect(rig.call()).toBe(0);
    rig.health.succeeded(rig.health.admit(rig.candidates[0]!), usage(100, 3_000));
    rig.health.succeeded(rig.health.admit(rig.candidates[1]!), usage(100, 500));
    expect(rig.call()).toBe(1);
  });

  it('takes an unknown price last, and of equals the one with less to do', () => {
    const rig = group({ strategy: 'least-cost', ...prices(null, usd(5, 5), usd(5, 5)), ...needs(100) });
    expect(rig.call()).toBe(1);
    rig.health.admit(rig.candidates[1]!);
    expect(rig.call()).toBe(2);
    rig.fail(1, 'overloaded', 60_000);
    rig.fail(2, 'overloaded', 60_000);
    expect(rig.call()).toBe(0);
  });

  it('follows a price that changes within five seconds', () => {
    let cheap = 0;
    const rig = group({
      strategy: 'least-cost',
      ratesOf: ({ model }) => (model === `m${cheap}` ? usd(1, 1) : usd(2, 2)),
      ...needs(100),
    });
    expect(rig.call()).toBe(0);
    cheap = 2;
    rig.clock.pass(5_000);
    expect(rig.call()).toBe(2);
  });
});

describe('lowest-latency', () => {
  it('P4: moves at least nine tenths away within 100 calls from a target that becomes ten times as slow', () => {
    const slow = [100, 100, 100];
    const { call, shares } = group({ strategy: 'lowest-latency' });
    const ms = (slot: number) => slow[slot]!;
    shares(100, () => call(ms));
    slow[1] = 1_000;
    shares(20, () => call(ms));
    const [, moved] = shares(100, () => call(ms));
    expect(moved).toBeLessThanOrEqual(10);
  });

  it('comes back to a target that is fast again', () => {
    const slow = [100, 100, 2_000];
    const { call, clock, shares } = group({ strategy: 'lowest-latency' });
    const ms = (slot: number) => slow[slot]!;
    shares(60, () => call(ms));
    slow[2] = 50;
    clock.pass(240_000);
    const [, , back] = shares(300, () => call(ms));
    expect(back).toBeGreaterThan(100);
  });

  it('counts what is under way: a target that has not answered yet is not given everything', () => {
    const { health, plan, candidates } = group({ strategy: 'lowest-latency', weights: [1, 1] });
    for (let count = 0; count < 100; count++) health.admit(plan().next('first')!);
    for (const { state } of candidates) expect(state.inFlight).toBeGreaterThan(35);
  });
});

describe('least-busy', () => {
  it('takes the one with the fewest requests for its weight', () => {
    const { health, plan, candidates } = group({ strategy: 'least-busy', weights: [1, 3] });
    for (let count = 0; count < 40; count++) health.admit(plan().next('first')!);
    expect(candidates.map(({ state }) => state.inFlight)).toEqual([10, 30]);
  });
});

describe('score', () => {
  it('stays with the best until another is better by a tenth, and explores one call in a hundred', () => {
    const { call, shares } = group({ strategy: 'score', config: { score: { price: 0, latency: 1, uptime: 0, cache: 0 } } });
    const counts = shares(1_000, () => call((slot) => [100, 104, 400][slot]!));
    const sorted = [...counts].sort((a, b) => b - a);
    expect(sorted[0]).toBeGreaterThan(970);
    expect(counts.every((count) => count > 0)).toBe(true);
  });

  it('leaves a target whose uptime falls', () => {
    const rig = group({
      strategy: 'score',
      weights: [1, 1],
      health: { consecutive_failures: 1_000, failure_ratio: 1, min_requests: 1_000_000 },
    });
    const first = rig.call(() => 100);
    for (let count = 0; count < 8; count++) rig.fail(first);
    const counts = rig.shares(200, () => rig.call(() => 100));
    expect(counts[first]).toBeLessThan(20);
  });

  it('goes by the weights of the configuration', () => {
    const ratesOf = ({ model }: { model: string }) => usd(model === 'm0' ? 1 : 4, 4);
    const ms = (slot: number) => [900, 100, 100][slot]!;
    const cheap = group({ strategy: 'score', ratesOf, config: { score: { price: 1, latency: 0, uptime: 0, cache: 0 } } });
    const fast = group({ strategy: 'score', ratesOf, config: { score: { price: 0, latency: 1, uptime: 0, cache: 0 } } });
    expect(cheap.shares(200, () => cheap.call(ms))[0]).toBeGreaterThan(190);
    for (let count = 0; count < 3; count++)
      for (const each of fast.candidates) fast.health.firstContent(fast.health.admit(each), ms(each.slot));
    expect(fast.shares(200, () => fast.call(ms))[0]).toBeLessThan(10);
  });
});

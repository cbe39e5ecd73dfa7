import { describe, expect, it } from 'vitest';
import { Health } from '../../../plugins/router/health.ts';
import { TargetStates } from '../../../plugins/router/target-states.ts';
import { catalogue } from './catalogue-setup.ts';
import { group } from './group-rig.ts';
import { candidate, healthOptions, provider, target } from './targets.ts';

describe('what is remembered of targets', () => {
  it('a target of the configuration is the same one after callers have named ten thousand others', () => {
    const states = new TargetStates(healthOptions);
    const own = states.of(target('large'), true);
    own.breaker = 'open';
    for (let count = 0; count < 10_001; count++) states.of(target(`made-up-${count}`), false);
    expect(states.of(target('large'), false)).toBe(own);
    expect(states.shown(target('large')).breaker).toBe('open');
    expect(states.size).toBe(10_001);
  });

  it('one that a caller named and that is used is not forgotten either', () => {
    const health = new Health(healthOptions, () => 0);
    const used = candidate(health, target('used'));
    for (let count = 0; count < 15_000; count++) {
      health.state(target(`made-up-${count}`));
      if (count % 5_000 === 0) health.withdrawn(health.admit(used));
    }
    expect(health.state(target('used'))).toBe(used.state);
  });

  it('a target that only gets copies has its limit and its sockets too, and gives back what it took', () => {
    const one = provider('one', { concurrency: { max: 1 }, connections: 2 });
    const { groups } = catalogue({
      providers: [one],
      models: { m: { targets: [{ provider: 'one', model: 'a' }], shadow: { provider: 'one', model: 'b' } } },
    }).resolve('m');
    const { state } = groups[0]!.shadow!.candidate;
    state.inFlight = 1;
    expect([state.full, state.sockets?.max]).toEqual([true, 2]);
    const health = new Health(healthOptions, () => 0);
    const early = candidate(health, target('b', 1, one));
    const admission = health.admit(early);
    early.state.sockets = state.sockets;
    health.withdrawn(admission);
    expect(state.sockets?.inFlight).toBe(0);
  });
});

it('a first call that fails does not make a target look as if it never worked', () => {
  const { fail, candidates } = group({ strategy: 'score' });
  fail(0);
  expect(candidates[0]!.state.uptime.value).toBeCloseTo(0.95);
});

it.each(['weighted', 'round-robin', 'least-busy', 'lowest-latency', 'score'])(
  '%s: weight 0 only when nothing else is left',
  (strategy) => {
    const { shares, fail } = group({ strategy, weights: [0, 1, 1] });
    expect(shares(200)[0]).toBe(0);
    fail(1, 'overloaded', 60_000);
    fail(2, 'overloaded', 60_000);
    expect(shares(20)[0]).toBe(20);
  },
);

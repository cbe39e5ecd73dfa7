import { describe, expect, it } from 'vitest';
import { Decision } from '../../../plugins/router/decision.ts';
import { Health } from '../../../plugins/router/health.ts';
import { Plan } from '../../../plugins/router/plan.ts';
import type { Target } from '../../../providers/provider.ts';
import { seeded } from '../../helper/cuts.ts';
import { anyCall, candidate, failure, groupOf, healthOptions, manualClock, provider, target } from './targets.ts';

/** Two equal targets by weight, `back` out for a while; shares grow over 10 s. */
function rig(strategy = 'weighted') {
  const clock = manualClock();
  const health = new Health({ ...healthOptions, slow_start: 10_000 }, clock.now);
  const random = seeded(11);
  const [back, other]: Target[] = [target('back', 1, provider('one')), target('other', 1, provider('two'))];
  const targets = [back!, other!];
  const candidates = targets.map((each, slot) => candidate(health, each, slot));
  const group = groupOf(candidates, strategy, {}, random);
  const pick = () => {
    const plan = new Plan({ model: 'm', timeouts: {}, groups: [group] }, { health, random }, anyCall, new Decision());
    return plan.next('first')!;
  };
  const fail = () => health.failed(health.admit(candidates[0]!), failure('server'));
  const open = () => {
    for (let count = 0; count < 3; count++) fail();
  };
  const recover = () => {
    clock.pass(1_000);
    health.succeeded(health.admit(candidates[0]!));
  };
  /** Share of `back` among so many picks at this moment. */
  const share = (picks = 2_000) => {
    let count = 0;
    for (let each = 0; each < picks; each++) if (pick() === candidates[0]) count++;
    return count / picks;
  };
  const shown = () => health.snapshot([back!])[0]!;
  return { clock, open, recover, fail, share, shown, pick, candidates };
}

describe('a target that comes back', () => {
  it.each([
    ['weighted', (eligible: number) => eligible / 2],
    // Whose turn it is stays its turn: once left out, it is next.
    ['round-robin', (eligible: number) => eligible / (1 + eligible)],
  ] as const)('takes part by a share that grows evenly from a tenth: %s', (strategy, expected) => {
    const { clock, open, recover, share, shown } = rig(strategy);
    open();
    expect(share(100)).toBe(0);
    recover();
    const shares = [];
    for (let second = 0; second <= 10; second += 2) {
      shares.push(share());
      clock.pass(2_000);
    }
    for (const [step, seen] of shares.entries()) expect(Math.abs(seen - expected(0.1 + 0.18 * step))).toBeLessThan(0.03);
    expect(shown().share).toBe(1);
  });

  it('goes out again when it fails again, and begins anew after that', () => {
    const { clock, open, recover, fail, share, shown } = rig();
    open();
    recover();
    clock.pass(5_000);
    expect(shown().share).toBeCloseTo(0.55);
    for (let count = 0; count < 3; count++) fail();
    expect(shown()).toMatchObject({ breaker: 'open', exclusion: 'breaker' });
    expect(share(100)).toBe(0);
    recover();
    expect(shown().share).toBeCloseTo(0.1);
    expect(share()).toBeLessThan(0.1);
  });

  it('gets everything when nothing else is left', () => {
    const { open, recover, pick, candidates } = rig();
    open();
    recover();
    candidates[1]!.state.restUntil = Number.POSITIVE_INFINITY;
    for (let count = 0; count < 20; count++) expect(pick()).toBe(candidates[0]);
  });
});

describe('a provider whose probes fail', () => {
  it('is out with all its targets, whatever their state, until one probe succeeds; then they come back step by step', () => {
    const clock = manualClock();
    const health = new Health({ ...healthOptions, slow_start: 10_000 }, clock.now);
    const up = provider('up');
    const [a, b, other] = [
      candidate(health, target('a', 1, up)),
      candidate(health, target('b', 1, up)),
      candidate(health, target('c')),
    ];
    health.probeFailed(up, 3_000);
    expect([a, b, other].map((each) => health.exclusion(each!.state, clock.now()))).toEqual(['probe', 'probe', null]);
    expect(health.wait(a!)).toBe(3_000);
    expect(health.state(target('new', 1, up)).share(clock.now())).toBe(1);
    expect(health.snapshot([target('later', 1, up)])[0]).toMatchObject({ exclusion: 'probe' });
    clock.pass(60_000);
    expect(health.exclusion(a!.state, clock.now())).toBe('probe');
    expect(health.wait(a!)).toBe(100);
    health.probeSucceeded(up);
    expect(health.wait(a!)).toBe(0);
    expect([a!.state.share(clock.now()), other!.state.share(clock.now())]).toEqual([0.1, 1]);
    // A success of a provider that was never out changes nothing.
    clock.pass(10_000);
    health.probeSucceeded(up);
    expect(a!.state.share(clock.now())).toBe(1);
  });
});

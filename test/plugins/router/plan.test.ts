import { describe, expect, it } from 'vitest';
import { Health } from '../../../plugins/router/health.ts';
import { type Eligible, Plan } from '../../../plugins/router/plan.ts';
import { strategies } from '../../../plugins/router/strategies/index.ts';
import type { Route } from '../../../plugins/router/types.ts';
import type { Target } from '../../../providers/provider.ts';
import { failure, healthOptions, manualClock, target } from './targets.ts';

function route(...groups: readonly (readonly Target[])[]): Route {
  return {
    model: 'smart',
    timeouts: {},
    groups: groups.map((targets, at) => ({
      name: `group-${at}`,
      strategy: 'priority',
      targets,
      selector: strategies.get('priority')!.create(targets, Math.random),
    })),
  };
}

function rig(plans: Route, eligible: Eligible = () => true) {
  const clock = manualClock();
  const health = new Health(healthOptions, clock.now);
  const rest = (each: Target, ms: number) => health.failed(health.admit(each), failure('rate_limit', { retryAfterMs: ms }));
  const plan = new Plan(plans, health, eligible);
  const all = () => {
    const asked: string[] = [];
    for (let next = plan.next(); next !== null; next = plan.next()) asked.push(next.model);
    return asked;
  };
  return { clock, health, plan, rest, all };
}

const [a, b, c] = [target('a'), target('b'), target('c')];

describe('the plan of one exchange', () => {
  it('asks each target once, group after group', () => {
    expect(rig(route([a, b], [c])).all()).toEqual(['a', 'b', 'c']);
  });

  it('asks a target once that also stands in a fallback', () => {
    // Other objects with the same id: each group makes its own.
    expect(rig(route([a, b], [target('a'), c], [target('b')])).all()).toEqual(['a', 'b', 'c']);
  });

  it('leaves out targets that cannot answer now', () => {
    const { rest, all } = rig(route([a, b], [c]));
    rest(a, 1_000);
    expect(all()).toEqual(['b', 'c']);
  });

  it('asks the fallback only when every target of the model is out', () => {
    const { plan, rest } = rig(route([a, b], [c]));
    rest(a, 1_000);
    expect(plan.next()).toBe(b);
    expect(plan.next()).toBe(c);
    expect(plan.next()).toBeNull();
  });

  it('leaves out targets that the exchange may not use', () => {
    expect(rig(route([a, b], [c]), (each) => each !== a).all()).toEqual(['b', 'c']);
  });

  it('looks anew with each attempt: a target that came back in between is asked', () => {
    const { clock, plan, rest } = rig(route([a, b]));
    rest(a, 1_000);
    expect(plan.next()).toBe(b);
    clock.pass(1_000);
    expect(plan.next()).toBe(a);
  });

  it('offers the target asked last once more while it may be asked', () => {
    const { plan, rest } = rig(route([a, b]));
    expect(plan.again()).toBeNull();
    plan.next();
    expect(plan.again()).toBe(a);
    rest(a, 1_000);
    expect(plan.again()).toBeNull();
  });

  it('lists eligible targets, available or not', () => {
    const { plan, rest } = rig(route([a, b], [c]), (each) => each !== b);
    rest(a, 1_000);
    expect(plan.targets()).toEqual([a, c]);
  });

  it('tells the wait until the first target may answer', () => {
    const { plan, rest } = rig(route([a], [b]));
    rest(a, 3_000);
    rest(b, 2_000);
    expect(plan.wait()).toBe(2_000);
  });

  it('tells no wait when nothing is eligible', () => {
    expect(rig(route([a]), () => false).plan.wait()).toBe(0);
  });
});

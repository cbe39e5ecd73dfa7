import { describe, expect, it } from 'vitest';
import { Decision } from '../../../plugins/router/decision.ts';
import { Health } from '../../../plugins/router/health.ts';
import { Plan, type PlanCall } from '../../../plugins/router/plan.ts';
import type { Route } from '../../../plugins/router/types.ts';
import type { Target } from '../../../providers/provider.ts';
import { candidate, failure, groupOf, healthOptions, manualClock, plainNeeds, target } from './targets.ts';

function route(of: Health, ...groups: readonly (readonly Target[])[]): Route {
  return {
    model: 'smart',
    timeouts: {},
    groups: groups.map((targets, at) => {
      const candidates = targets.map((each, slot) => candidate(of, each, slot));
      return groupOf(candidates, 'priority', { name: `group-${at}` });
    }),
  };
}

function rig(
  groups: readonly (readonly Target[])[],
  allowed: (target: Target) => boolean = () => true,
  more: Partial<PlanCall> = {},
) {
  const clock = manualClock();
  const health = new Health(healthOptions, clock.now);
  const rest = (each: Target, ms: number) =>
    health.failed(health.admit(candidate(health, each)), failure('rate_limit', { retryAfterMs: ms }));
  const call: PlanCall = {
    operation: 'chat',
    needs: () => plainNeeds,
    restrictions: { restriction: (each) => (allowed(each) ? null : 'only'), foremost: (candidates) => candidates },
    affinityKey: () => null,
    ...more,
  };
  const plan = new Plan(route(health, ...groups), { health, random: Math.random }, call, new Decision());
  const next = () => plan.next('first')?.target ?? null;
  const all = () => {
    const asked: string[] = [];
    for (let each = next(); each !== null; each = next()) asked.push(each.model);
    return asked;
  };
  return { clock, health, plan, rest, next, all };
}

const [a, b, c] = [target('a'), target('b'), target('c')];

describe('the plan of one exchange', () => {
  it('asks each target once, group after group', () => {
    expect(rig([[a, b], [c]]).all()).toEqual(['a', 'b', 'c']);
  });

  it('asks a target once that also stands in a fallback', () => {
    // Other objects with the same id: each group makes its own.
    expect(rig([[a, b], [target('a'), c], [target('b')]]).all()).toEqual(['a', 'b', 'c']);
  });

  it('leaves out targets that cannot answer now', () => {
    const { rest, all } = rig([[a, b], [c]]);
    rest(a, 1_000);
    expect(all()).toEqual(['b', 'c']);
  });

  it('asks the fallback only when every target of the model is out', () => {
    const { next, rest } = rig([[a, b], [c]]);
    rest(a, 1_000);
    expect(next()).toBe(b);
    expect(next()).toBe(c);
    expect(next()).toBeNull();
  });

  it('leaves out targets that the exchange may not use', () => {
    expect(rig([[a, b], [c]], (each) => each !== a).all()).toEqual(['b', 'c']);
  });

  it('looks anew with each attempt: a target that came back in between is asked', () => {
    const { clock, next, rest } = rig([[a, b]]);
    rest(a, 1_000);
    expect(next()).toBe(b);
    clock.pass(1_000);
    expect(next()).toBe(a);
  });

  it('offers the target asked last once more while it may be asked', () => {
    const { plan, next, rest } = rig([[a, b]]);
    expect(plan.again()?.target ?? null).toBeNull();
    next();
    expect(plan.again()?.target ?? null).toBe(a);
    rest(a, 1_000);
    expect(plan.again()?.target ?? null).toBeNull();
  });

  it('lists eligible targets, available or not', () => {
    const { plan, rest } = rig([[a, b], [c]], (each) => each !== b);
    rest(a, 1_000);
    expect(plan.possible().map((each) => each.target)).toEqual([a, c]);
  });

  it('tells the wait until the first target may answer', () => {
    const { plan, rest } = rig([[a], [b]]);
    rest(a, 3_000);
    rest(b, 2_000);
    expect(plan.wait()).toBe(2_000);
  });

  it('tells no wait when nothing is eligible', () => {
    expect(rig([[a]], () => false).plan.wait()).toBe(0);
  });
});

describe('a call that is too long', () => {
  const small = (name: string, more: object = {}): Target => ({
    ...target(name),
    info: { id: name, created: 0, ownedBy: 'acme', contextWindow: 100, ...more },
  });
  const blind = (name: string): Target => ({ ...target(name), info: { id: name, created: 0, ownedBy: 'acme', input: ['text'] } });
  const long: Partial<PlanCall> = { needs: () => ({ ...plainNeeds, inputTokens: 1_000, input: ['image'] }) };

  it.each([
    ['first', [small('a'), blind('b')]],
    ['last', [blind('b'), small('a')]],
  ])('is known as such wherever the target stands that it is too long for: %s', (_where, targets) => {
    const { plan, next } = rig([targets], () => true, long);
    expect(next()).toBeNull();
    expect(plan.tooLong).toBe(true);
  });

  it('is none while a target could take it that is out for a while', () => {
    const { plan, next, rest } = rig([[small('a'), target('b')]], () => true, long);
    rest(target('b'), 1_000);
    expect(next()).toBeNull();
    expect(plan.tooLong).toBe(false);
  });
});

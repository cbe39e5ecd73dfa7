import { describe, expect, it } from 'vitest';
import { CallersHealth } from '../../../plugins/router/callers-health.ts';
import { Decision } from '../../../plugins/router/decision.ts';
import { Plan } from '../../../plugins/router/plan.ts';
import { AmongProviders, restrictionsOf } from '../../../plugins/router/restrictions.ts';
import { model, rig } from './health-rig.ts';
import { anyCall, candidate, failure, groupOf, plainNeeds, provider, target } from './targets.ts';

const ofCallersKeys = ['caller_key', 'caller_rate_limit', 'caller_quota'] as const;

describe('what a key that a caller brought does to others', () => {
  it.each(ofCallersKeys)('%s counts neither for nor against the target, and rests none of the operator’s keys', (reason) => {
    const { health, fail, state } = rig();
    const one = candidate(health, model);
    fail();
    fail();
    for (let count = 0; count < 20; count++) {
      health.failed(health.admit(one, [], true), failure(reason, { status: 403, retryAfterMs: 60_000 }));
    }
    expect(state()).toMatchObject({ breaker: 'closed', consecutiveFailures: 2, unavailableUntil: null, inFlight: 0, parked: [] });
    // Neither did they end a row of failures.
    fail();
    expect(state().breaker).toBe('open');
  });

  it.each(ofCallersKeys)('%s leaves the one probe of a broken target to the next call', (reason) => {
    const { clock, health, open, state } = rig();
    open();
    clock.pass(1_000);
    const probe = health.admit(candidate(health, model), [], true);
    expect(probe.probe).toBe(true);
    health.failed(probe, failure(reason));
    expect(state()).toMatchObject({ breaker: 'half_open', inFlight: 0 });
    expect(health.wait(candidate(health, model))).toBe(0);
  });

  it('takes no turn of the operator’s keys, and does not try one that rests', () => {
    const { health } = rig();
    const two = [
      { key: 'k-one', name: 'one' },
      { key: 'k-two', name: 'two' },
    ];
    const one = candidate(health, target('large', 1, provider('several', { api_keys: two })));
    const turns = [0, 1].map(() => {
      for (let count = 0; count < 3; count++) health.succeeded(health.admit(one, [], true));
      const admission = health.admit(one);
      health.succeeded(admission);
      return admission.key;
    });
    expect(turns).toEqual([0, 1]);
  });

  it('is not held up by the rests of the operator’s keys', () => {
    const { clock, health, fail } = rig();
    const one = candidate(health, model);
    fail('quota', 60_000);
    const group = groupOf([one]);
    const planned = (callersKey: boolean) => {
      const tools = { health: callersKey ? new CallersHealth(health) : health, random: Math.random };
      const plan = new Plan({ model: 'm', groups: [group], timeouts: {} }, tools, { ...anyCall, callersKey }, new Decision());
      return [plan.next('first'), plan.wait(), plan.again()];
    };
    expect(planned(false)).toEqual([null, 60_000, null]);
    expect(planned(true)).toEqual([one, 0, one]);
    // A broken target is out for everybody.
    clock.pass(60_000);
    for (let count = 0; count < 3; count++) fail();
    expect(planned(true)[0]).toBeNull();
  });
});

describe('targets of some providers alone', () => {
  const [ours, theirs] = [provider('ours'), provider('theirs')];
  const [mine, other, third] = [target('a', 1, ours), target('b', 1, theirs), target('c', 1, ours)];

  it('leaves the others out, with its own word, and asks the caller’s wishes about the rest', () => {
    const wished = restrictionsOf({ ignore: ['ours/c'], order: ['ours/a'] }, () => null);
    const among = new AmongProviders(['ours'], 'caller_key', wished);
    expect([mine, other, third].map((each) => among.restriction(each, plainNeeds))).toEqual([null, 'caller_key', 'ignore']);
    const within = new AmongProviders(['theirs'], 'providers', among);
    expect([mine, other, third].map((each) => within.restriction(each, plainNeeds))).toEqual([
      'providers',
      'caller_key',
      'providers',
    ]);
    const { health } = rig();
    const candidates = [third, mine].map((each, slot) => candidate(health, each, slot));
    expect(among.foremost(candidates)).toEqual([candidates[1]]);
    expect(new AmongProviders(['ours'], 'providers', null).foremost(candidates)).toBe(candidates);
  });

  it('is noted in the decision as not allowed', () => {
    const { health } = rig();
    const group = groupOf([other, mine].map((each, slot) => candidate(health, each, slot)));
    const decision = new Decision();
    const call = { ...anyCall, restrictions: new AmongProviders(['ours'], 'providers', null) };
    const plan = new Plan({ model: 'm', groups: [group], timeouts: {} }, { health, random: Math.random }, call, decision);
    expect(plan.next('first')?.target).toBe(mine);
    expect(decision.choices[0]!.excluded).toEqual(['not_allowed', null]);
    expect(plan.disallowed()).toEqual([{ target: other, restriction: 'providers', own: false }]);
  });
});

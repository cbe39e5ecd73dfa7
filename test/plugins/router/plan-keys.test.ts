import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../../plugins/router/candidate.ts';
import { Decision } from '../../../plugins/router/decision.ts';
import { Health } from '../../../plugins/router/health.ts';
import { Plan } from '../../../plugins/router/plan.ts';
import type { FailureReason, Target } from '../../../providers/provider.ts';
import { anyCall, candidate, failure, groupOf, healthOptions, manualClock, provider, target } from './targets.ts';

const keys = (count: number) => Array.from({ length: count }, (_, at) => ({ key: `sk-${at}` }));

/** A priority route over the targets; `send` asks the next one and lets it fail. */
function rig(targets: readonly Target[]) {
  const clock = manualClock();
  const health = new Health(healthOptions, clock.now);
  const candidates = targets.map((each, slot) => candidate(health, each, slot));
  const group = groupOf(candidates);
  const plan = new Plan({ model: 'm', timeouts: {}, groups: [group] }, { health, random: Math.random }, anyCall, new Decision());
  const fail = (each: Candidate, reason: FailureReason, status = 0, retryAfterMs: number | null = null): string => {
    const admission = health.admit(each, plan.failedKeys(each));
    const failed = failure(reason, { status, retryAfterMs });
    if (health.blamesKey(admission, failed)) plan.keyFailed(each, admission.key);
    health.failed(admission, failed);
    return `${each.target.model}/${each.state.credentials.credential(admission.key).id}`;
  };
  /** Which targets were asked, and with which keys, when every send fails like this. */
  const all = (reason: FailureReason, status = 0, retryAfterMs: number | null = null) => {
    const asked: string[] = [];
    for (let next = plan.next('first'); next !== null; next = plan.failOver())
      asked.push(fail(next, reason, status, retryAfterMs));
    return asked;
  };
  return { clock, health, plan, fail, all, candidates };
}

describe('after a key has failed', () => {
  it.each([
    ['authentication', 401],
    ['authentication', 403],
    ['rate_limit', 429],
    ['quota', 402],
  ] as const)('A1 A3 A6: the same target is asked with another key at once, then others: %s %i', (reason, status) => {
    const up = provider('up', { api_keys: keys(4) });
    const other = provider('other');
    expect(rig([target('a', 1, up), target('b', 1, other)]).all(reason, status)).toEqual(['a/1', 'a/2', 'b/1', 'a/3', 'a/4']);
  });

  it.each(['server', 'timeout', 'connect'] as const)('nothing is asked with another key when the target failed: %s', (reason) => {
    const up = provider('up', { api_keys: keys(3) });
    expect(rig([target('a', 1, up), target('b', 1, up)]).all(reason)).toHaveLength(2);
  });

  it('a target that then fails itself is not asked again', () => {
    const up = provider('up', { api_keys: keys(3) });
    const { plan, fail } = rig([target('a', 1, up)]);
    fail(plan.next('first')!, 'authentication', 401);
    fail(plan.failOver()!, 'server', 500);
    expect(plan.failOver()).toBeNull();
  });

  it('the same key is never used twice for one call, whatever wait the provider names', () => {
    const up = provider('up', { api_keys: keys(3).map((key, at) => ({ ...key, weight: at === 0 ? 9 : 1 })) });
    expect(rig([target('a', 1, up)]).all('rate_limit', 429, 0)).toEqual(['a/1', 'a/2', 'a/3']);
  });

  it('a single key is not asked again', () => {
    expect(rig([target('a', 1, provider('up', { api_key: 'sk-0' }))]).all('authentication', 401)).toEqual(['a/1']);
  });

  it('A6: a key refused at one target is not tried at the next one of its provider', () => {
    const up = provider('up', { api_keys: keys(2) });
    expect(rig([target('a', 1, up), target('b', 1, up)]).all('authentication', 401)).toEqual(['a/1', 'a/2']);
  });

  it('A1: a key limited at one target may be used at the next one of its provider', () => {
    const up = provider('up', { api_keys: keys(2) });
    expect(
      rig([target('a', 1, up), target('b', 1, up)])
        .all('rate_limit', 429)
        .sort(),
    ).toEqual(['a/1', 'a/2', 'b/1', 'b/2']);
  });

  it('a target that is at its limit by then is passed over', () => {
    const up = provider('up', { api_keys: keys(2) });
    const { plan, fail, candidates } = rig([target('a', 1, up), target('b', 1, provider('other'))]);
    fail(plan.next('first')!, 'authentication', 401);
    candidates[0]!.state.limit = { limit: 0, answered() {}, refused() {} };
    expect(plan.failOver()?.target.model).toBe('b');
  });
});

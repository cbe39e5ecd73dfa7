import { expect, test } from 'vitest';
import { configuredTargets, targetLimit, targetSamples } from '../../../plugins/metrics/targets.ts';
import type { BreakerState, TargetHealth } from '../../../plugins/router/types.ts';
import type { Config } from '../../../schemas/config.ts';

const health = (target: string, breaker: BreakerState = 'closed', inFlight = 0): TargetHealth => ({
  target,
  provider: target.split('/')[0]!,
  model: target.slice(target.indexOf('/') + 1),
  breaker,
  unavailableUntil: null,
  consecutiveFailures: 0,
  inFlight,
  lastFailure: null,
  latencyMs: null,
  uptime: null,
  cacheShare: null,
  limit: null,
  share: 1,
  parked: [],
});

test('configured are the targets of models and the lists of providers, patterns left out', () => {
  const config = {
    models: { smart: { targets: [{ provider: 'a', model: 'm1' }] }, 'a/*': { targets: [{ provider: 'a', model: '*' }] } },
    providers: { b: { type: 't', models: ['org/m2'] }, c: { type: 't' } },
  } as unknown as Config;
  expect([...configuredTargets(config)]).toEqual(['a/m1', 'b/org/m2']);
});

test('a configured target has a sample of its own', () => {
  expect(targetSamples([health('a/m', 'half_open', 3)], new Set(['a/m']))).toEqual([{ target: 'a/m', breaker: 1, inFlight: 3 }]);
});

test('targets only callers named are folded into one sample per provider: worst breaker, sum in flight', () => {
  const named = Array.from({ length: 2000 }, (_, at) => health(`a/canary-${at}`, at === 7 ? 'open' : 'closed', 1));
  expect(targetSamples([...named, health('b/x')], new Set())).toEqual([
    { target: 'a/*', breaker: 2, inFlight: 2000 },
    { target: 'b/*', breaker: 0, inFlight: 0 },
  ]);
});

test('also configured targets are folded beyond the limit', () => {
  const many = Array.from({ length: targetLimit + 50 }, (_, at) => health(`a/m${at}`));
  const samples = targetSamples(many, new Set(many.map((each) => each.target)));
  expect(samples).toHaveLength(targetLimit + 1);
  expect(samples.at(-1)!.target).toBe('a/*');
});

import { expect, test } from 'vitest';
import { configuredTargets, targetLimit, targetSamples } from '../../../plugins/metrics/targets.ts';
import type { BreakerState, TargetHealth } from '../../../plugins/router/types.ts';
import type { Config } from '../../../schemas/config.ts';
import { targetHealth } from '../router/target-health.ts';

const health = (target: string, breaker: BreakerState = 'closed', inFlight = 0): TargetHealth =>
  targetHealth(target, { breaker, inFlight });

test('configured are the targets of models and the lists of providers, patterns left out', () => {
  const config = {
    models: { smart: { targets: [{ provider: 'a', model: 'm1' }] }, 'a/*': { targets: [{ provider: 'a', model: '*' }] } },
    providers: { b: { type: 't', models: ['org/m2'] }, c: { type: 't' } },
  } as unknown as Config;
  expect([...configuredTargets(config)]).toEqual(['a/m1', 'b/org/m2']);
});

test('a configured target has a sample of its own', () => {
  const shown = {
    ...health('a/m', 'half_open', 3),
    latencyMs: 250,
    uptime: 0.9,
    limit: 8,
    share: 0.5,
    exclusion: 'breaker' as const,
  };
  expect(targetSamples([shown], new Set(['a/m']))).toEqual([
    { target: 'a/m', breaker: 1, inFlight: 3, available: 0, latencySeconds: 0.25, uptime: 0.9, limit: 8, share: 0.5 },
  ]);
});

test('targets only callers named are folded into one sample per provider: worst breaker, sum in flight', () => {
  const named = Array.from({ length: 2000 }, (_, at) => health(`a/canary-${at}`, at === 7 ? 'open' : 'closed', 1));
  expect(targetSamples([...named, health('b/x')], new Set())).toEqual([
    expect.objectContaining({ target: 'a/*', breaker: 2, inFlight: 2000 }),
    expect.objectContaining({ target: 'b/*', breaker: 0, inFlight: 0 }),
  ]);
});

test('folded samples show the worst of each figure, what is not known left out', () => {
  const one = { ...health('a/x'), latencyMs: 100, uptime: 1, limit: 4, share: 1 };
  const other = { ...health('a/y'), latencyMs: 900, uptime: 0.2, limit: 6, share: 0.1, exclusion: 'keys' as const };
  const [sample] = targetSamples([one, health('a/z'), other], new Set());
  expect(sample).toEqual({
    target: 'a/*',
    breaker: 0,
    inFlight: 0,
    available: 0,
    latencySeconds: 0.9,
    uptime: 0.2,
    limit: null,
    share: 0.1,
  });
});

test('also configured targets are folded beyond the limit', () => {
  const many = Array.from({ length: targetLimit + 50 }, (_, at) => health(`a/m${at}`));
  const samples = targetSamples(many, new Set(many.map((each) => each.target)));
  expect(samples).toHaveLength(targetLimit + 1);
  expect(samples.at(-1)!.target).toBe('a/*');
});

import type { TargetHealth } from '../../../plugins/router/types.ts';

/** Health of a target (`provider/model`) that was never asked, with `changes`. */
export const targetHealth = (target: string, changes: Partial<TargetHealth> = {}): TargetHealth => ({
  target,
  provider: target.split('/')[0]!,
  model: target.slice(target.indexOf('/') + 1),
  breaker: 'closed',
  unavailableUntil: null,
  exclusion: null,
  consecutiveFailures: 0,
  inFlight: 0,
  lastFailure: null,
  latencyMs: null,
  uptime: null,
  cacheShare: null,
  limit: null,
  share: 1,
  parked: [],
  ...changes,
});

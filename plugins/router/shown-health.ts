import type { Target } from '../../providers/provider.ts';
import type { CredentialPool } from './credentials.ts';
import type { TargetState } from './target-state.ts';
import type { ParkedCredential, ParkedUntil, ProviderKeys, TargetHealth, Unavailability } from './types.ts';

// What is remembered of targets and keys as the outside is shown it: times of the router's clock become unix milliseconds.

/** `wait`: milliseconds until it may be asked again, 0 for now. `now`: of the router's clock. */
export function shownTarget(
  target: Target,
  state: TargetState,
  wait: number,
  exclusion: Unavailability | null,
  now: number,
): TargetHealth {
  const wall = Date.now();
  const { latency, uptime, cacheShare, limit } = state;
  return {
    target: target.id,
    provider: target.provider.name,
    model: target.model,
    breaker: state.breaker === 'open' && state.openUntil <= now ? 'half_open' : state.breaker,
    unavailableUntil: wait > 0 ? Math.ceil(wall + wait) : null,
    exclusion,
    consecutiveFailures: state.consecutive,
    inFlight: state.inFlight,
    lastFailure: state.lastFailure,
    latencyMs: latency.known ? latency.value(now) : null,
    uptime: uptime.known ? uptime.value : null,
    cacheShare: cacheShare.known ? cacheShare.value : null,
    limit: limit?.limit ?? null,
    share: state.share(now),
    parked: state.credentials.parked(now, state.keyRests).map((parked) => untilWhen(parked, wall)),
  };
}

export function shownKeys(pool: CredentialPool, now: number): ProviderKeys {
  const wall = Date.now();
  return { total: pool.size, parked: pool.parked(now).map((parked) => untilWhen(parked, wall)) };
}

function untilWhen({ id, reason, wait }: ParkedCredential, wall: number): ParkedUntil {
  return { id, reason, until: Math.ceil(wall + wait) };
}

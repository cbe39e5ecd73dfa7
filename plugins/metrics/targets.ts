import type { Registry } from 'prom-client';
import type { Config } from '../../schemas/config.ts';
import type { BreakerState, TargetHealth } from '../router/types.ts';
import { gauge } from './gauge.ts';

/** Series of targets at most; the rest is summed up per provider. */
export const targetLimit = 500;

const levels: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

/** One `target` label and what it shows; null where nothing is known. */
export interface TargetSample {
  readonly target: string;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
  readonly inFlight: number;
  /** 1 while it is offered to callers, else 0. */
  readonly available: number;
  readonly latencySeconds: number | null;
  readonly uptime: number | null;
  readonly limit: number | null;
  readonly share: number;
}

/** Targets the configuration names: `provider/model` of models and of the lists of providers, patterns left out. */
export function configuredTargets(config: Config): ReadonlySet<string> {
  const names = new Set<string>();
  for (const model of Object.values(config.models)) {
    for (const target of model.targets) if (target.model !== '*') names.add(`${target.provider}/${target.model}`);
  }
  for (const [name, provider] of Object.entries(config.providers)) {
    for (const model of provider.models ?? []) names.add(`${name}/${model}`);
  }
  return names;
}

/**
 * Samples with bounded labels. Callers may name any `provider/model`, so a target the configuration does not name is folded
 * into `provider/*`: the worst of each figure among those, and the sum of their requests in flight and of their limits.
 */
export function targetSamples(health: readonly TargetHealth[], known: ReadonlySet<string>): TargetSample[] {
  const samples = new Map<string, TargetSample>();
  for (const each of health) {
    const own = known.has(each.target) && samples.size < targetLimit;
    const target = own ? each.target : `${each.provider}/*`;
    const sample = sampleOf(target, each);
    const before = samples.get(target);
    samples.set(target, before === undefined ? sample : folded(before, sample));
  }
  return [...samples.values()];
}

function sampleOf(target: string, health: TargetHealth): TargetSample {
  return {
    target,
    breaker: levels[health.breaker],
    inFlight: health.inFlight,
    available: health.exclusion === null ? 1 : 0,
    latencySeconds: health.latencyMs === null ? null : health.latencyMs / 1000,
    uptime: health.uptime,
    limit: health.limit,
    share: health.share,
  };
}

function folded(a: TargetSample, b: TargetSample): TargetSample {
  return {
    target: a.target,
    breaker: Math.max(a.breaker, b.breaker),
    inFlight: a.inFlight + b.inFlight,
    available: Math.min(a.available, b.available),
    latencySeconds: known(Math.max, a.latencySeconds, b.latencySeconds),
    uptime: known(Math.min, a.uptime, b.uptime),
    limit: a.limit === null || b.limit === null ? null : a.limit + b.limit,
    share: Math.min(a.share, b.share),
  };
}

function known(join: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : join(a, b);
}

/** The series of targets, read when scraped. */
export function targetSeries(registry: Registry, samples: () => readonly TargetSample[]): void {
  const series = (name: string, help: string, figure: (sample: TargetSample) => number | null): void => {
    gauge(
      registry,
      name,
      help,
      (set) => {
        for (const sample of samples()) {
          const value = figure(sample);
          if (value !== null) set(value, { target: sample.target });
        }
      },
      ['target'],
    );
  };
  series(
    'postern_breaker_state',
    'Breaker of a target: 0 closed, 1 half-open, 2 open. Targets the configuration does not name are folded into provider/*.',
    ({ breaker }) => breaker,
  );
  series('postern_target_available', '1 while a target is offered to callers, else 0.', ({ available }) => available);
  series('postern_target_in_flight', 'Requests a target is working on.', ({ inFlight }) => inFlight);
  series('postern_target_limit', 'Requests a target may work on at once; absent where there is no limit.', ({ limit }) => limit);
  series(
    'postern_target_latency_seconds',
    'Time to the first content, peak EWMA; a failure counts as at least 5 s.',
    ({ latencySeconds }) => latencySeconds,
  );
  series(
    'postern_target_uptime_ratio',
    'Share of the latest attempts that did not fail through the target.',
    ({ uptime }) => uptime,
  );
  series(
    'postern_target_share_ratio',
    'Part of its share that a target gets while it comes back; 1: all of it.',
    ({ share }) => share,
  );
}

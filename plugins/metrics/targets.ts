import type { Config } from '../../schemas/config.ts';
import type { BreakerState, TargetHealth } from '../router/types.ts';

/** Series of targets at most; the rest is summed up per provider. */
export const targetLimit = 500;

const levels: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2 };

/** One `target` label and what it shows. */
export interface TargetSample {
  readonly target: string;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
  readonly inFlight: number;
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
 * into `provider/*`: the worst breaker of those, and the sum of their requests in flight.
 */
export function targetSamples(health: readonly TargetHealth[], known: ReadonlySet<string>): TargetSample[] {
  const samples = new Map<string, { target: string; breaker: number; inFlight: number }>();
  for (const each of health) {
    const own = known.has(each.target) && samples.size < targetLimit;
    const target = own ? each.target : `${each.provider}/*`;
    const sample = samples.get(target) ?? { target, breaker: 0, inFlight: 0 };
    sample.breaker = Math.max(sample.breaker, levels[each.breaker]);
    sample.inFlight += each.inFlight;
    samples.set(target, sample);
  }
  return [...samples.values()];
}

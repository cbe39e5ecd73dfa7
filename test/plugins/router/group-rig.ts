import { Candidate } from '../../../plugins/router/candidate.ts';
import { Decision } from '../../../plugins/router/decision.ts';
import { type Answered, Health } from '../../../plugins/router/health.ts';
import { Plan, type PlanCall } from '../../../plugins/router/plan.ts';
import { strategies } from '../../../plugins/router/strategies/index.ts';
import type { Route, TargetGroup } from '../../../plugins/router/types.ts';
import type { Rates } from '../../../plugins/usage/money.ts';
import type { FailureReason, Target } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { anyCall, failure, healthOptions, manualClock, target } from './targets.ts';

/** The same numbers for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface GroupOptions {
  readonly strategy: string;
  readonly weights?: readonly number[];
  readonly health?: Partial<Config['health']>;
  readonly config?: Partial<Config['models'][string]>;
  readonly ratesOf?: (target: Target) => Rates | null;
  readonly call?: Partial<PlanCall>;
}

/** One group of targets behind plans, on a clock moved by hand and with seeded randomness. */
export function group(options: GroupOptions) {
  const { strategy, weights = [1, 1, 1] } = options;
  const clock = manualClock();
  const random = seeded(7);
  const health = new Health({ ...healthOptions, ...options.health }, clock.now);
  const targets = weights.map((weight, at) => target(`m${at}`, weight));
  const candidates = targets.map((each, slot) => new Candidate(each, slot, health.state(each)));
  const config = options.config === undefined ? null : { targets: [], ...options.config };
  const ratesOf = options.ratesOf ?? (() => null);
  const selector = strategies.get(strategy)!.create(candidates, { random, config, ratesOf });
  const one: TargetGroup = { name: 'm', strategy, targets, candidates, selector, config, limits: null, cause: 'exhausted' };
  const route: Route = { model: 'm', groups: [one], timeouts: {} };
  const plan = () => new Plan(route, { health, random }, { ...anyCall, ...options.call }, new Decision());

  /** One call that succeeds at once, after `ms` of the clock; its slot, -1 when nothing was available. */
  function call(ms: (slot: number) => number = () => 0, answered: (slot: number) => Answered | null = () => null): number {
    const candidate = plan().next('first');
    if (candidate === null) return -1;
    const admission = health.admit(candidate);
    const took = ms(candidate.slot);
    clock.pass(took);
    health.succeeded(admission, answered(candidate.slot) ?? { usage: null, firstContentMs: took });
    return candidate.slot;
  }

  function fail(slot: number, reason: FailureReason = 'server', retryAfterMs: number | null = null): void {
    health.failed(health.admit(candidates[slot]!), failure(reason, { retryAfterMs }));
  }

  /** How many of `calls` went to each target. */
  function shares(calls: number, each: () => number = () => call()): number[] {
    const counts = weights.map(() => 0);
    for (let count = 0; count < calls; count++) {
      const slot = each();
      if (slot >= 0) counts[slot]!++;
    }
    return counts;
  }

  return { clock, random, health, candidates, plan, call, fail, shares };
}

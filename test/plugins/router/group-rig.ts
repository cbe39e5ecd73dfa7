import { Candidate } from '../../../plugins/router/candidate.ts';
import { Decision } from '../../../plugins/router/decision.ts';
import { type Answered, Health } from '../../../plugins/router/health.ts';
import { Plan, type PlanCall } from '../../../plugins/router/plan.ts';
import { strategies } from '../../../plugins/router/strategies/index.ts';
import type { Route } from '../../../plugins/router/types.ts';
import type { Rates } from '../../../plugins/usage/money.ts';
import type { FailureReason, Target } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { seeded } from '../../helper/cuts.ts';
import { anyCall, failure, groupOf, healthOptions, manualClock, target } from './targets.ts';

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
  const one = groupOf(candidates, strategy, { selector, config });
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

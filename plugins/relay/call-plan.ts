import type { GatewayError } from '../errors/classes.ts';
import type { Candidate, Health, Plan } from '../router/index.ts';
import { type Needs, needsOf } from '../router/needs.ts';
import { affinityKey } from './affinity-key.ts';
import type { RunContext, RunInput } from './context.ts';
import { noFirstTarget, nothingAllowed, nothingAvailable } from './refusals.ts';

/** What a plan is made of. */
export type PlanInput = Pick<RunInput, 'call' | 'estimatedInput' | 'restrictions' | 'own' | 'route' | 'decision'>;

/** The ordered targets of one call. */
export function planOf(
  { router }: Pick<RunContext, 'router'>,
  { call, estimatedInput, restrictions, own, route, decision }: PlanInput,
): Plan {
  let needs: Needs | null = null;
  return router.plan(
    route,
    {
      operation: call.operation,
      needs: () => (needs ??= needsOf(call, estimatedInput)),
      restrictions,
      callersKey: own !== null,
      affinityKey: (group) => affinityKey(call, group),
    },
    decision,
  );
}

/** Milliseconds the whole exchange may take: what the configuration says for its first target, or less where the caller says so. */
export function totalTimeout({ exchange, route, callerTimeout }: RunInput, { target }: Candidate): number {
  const configured = route.timeouts.total ?? target.provider.config.timeouts?.total ?? exchange.config.timeouts.total;
  return callerTimeout === null ? configured : Math.min(callerTimeout, configured);
}

/** No target is asked, and no failure of one is the reason. */
export function nothingToAsk({ route, call, own }: PlanInput, plan: Plan, health: Health): GatewayError {
  if (plan.first() === null) return noFirstTarget(route.model, call.operation, plan);
  return plan.possible().length === 0
    ? nothingAllowed(route.model, plan.disallowed())
    : nothingAvailable(route.model, plan, own === null ? health : null);
}

import { Candidate } from '../../../plugins/router/candidate.ts';
import { Health } from '../../../plugins/router/health.ts';
import type { Needs } from '../../../plugins/router/needs.ts';
import type { PlanCall } from '../../../plugins/router/plan.ts';
import { strategies } from '../../../plugins/router/strategies/index.ts';
import type { TargetGroup } from '../../../plugins/router/types.ts';
import { createInstance } from '../../../providers/instance.ts';
import type { FailureReason, ProviderInstance, ProviderType, Target, UpstreamFailure } from '../../../providers/provider.ts';
import type { Config, ProviderConfig } from '../../../schemas/config.ts';

/** A provider type that speaks nothing; `changes` add what a test needs. */
export function providerType(changes: Partial<ProviderType> = {}): ProviderType {
  return { type: 'acme', dialect: 'acme', defaults: {}, presets: {}, environment: [], translate: () => null, ...changes };
}

/** A provider that nobody connects to. */
export function provider(
  name: string,
  config: Partial<ProviderConfig> = {},
  type: ProviderType = providerType(),
): ProviderInstance {
  return createInstance(name, { type: type.type, base_url: `http://${name}.test/v1`, ...config }, type);
}

export function target(name: string, weight = 1, of: ProviderInstance = provider('acme')): Target {
  return { id: `${of.name}/${name}`, provider: of, model: name, weight };
}

/** A target as the router holds it, with what `health` remembers of it. */
export function candidate(health: Health, of: Target, slot = 0): Candidate {
  return new Candidate(of, slot, health.state(of));
}

/** A call that needs nothing in particular. */
export const plainNeeds: Needs = {
  operation: 'chat',
  input: [],
  output: [],
  tools: false,
  structuredOutput: false,
  inputTokens: 100,
  outputTokens: 0,
};

/** That call, as a plan asks for it. */
export const anyCall: PlanCall = {
  operation: 'chat',
  needs: () => plainNeeds,
  restrictions: null,
  affinityKey: () => null,
};

/** Candidates as the only group of a model, chosen by a strategy; or by a selector. */
export function groupOf(
  candidates: readonly Candidate[],
  strategy = 'priority',
  changes: Partial<TargetGroup> = {},
  random: () => number = Math.random,
): TargetGroup {
  return {
    name: 'm',
    strategy,
    targets: candidates.map(({ target }) => target),
    candidates,
    selector: strategies.get(strategy)!.create(candidates, { random, config: null, ratesOf: () => null }),
    config: null,
    limits: null,
    cause: 'exhausted',
    ...changes,
  };
}

/** A strategy over targets, each pick acted on. */
export interface Picker {
  pick(available: readonly Target[]): Target;
}

export function picker(strategy: string, targets: readonly Target[], random: () => number = Math.random): Picker {
  const health = new Health(healthOptions, () => 0);
  const candidates = new Map(targets.map((each, slot) => [each, candidate(health, each, slot)]));
  const tools = { random, config: null, ratesOf: () => null };
  const selector = strategies.get(strategy)!.create([...candidates.values()], tools);
  return {
    pick(available) {
      const open = available.map((each) => candidates.get(each)!);
      const chosen = selector.pick(open, { needs: plainNeeds, now: 0 });
      selector.chosen?.(chosen, open);
      return chosen.target;
    },
  };
}

export function failure(reason: FailureReason, changes: Partial<UpstreamFailure> = {}): UpstreamFailure {
  return { reason, status: 0, message: 'scripted', code: null, param: null, retryAfterMs: null, unsent: false, ...changes };
}

/** Every reason a failure can have; the type makes the list complete. */
export const reasons = Object.keys({
  invalid_request: 0,
  context_length: 0,
  content_policy: 0,
  too_large: 0,
  not_found: 0,
  prefix_lost: 0,
  authentication: 0,
  rate_limit: 0,
  quota: 0,
  caller_key: 0,
  caller_rate_limit: 0,
  caller_quota: 0,
  overloaded: 0,
  server: 0,
  redirect: 0,
  connect: 0,
  network: 0,
  timeout: 0,
  protocol: 0,
  truncated: 0,
} satisfies Record<FailureReason, 0>) as FailureReason[];

/** Health settings with short round numbers, milliseconds. */
export const healthOptions: Config['health'] = {
  consecutive_failures: 3,
  failure_ratio: 0.5,
  min_requests: 10,
  window: 10_000,
  open_for: 1_000,
  max_open_for: 4_000,
  rate_limit_rest: 500,
  quota_rest: 60_000,
  credential_rest: 10_000,
  slow_start: 0,
  max_rest: 60_000,
};

/** A clock that only moves when told. Begins away from zero, as monotonic clocks do. */
export function manualClock(at = 1_000_000): { now: () => number; pass(ms: number): void } {
  let time = at;
  return {
    now: () => time,
    pass(ms) {
      time += ms;
    },
  };
}

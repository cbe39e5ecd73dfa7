import { type Operation, type Target, TranslationError, type UpstreamFailure } from '../../providers/provider.ts';
import type { DryRunBody } from '../../schemas/admin-explain.ts';
import type { Config } from '../../schemas/config.ts';
import { readBody } from '../body.ts';
import { GatewayError } from '../errors/classes.ts';
import type { CallerKey, Principal } from '../exchange/index.ts';
import { type Admitted, admitted } from '../relay/admission.ts';
import { warnings, withIgnored } from '../relay/call.ts';
import { nothingToAsk, planOf } from '../relay/call-plan.ts';
import { newId } from '../relay/ids.ts';
import { clientError } from '../relay/outcome.ts';
import { type Candidate, Decision, type Plan, type Route, type RouterCore, type Selector } from '../router/index.ts';
import { needsOf } from '../router/needs.ts';
import type { RatesOf } from '../router/restrictions.ts';
import { RequestPrices } from '../router/strategies/request-price.ts';
import { estimateInput } from '../usage/estimate.ts';
import { formatUsd } from '../usage/usd.ts';
import { render } from './document.ts';
import { bounds, type DecisionRecorder } from './record.ts';

export interface DryRunTools {
  readonly router: RouterCore;
  readonly config: Config;
  readonly ratesOf: RatesOf;
  readonly recorder: DecisionRecorder;
}

/** A call that somebody could make. */
export interface DryRunCall {
  readonly principal: Principal;
  /** A provider's key that it brings; null: the operator's are used. */
  readonly callerKey: CallerKey | null;
  readonly operation: Operation;
  readonly dialect: string;
  /** As a client would send it; the schema of its route has checked it. */
  readonly body: unknown;
}

interface Order {
  readonly candidates: Candidate[];
  /** Names of their groups. */
  readonly groups: string[];
  /** Targets that cannot be asked that, and why. */
  readonly refused: { target: Target; failure: UpstreamFailure }[];
  /** The fields without effect at the first one. */
  ignored: readonly string[];
}

/** Steps of failover that are looked for. */
const mostSteps = 50;

export function errorBody(error: GatewayError): NonNullable<DryRunBody['error']> {
  const { status, message, type, param, code, retryAfterMs } = error;
  return { status, message, type, param, code, retry_after: retryAfterMs === null ? null : Math.ceil(retryAfterMs / 1000) };
}

/** What would be told of a call that is refused before a target is looked for. */
export function refusedRun(error: GatewayError): DryRunBody {
  return {
    target: null,
    order: [],
    max_attempts: 0,
    refused: [],
    waits_for: [],
    route: null,
    estimate: null,
    warnings: [],
    error: errorBody(error),
    decision: null,
  };
}

/** A selector that is asked and never told that its pick was acted on. */
function unaffected(selector: Selector): Selector {
  const pick: Selector['pick'] = (candidates, facts) => selector.pick(candidates, facts);
  return selector.score === undefined ? { pick } : { pick, score: (candidate, facts) => selector.score!(candidate, facts) };
}

const unaffectedRoute = (route: Route): Route => ({
  ...route,
  groups: route.groups.map((group) => ({ ...group, selector: unaffected(group.selector) })),
});

/** Goes the way of a run whose every attempt fails in a way that another target may mend. */
function follow(plan: Plan, { call }: Admitted): Order {
  const order: Order = { candidates: [], groups: [], refused: [], ignored: [] };
  while (order.candidates.length < mostSteps) {
    const candidate = plan.next(order.candidates.length === 0 ? 'first' : 'failover');
    if (candidate === null) {
      if (order.candidates.length === 0 && plan.full.length === 0 && plan.fallBackByLength()) continue;
      return order;
    }
    try {
      const translation = candidate.target.provider.type.translate(call, candidate.target, { id: newId, now: Date.now });
      if (translation === null) continue;
      if (order.candidates.length === 0) order.ignored = translation.ignored ?? [];
    } catch (error) {
      if (!(error instanceof TranslationError)) throw error;
      order.refused.push({ target: candidate.target, failure: error.failure });
      continue;
    }
    plan.sent(candidate);
    order.candidates.push(candidate);
    order.groups.push(plan.decision.choices.at(-1)!.group.name);
  }
  return order;
}

function usd(pico: number): string | null {
  return Number.isFinite(pico) ? formatUsd(Math.min(Math.round(pico / 1000), Number.MAX_SAFE_INTEGER)) : null;
}

const routeBody = (route: Route): DryRunBody['route'] => ({
  model: route.model,
  groups: route.groups.slice(0, bounds.choices).map(({ name, strategy, cause, targets }) => ({
    name,
    strategy,
    cause,
    targets: targets.slice(0, bounds.targets).map(({ id }) => id),
    targets_left_out: Math.max(0, targets.length - bounds.targets),
  })),
});

/** What would become of a call now. Sends nothing and changes nothing that the choice of later calls depends on. */
export function dryRun(tools: DryRunTools, call: DryRunCall): DryRunBody {
  try {
    return decided(tools, call);
  } catch (error) {
    if (error instanceof GatewayError) return refusedRun(error);
    throw error;
  }
}

function decided({ router, config, ratesOf, recorder }: DryRunTools, asked: DryRunCall): DryRunBody {
  const { principal, callerKey, operation, dialect } = asked;
  const body = readBody(Buffer.from(JSON.stringify(asked.body)));
  const admission = admitted(router, { principal, callerKey, config }, body, operation, dialect);
  const { call, restrictions, own, options } = admission;
  const route = unaffectedRoute(admission.route);
  const estimatedInput = estimateInput(body, operation);
  const decision = new Decision();
  decision.options = options;
  const startedAt = performance.now();
  const input = { call, estimatedInput, restrictions, own, route, decision };
  const plan = planOf({ router }, input);
  const order = follow(plan, admission);
  const [first] = order.candidates;
  const facts = { needs: needsOf(call, estimatedInput), now: router.targetHealth.now() };
  const prices = order.candidates.map((candidate) => usd(new RequestPrices(ratesOf).of(candidate, facts)));
  const waitsFor = first === undefined ? plan.full.map(({ target }) => target.id) : [];
  const failure = order.refused[0]?.failure;
  const error =
    first !== undefined || waitsFor.length > 0
      ? null
      : failure === undefined
        ? nothingToAsk(input, plan, router.targetHealth)
        : clientError(failure, false);
  const about = withIgnored(warnings(call), order.ignored);
  const record = recorder.record(
    {
      id: '',
      requestId: '',
      startedAt,
      startedWall: Date.now(),
      endedAt: 0,
      operation,
      stream: call.stream,
      model: admission.route.model,
      principal,
      outcome: 'ok',
      reason: null,
      status: 0,
      costNano: null,
    },
    decision,
  );
  return {
    target: first?.target.id ?? null,
    order: order.candidates.map(({ target }, at) => ({
      target: target.id,
      group: order.groups[at]!,
      cost_usd: prices[at]!,
    })),
    max_attempts: config.retries.max_attempts,
    refused: order.refused.slice(0, bounds.targets).map(({ target, failure: { message } }) => ({ target: target.id, message })),
    waits_for: waitsFor.slice(0, bounds.targets),
    route: routeBody(admission.route),
    estimate: {
      input_tokens: estimatedInput,
      output_tokens: facts.needs.outputTokens === 0 ? null : facts.needs.outputTokens,
      cost_usd: prices[0] ?? null,
    },
    warnings: about === null ? [] : about.split(', '),
    error: error === null ? null : errorBody(error),
    decision: render(record),
  };
}

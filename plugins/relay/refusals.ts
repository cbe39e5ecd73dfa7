import type { FailureReason, Operation } from '../../providers/provider.ts';
import {
  type GatewayError,
  PermissionError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
  ValidationError,
} from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Disallowed, Health, Plan, Restriction } from '../router/index.ts';
import type { NotWaiting } from '../router/waiting.ts';
import { failed } from '../upstream/index.ts';
import { clientError } from './outcome.ts';

// What a caller is told when no upstream answer is the reason.

/** No target could take the call, whatever its state. */
export function noFirstTarget(model: string, operation: Operation, { refusal }: Plan): GatewayError {
  return refusal === null ? operationNotOffered(model, operation) : clientError(refusal, false);
}

function operationNotOffered(model: string, operation: Operation): GatewayError {
  return new ValidationError(
    `No provider of the model \`${model}\` offers ${operation}; name one that does, or list it under providers.*.operations.`,
    'model',
    'unsupported_operation',
  );
}

/** What every target's keys rest for, when it is the same; null when the targets themselves are out. */
function commonRest(plan: Plan, health: Health | null): FailureReason | null {
  if (health === null) return null;
  const reasons = new Set(plan.possible().map((candidate) => health.keysRestFor(candidate)));
  return reasons.size === 1 ? [...reasons][0]! : null;
}

/**
 * Every target is out: limited by its provider, without a key that may be used, or broken. Nothing was sent. `health`: null for a call
 * with a key of its own, which no rest of keys concerns.
 */
export function nothingAvailable(model: string, plan: Plan, health: Health | null): GatewayError {
  const retryAfterMs = Math.max(1, plan.wait());
  const reason = commonRest(plan, health);
  if (reason === 'authentication' || reason === 'quota') {
    return clientError({ ...failed(reason, ''), retryAfterMs }, false);
  }
  if (reason === 'rate_limit') {
    return new RateLimitError(
      `Every provider of the model \`${model}\` limits the rate of requests. Wait as long as Retry-After says.`,
      { retryAfterMs },
    );
  }
  return new UnavailableError(
    `No provider of the model \`${model}\` can be used right now. Try again when Retry-After says, or use another model.`,
    'upstream_unavailable',
    { retryAfterMs },
  );
}

/** Targets could take the call, and what the caller or the configuration allows leaves none of them. */
export function nothingAllowed(model: string, disallowed: readonly Disallowed[]): GatewayError {
  if (disallowed.every(({ restriction }) => restriction === 'providers')) {
    return new PermissionError(
      `This key may not use the providers of the model \`${model}\` that could take the call. GET /v1/models lists the models it may use.`,
      'model_not_allowed',
      'model',
    );
  }
  const left = new Map<string, string[]>();
  for (const { target, restriction, own } of disallowed) {
    const by = own ? ownSayings[restriction] : sayings[restriction];
    const names = left.get(by) ?? [];
    left.set(by, names);
    names.push(target.id.slice(0, 100));
  }
  const why = [...left].map(([by, names]) => `${by} leaves out ${listed(names)}`).join('; ');
  const callers = disallowed.some(({ own }) => !own);
  return new ValidationError(
    `No target of the model \`${model}\` may answer: ${why}. ${callers ? 'Allow more in `gateway`, or name' : 'Name'} another model.`,
    callers ? 'gateway' : 'model',
    'no_target_allowed',
  );
}

const unknownPrice = ', as their price is unknown,';
const sayings: Readonly<Record<Restriction, string>> = {
  only: '`gateway.only`',
  ignore: '`gateway.ignore`',
  max_price: '`gateway.max_price`',
  unpriced: `\`gateway.max_price\`${unknownPrice}`,
  providers: 'what your gateway key may use',
  caller_key: 'the provider key you sent, which is for another provider,',
};
const ownSayings: Readonly<Record<Restriction, string>> = {
  ...sayings,
  max_price: "the model's own max_price",
  unpriced: `the model's own max_price${unknownPrice}`,
};

/** Names in a message: the first of many. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `\`${name}\``);
  return names.length > 5 ? `${shown.join(', ')} and ${names.length - 5} more` : shown.join(', ');
}

const notWaiting: Readonly<Record<NotWaiting, string>> = {
  full: ', and so is the queue',
  hopeless: ', and the queue is too long for its turn to come in time',
  displaced: '; its place in the queue went to a key with fewer calls there',
  expired: '',
};

/** Every target that could take the call has as many requests as it may have. `waited`: milliseconds. */
export function allBusy(model: string, waited: number, why: NotWaiting): GatewayError {
  const after = waited > 0 ? ` after ${Math.round(waited)} ms in the queue` : '';
  return new UnavailableError(
    `Every target of the model \`${model}\` is at its limit of requests${after}${notWaiting[why]}. Try again shortly.`,
    'gateway_overloaded',
    { retryAfterMs: 1000 },
  );
}

export function ledgerUnavailable(): GatewayError {
  return new UnavailableError(
    'The usage ledger cannot be written, so nothing that costs money is sent. Tell the operator.',
    'gateway_overloaded',
  );
}

/** Null when nobody is left to be told. `sends`: upstream sends made so far. */
export function cancelError(reason: CancelReason, sends: number): GatewayError | null {
  if (reason === 'deadline') {
    const message =
      'The answer did not arrive within the total time allowed (timeouts.total, the header x-postern-timeout, or gateway.timeout).';
    return new TimeoutError(message, { shouldRetry: sends <= 1 });
  }
  if (reason === 'shutdown') return new UnavailableError('This gateway is shutting down; try again.', 'gateway_draining');
  return null;
}

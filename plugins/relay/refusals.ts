import type { FailureReason, Operation } from '../../providers/provider.ts';
import { type GatewayError, RateLimitError, TimeoutError, UnavailableError, ValidationError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Health, Plan } from '../router/index.ts';
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
function commonRest(plan: Plan, health: Health): FailureReason | null {
  const reasons = new Set(plan.possible().map((candidate) => health.keysRestFor(candidate)));
  return reasons.size === 1 ? [...reasons][0]! : null;
}

/** Every target is out: limited by its provider, without a key that may be used, or broken. Nothing was sent. */
export function nothingAvailable(model: string, plan: Plan, health: Health): GatewayError {
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
export function nothingAllowed(model: string): GatewayError {
  return new ValidationError(
    `No target of the model \`${model}\` is left by \`gateway\` (only, ignore, max_price) and the model's own max_price. Allow more of them.`,
    'gateway',
    'no_target_allowed',
  );
}

/** Every target that could take the call has as many requests as it may have. */
export function allBusy(model: string, waited: number): GatewayError {
  const after = waited > 0 ? ` after ${Math.round(waited)} ms in the queue` : ', and so is the queue';
  return new UnavailableError(
    `Every target of the model \`${model}\` is at its limit of requests${after}. Try again shortly.`,
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
    const message = 'The answer did not arrive within the total time allowed (timeouts.total, or the header x-postern-timeout).';
    return new TimeoutError(message, { shouldRetry: sends <= 1 });
  }
  if (reason === 'shutdown') return new UnavailableError('This gateway is shutting down; try again.', 'gateway_draining');
  return null;
}

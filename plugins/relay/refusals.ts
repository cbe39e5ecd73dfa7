import type { Operation } from '../../providers/provider.ts';
import { type GatewayError, RateLimitError, TimeoutError, UnavailableError, ValidationError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Health, Plan } from '../router/index.ts';

// What a caller is told when no upstream answer is the reason.

export function operationNotOffered(model: string, operation: Operation): GatewayError {
  return new ValidationError(
    `No provider of the model \`${model}\` offers ${operation}; name one that does, or list it under providers.*.operations.`,
    'model',
    'unsupported_operation',
  );
}

/** Every target is out: limited by its provider, or broken. Nothing was sent. */
export function nothingAvailable(model: string, plan: Plan, health: Health): GatewayError {
  const retryAfterMs = Math.max(1, plan.wait());
  if (plan.targets().every((target) => health.isRateLimited(target))) {
    return new RateLimitError(
      `Every provider of the model \`${model}\` limits the rate of requests. Wait as long as Retry-After says.`,
      {
        retryAfterMs,
      },
    );
  }
  return new UnavailableError(
    `No provider of the model \`${model}\` can be used right now. Try again when Retry-After says, or use another model.`,
    'upstream_unavailable',
    { retryAfterMs },
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

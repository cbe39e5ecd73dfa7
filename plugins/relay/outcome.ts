import type { FailureReason, UpstreamFailure } from '../../providers/provider.ts';
import {
  AuthenticationError,
  type GatewayError,
  PermissionError,
  ProviderError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
} from '../errors/classes.ts';

// What a failed attempt means: may another target be asked, and what is the caller told when none is left.

interface Verdict {
  /** Another target may be asked. */
  readonly failOver: boolean;
  readonly tell: (failure: UpstreamFailure) => GatewayError;
}

/** Statuses by which an SDK understands something else than a wrong request: the key, the rate, try again. */
const otherMeaning: ReadonlySet<number> = new Set([401, 403, 407, 408, 409, 429]);

/** The caller's own fault: same status (else `status`), the provider's words (scrubbed), the parameter it named. */
const callersFault =
  (code: string | null, status = 400) =>
  (failure: UpstreamFailure): GatewayError =>
    new ProviderError(
      failure.status >= 400 && failure.status < 500 && !otherMeaning.has(failure.status) ? failure.status : status,
      'invalid_request_error',
      code,
      failure.message,
      {
        param: failure.param,
        code: code ?? failure.code,
        shouldRetry: false,
      },
    );

const broke = (message: string) => (): GatewayError => new ProviderError(502, 'server_error', 'upstream_error', message);

const verdicts: Readonly<Record<FailureReason, Verdict>> = {
  invalid_request: { failOver: false, tell: callersFault(null) },
  content_policy: { failOver: false, tell: callersFault(null) },
  context_length: { failOver: false, tell: callersFault('context_length_exceeded') },
  too_large: { failOver: false, tell: callersFault('request_too_large', 413) },
  not_found: {
    failOver: true,
    tell: (failure) =>
      new ProviderError(404, 'invalid_request_error', 'model_not_found', failure.message, { param: 'model', shouldRetry: false }),
  },
  prefix_lost: {
    failOver: true,
    tell: broke('The provider does not have the cached prompt any more that the request refers to.'),
  },
  authentication: {
    failOver: true,
    // Asked again it refuses again.
    tell: () =>
      new ProviderError(
        502,
        'server_error',
        'upstream_error',
        'This gateway has no credential that the provider takes. Your key is fine; tell the operator.',
        { shouldRetry: false },
      ),
  },
  rate_limit: {
    failOver: true,
    tell: (failure) =>
      new RateLimitError('The provider limits the rate of requests for this model. Wait as long as Retry-After says.', {
        retryAfterMs: failure.retryAfterMs ?? 1000,
      }),
  },
  quota: {
    failOver: true,
    tell: (failure) =>
      new UnavailableError("The gateway's account at the provider has no quota left; tell the operator.", undefined, {
        retryAfterMs: failure.retryAfterMs ?? 60_000,
      }),
  },
  caller_key: {
    failOver: false,
    tell: ({ status }) =>
      status === 403
        ? new PermissionError('The provider does not let the key you sent for it do this. Check what that key may do there.')
        : new AuthenticationError('The provider refused the key you sent for it. Check that key; this gateway does not know it.'),
  },
  caller_rate_limit: {
    failOver: true,
    tell: (failure) =>
      new RateLimitError(
        'The provider limits the rate of requests of the key you sent for it. Wait as long as Retry-After says.',
        {
          retryAfterMs: failure.retryAfterMs ?? 1000,
        },
      ),
  },
  caller_quota: {
    failOver: false,
    tell: ({ status, retryAfterMs }) =>
      new ProviderError(
        status === 402 ? 402 : 429,
        'insufficient_quota',
        'insufficient_quota',
        'The account of the key you sent for the provider has no quota left. See to it there, or send another key.',
        { retryAfterMs, shouldRetry: false },
      ),
  },
  overloaded: {
    failOver: true,
    tell: (failure) =>
      new UnavailableError('The provider is overloaded; try again shortly.', undefined, {
        retryAfterMs: failure.retryAfterMs ?? 1000,
      }),
  },
  server: { failOver: true, tell: broke('The provider failed to answer this request.') },
  redirect: {
    failOver: false,
    tell: broke('The provider answered with a redirect, which is never followed; check its base URL.'),
  },
  connect: { failOver: true, tell: broke('The provider could not be reached.') },
  network: { failOver: true, tell: broke('The connection to the provider broke before its answer was complete.') },
  timeout: { failOver: true, tell: () => new TimeoutError('The provider did not answer in time.') },
  protocol: { failOver: true, tell: broke('The provider sent an answer that cannot be understood.') },
  truncated: { failOver: true, tell: broke('The provider ended its answer before it was complete.') },
};

export function mayFailOver(reason: FailureReason): boolean {
  return verdicts[reason].failOver;
}

/** A request on which two different providers break is more likely the cause than they are. */
export function breaksProviders(reason: FailureReason): boolean {
  return reason === 'server';
}

/** `retried`: the gateway has tried more than once, or may not try again; an SDK that repeats it would multiply the load. */
export function clientError(failure: UpstreamFailure, retried: boolean): GatewayError {
  const error = verdicts[failure.reason].tell(failure);
  if (!retried || !error.shouldRetry) return error;
  const { status, type, code, message, param, retryAfterMs } = error;
  return new ProviderError(status, type, code, message, { param, retryAfterMs, shouldRetry: false });
}

/** The one event that ends a stream which broke after content was sent. */
export function interruption(error: GatewayError): { message: string; type: string; param: string | null; code: string } {
  return { message: error.message, type: error.type, param: error.param, code: 'stream_interrupted' };
}

import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RateLimitError } from '../errors/index.ts';

export interface FailedAttemptsOptions {
  /** Failures of one address in a window that are still answered with the failure itself. */
  readonly max: number;
  /** Milliseconds. */
  readonly window: number;
}

/** Counts a failed authentication; resolves false once the address has had too many, with the time until it may try again. */
export type CountFailure = (request: FastifyRequest) => Promise<{ readonly allowed: boolean; readonly retryAfterMs: number }>;

/** IPv6 callers are counted by their /64, the smallest block a network hands out. A unix socket has no address: one counter. */
const addressOf = (request: FastifyRequest): string => (request.ip === undefined ? 'unix' : rateLimit.normalizeIP(request.ip));

/**
 * A counter of failed authentications by address, over the `@fastify/rate-limit` registered on `app` with `global: false`.
 * Its store keeps the 5,000 addresses seen last, so memory is bounded.
 */
export function failedAttempts(app: FastifyInstance, options: FailedAttemptsOptions): CountFailure {
  const check = app.createRateLimit({ max: options.max, timeWindow: options.window, keyGenerator: addressOf });
  return async (request) => {
    const result = await check(request);
    if (result.isAllowed || !result.isExceeded) return { allowed: true, retryAfterMs: 0 };
    return { allowed: false, retryAfterMs: Math.max(1, result.ttl) };
  };
}

/** 429 for an address that guesses. An SDK must not repeat the call: the key is wrong, waiting does not mend it. */
export const tooManyFailures = (retryAfterMs: number): RateLimitError =>
  new RateLimitError(
    'Too many failed authentications from this address. Check the key, then wait for the seconds in the retry-after header.',
    { retryAfterMs, shouldRetry: false },
  );

import type { FailureReason, UpstreamFailure, UpstreamHead } from '../provider.ts';
import { embeddedFailure, readFailure } from '../wire/failure.ts';
import { isObject, type JsonObject } from '../wire/json.ts';

/** Bytes of an error body that are looked through. */
const MAX_BODY = 65_536;

/** What a request asked for that its failure may be about. */
export interface Asked {
  /** The caller names a cached content in `google.cached_content`. */
  readonly ownCachedContent?: boolean;
}

/** A non-2xx answer (`google.rpc.Status`, also in an array of one) as a failure. */
export function geminiFailure(head: UpstreamHead, bytes: Buffer, secrets: readonly string[], asked: Asked = {}): UpstreamFailure {
  return refined(readFailure(head, bytes, secrets), parsed(bytes), asked);
}

/** The error inside a 200, as an object or in an array; null for none. */
export function answerFailure(document: unknown, secrets: readonly string[]): UpstreamFailure | null {
  const failure = embeddedFailure(document, secrets);
  return failure === null ? null : refined(failure, document, {});
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', 0, MAX_BODY));
  } catch {
    return null;
  }
}

/** What this API says by other means than its status. */
function refined(failure: UpstreamFailure, document: unknown, asked: Asked): UpstreamFailure {
  const error = errorOf(document);
  const message = typeof error?.message === 'string' ? error.message : '';
  const { status } = failure;
  if (status >= 400 && status < 500 && status !== 429 && /cached ?content/i.test(message)) {
    if (TOO_SMALL.test(message)) return { ...failure, reason: 'invalid_request', code: 'prefix_too_small' };
    // Expired and of another key look the same: 403 "CachedContent not found (or permission denied)".
    return asked.ownCachedContent === true
      ? { ...failure, reason: 'invalid_request', param: 'google.cached_content' }
      : { ...failure, reason: 'prefix_lost' };
  }
  const reason = reasonOf(failure, error, message);
  return reason === failure.reason ? failure : { ...failure, reason };
}

/** `Cached content is too small. total_token_count=…`, `The cached content is of 900 tokens. The minimum token count …` */
const TOO_SMALL = /too small|minimum token count/i;

function reasonOf(failure: UpstreamFailure, error: JsonObject | null, message: string): FailureReason {
  switch (failure.status) {
    case 400:
      // The operator's account, not the caller's request.
      if (/user location is not supported/i.test(message)) return 'authentication';
      return /enable billing|billing account/i.test(message) ? 'quota' : failure.reason;
    case 429:
      return isSpent(error, message) ? 'quota' : failure.reason;
    case 499: // CANCELLED
      return 'server';
  }
  return failure.reason;
}

/** A limit per day, or one of 0: waiting a few seconds does not help. */
function isSpent(error: JsonObject | null, message: string): boolean {
  if (/\blimit: 0\b/.test(message)) return true;
  const details = Array.isArray(error?.details) ? error.details.slice(0, 32) : [];
  return details.some((detail) => {
    const violations = isObject(detail) && Array.isArray(detail.violations) ? detail.violations.slice(0, 32) : [];
    return violations.some((each) => isObject(each) && typeof each.quotaId === 'string' && /PerDay/.test(each.quotaId));
  });
}

function errorOf(document: unknown): JsonObject | null {
  const outer = Array.isArray(document) ? document[0] : document;
  return isObject(outer) && isObject(outer.error) ? outer.error : null;
}

import type { UpstreamFailure, UpstreamHead } from '../provider.ts';
import { embeddedFailure, readFailure } from '../wire/failure.ts';
import { isObject } from '../wire/json.ts';

/** The account has no money or allowance left; said with 400, 403 and 429 too. */
const SPENT =
  /credit balance is too low|reached your specified API usage limits|(?:usage|spend(?:ing)?) limits?\b[^.]{0,80}\breached|reached[^.]{0,80}\b(?:usage|spend(?:ing)?) limit/i;
/** The same as `error.details.error_code` (SDK 1.12: `enforced_spend_limit_reached`, `contract_spend_limit_reached`, …). */
const SPENT_CODE = /(?:spend_limit_reached|billing_unavailable)$/;

const REQUEST_ID = /^req_[A-Za-z0-9_-]{1,64}$/;

/** Bytes of an error body that are read. */
const MAX_BODY = 65_536;

/** A non-2xx answer: `{type: "error", error: {type, message, details?}, request_id}`. 529 is `overloaded`. */
export function failureOf(head: UpstreamHead, bytes: Buffer, secrets: readonly string[]): UpstreamFailure {
  const { 'request-id': header } = head.headers;
  return refined(readFailure(head, bytes, secrets), parsed(bytes), header);
}

/** The status that each error has where it is not inside of a 200 (SDK 1.12, `ErrorType`; the API's page of errors). */
const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

/** The error that a 2xx document or an event carries, with its own status; null when it carries none. */
export function embedded(document: unknown, secrets: readonly string[]): UpstreamFailure | null {
  const failure = embeddedFailure(document, secrets);
  if (failure === null) return null;
  const status = isObject(document) && isObject(document.error) ? STATUSES.get(document.error.type) : undefined;
  return refined(failure.status < 400 && status !== undefined ? { ...failure, status } : failure, document, null);
}

function refined(failure: UpstreamFailure, document: unknown, header: unknown): UpstreamFailure {
  const reason = isSpent(failure, document) ? 'quota' : failure.reason;
  // The request's id is what the vendor's support asks for.
  const id = isObject(document) && typeof document.request_id === 'string' ? document.request_id : header;
  const message = typeof id === 'string' && REQUEST_ID.test(id) ? `${failure.message} (${id})` : failure.message;
  return { ...failure, reason, message };
}

function isSpent({ reason, message }: UpstreamFailure, document: unknown): boolean {
  if (reason !== 'invalid_request' && reason !== 'authentication' && reason !== 'rate_limit') return false;
  const error = isObject(document) && isObject(document.error) ? document.error : {};
  const code = isObject(error.details) ? error.details.error_code : undefined;
  return (typeof code === 'string' && code.length <= 128 && SPENT_CODE.test(code)) || SPENT.test(message);
}

function parsed(bytes: Buffer): unknown {
  try {
    return bytes.length > MAX_BODY ? null : JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

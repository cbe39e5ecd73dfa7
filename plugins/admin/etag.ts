import { GatewayError } from '../errors/index.ts';

/** Entity tag of the version of something that can be changed. */
export const etagOf = (version: number | null): string => `"v${version ?? 0}"`;

/** 412: someone else changed it since the caller has read it. */
export const changedMeanwhile = (): GatewayError =>
  new GatewayError(
    412,
    'invalid_request_error',
    'precondition_failed',
    'This was changed since you read it. Get it again, apply your change to that, and send its new ETag as If-Match.',
    { shouldRetry: false },
  );

/** Holds `If-Match` (RFC 9110 §13.1.1: a list of entity tags, or `*`) against a version. Throws `GatewayError` 412; absent, anything goes. */
export function checkIfMatch(header: string | undefined, version: number): void {
  if (header === undefined) return;
  const etag = etagOf(version);
  if (!header.split(',').some((each) => each.trim() === '*' || each.trim() === etag)) throw changedMeanwhile();
}

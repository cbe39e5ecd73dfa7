import type { UpstreamHead } from '../provider.ts';
import { isObject } from './json.ts';

/** Longest wait believed: one hour. */
const MAX_MS = 3_600_000;

function header(head: UpstreamHead, name: string): string | null {
  const value = head.headers[name];
  const first = Array.isArray(value) ? value[0] : value;
  return first === undefined ? null : first.trim();
}

function clamp(ms: number): number {
  return Math.min(MAX_MS, Math.max(0, Math.ceil(ms)));
}

const DECIMAL = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/**
 * The wait an answer asks for, milliseconds, 0..3,600,000; null when it names none that can be read. Looked at in this order:
 * `retry-after-ms` (OpenAI's own), `retry-after` as seconds (fractions allowed) or HTTP date (RFC 9110 section 10.2.3; measured
 * from `now`, Unix milliseconds, by default the answer's own `date` header), then `google.rpc.RetryInfo` in the body.
 */
export function retryAfter(head: UpstreamHead, body: unknown, now?: number): number | null {
  const ms = header(head, 'retry-after-ms');
  if (ms !== null && DECIMAL.test(ms)) return clamp(Number(ms));
  const after = header(head, 'retry-after');
  if (after !== null) {
    if (DECIMAL.test(after)) return clamp(Number(after) * 1000);
    // Every form of an HTTP date begins with the name of a day; Date.parse alone reads far more than that.
    const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/i.test(after) ? Date.parse(after) : Number.NaN;
    const reference = now ?? Date.parse(header(head, 'date') ?? '');
    if (!Number.isNaN(date) && !Number.isNaN(reference)) return clamp(date - reference);
  }
  return retryInfo(body);
}

/** `details[]` of a google.rpc.Status: `{"@type": "…RetryInfo", "retryDelay": "34.4s"}`. */
function retryInfo(body: unknown): number | null {
  const status = Array.isArray(body) ? body[0] : body;
  const error = isObject(status) && isObject(status.error) ? status.error : null;
  if (error === null || !Array.isArray(error.details)) return null;
  for (const detail of error.details.slice(0, 32)) {
    if (!isObject(detail) || typeof detail.retryDelay !== 'string') continue;
    const seconds = /^(\d+(?:\.\d+)?)s$/.exec(detail.retryDelay)?.[1];
    if (seconds !== undefined) return clamp(Number(seconds) * 1000);
  }
  return null;
}

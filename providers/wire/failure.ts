import type { UpstreamFailure, UpstreamHead } from '../provider.ts';
import { isObject, type JsonObject, textOf } from './json.ts';
import { type ErrorSigns, reasonOf } from './reason.ts';
import { retryAfter } from './retry-after.ts';
import { scrub } from './scrub.ts';

/** Bytes of an error body that are read. */
const MAX_BODY = 65_536;

const IDENTIFIER = /^[A-Za-z0-9_.:[\]-]{1,128}$/;

const NO_HEAD: UpstreamHead = { status: 0, headers: {} };

/**
 * A non-2xx answer as a failure. Reads the error bodies of OpenAI, Anthropic, Gemini (also wrapped in a one-element array),
 * vLLM and FastAPI, plain text and markup; `secrets` never appear in the message. `now` as in `retryAfter`.
 */
export function readFailure(head: UpstreamHead, bytes: Buffer, secrets: readonly string[], now?: number): UpstreamFailure {
  const text = bytes.subarray(0, MAX_BODY).toString('utf8');
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Plain text or markup: the text itself is the message.
  }
  const error = errorObject(body);
  const message = error === null ? (typeof body === 'string' ? body : '') : messageOf(error);
  return build(head, head.status, error ?? {}, message, body, secrets, now);
}

/**
 * The error a 2xx JSON document carries, null when it carries none: a truthy `error` (object or text), `{"object":"error"}`
 * (vLLM), `{"type":"error"}` (Anthropic), any of them in an array. The status is the one embedded in it, 0 when there is none.
 */
export function embeddedFailure(document: unknown, secrets: readonly string[] = []): UpstreamFailure | null {
  const outer = Array.isArray(document) ? document[0] : document;
  if (!isObject(outer)) return null;
  if (!outer.error && outer.object !== 'error' && outer.type !== 'error') return null;
  const error = errorObject(outer) ?? {};
  return build(NO_HEAD, embeddedStatus(error) || embeddedStatus(outer), error, messageOf(error), document, secrets);
}

/** The object that has the error's members, in any of the known forms. */
function errorObject(body: unknown): JsonObject | null {
  const outer = Array.isArray(body) ? body[0] : body;
  if (!isObject(outer)) return null;
  if (isObject(outer.error)) return outer.error;
  if (typeof outer.error === 'string') return { ...outer, message: textOf(outer.message) ?? outer.error };
  return outer;
}

function messageOf(error: JsonObject): string {
  const message = textOf(error.message) ?? textOf(error.detail) ?? textOf(error.msg);
  if (message !== null) return message;
  // FastAPI: detail: [{loc, msg}]; Mistral puts that under message.
  const inner = isObject(error.message) ? (error.message.detail ?? error.message) : (error.detail ?? error.message);
  const first = Array.isArray(inner) ? inner[0] : inner;
  if (!isObject(first)) return '';
  const where = Array.isArray(first.loc) ? first.loc.filter((step) => step !== 'body').join('.') : '';
  const said = textOf(first.msg) ?? textOf(first.message) ?? '';
  return where === '' ? said : `${where}: ${said}`;
}

function embeddedStatus(error: JsonObject): number {
  for (const value of [error.code, error.status_code, error.status]) {
    const number = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= 400 && number <= 599) return number;
  }
  return 0;
}

function identifier(value: unknown): string | null {
  return typeof value === 'string' && IDENTIFIER.test(value) && !/^\d+$/.test(value) ? value : null;
}

/** `ErrorInfo.reason` of a google.rpc.Status, where a refused key shows. */
function detailReason(error: JsonObject): string | null {
  if (!Array.isArray(error.details)) return null;
  for (const detail of error.details.slice(0, 32)) {
    const reason = isObject(detail) ? identifier(detail.reason) : null;
    if (reason !== null) return reason;
  }
  return null;
}

function build(
  head: UpstreamHead,
  status: number,
  error: JsonObject,
  rawMessage: string,
  body: unknown,
  secrets: readonly string[],
  now?: number,
): UpstreamFailure {
  const code = identifier(error.code) ?? identifier(error.status);
  const signs: ErrorSigns = {
    codes: [code, detailReason(error)],
    type: identifier(error.type),
    message: rawMessage.slice(0, 2048),
  };
  const message = scrub(rawMessage, secrets);
  return {
    reason: reasonOf(status, signs),
    status,
    message: message === '' ? defaultMessage(status) : message,
    code: code === null ? null : scrubbedOrNull(code, secrets),
    param: typeof error.param === 'string' && IDENTIFIER.test(error.param) ? scrubbedOrNull(error.param, secrets) : null,
    retryAfterMs: retryAfter(head, body, now),
    unsent: false,
  };
}

function scrubbedOrNull(text: string, secrets: readonly string[]): string | null {
  return scrub(text, secrets) === text ? text : null;
}

function defaultMessage(status: number): string {
  return status === 0 ? 'The provider sent an error without a message.' : `The provider answered with status ${status}.`;
}

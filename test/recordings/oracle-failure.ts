import { count, type ExpectedFailure, type Json, object, text } from './expected.ts';

/** The error a document carries, null for none: an object `error`, also in an array of one. */
export function errorOf(document: unknown): Json | null {
  const outer = object(Array.isArray(document) ? document[0] : document);
  return typeof outer.error === 'object' && outer.error !== null ? object(outer.error) : null;
}

const statusOfType: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
};

/** What a client is told of an error. `status`: the upstream's own, 200 where the error came inside an answer. */
export function expectedFailure(status: number, error: Json, afterContent: boolean): ExpectedFailure {
  const code = text(error.code) ?? text(error.status);
  const type = text(error.type) ?? text(error.status)?.toLowerCase() ?? '';
  const said = status === 200 ? (count(error.status_code) ?? count(error.code) ?? statusOfType[type] ?? 502) : status;
  if (/quota|billing|credit_balance/.test(`${type} ${code}`))
    return ours(503, 'server_error', 'upstream_unavailable', afterContent);
  switch (said) {
    case 400:
    case 422: {
      const param = text(error.param);
      // A link may lead anywhere; it is no part of the message.
      const message = /https?:/.test(String(error.message)) ? null : text(error.message);
      return { kind: 'failure', status: said, type: 'invalid_request_error', code, param, message, afterContent };
    }
    case 404:
      return { ...ours(404, 'invalid_request_error', 'model_not_found', afterContent), param: 'model' };
    case 429:
      return ours(429, 'requests', 'rate_limit_exceeded', afterContent);
    case 503:
    case 529:
      return ours(503, 'server_error', 'upstream_unavailable', afterContent);
    case 504:
      return ours(504, 'server_error', 'upstream_timeout', afterContent);
    default:
      return ours(502, 'server_error', 'upstream_error', afterContent);
  }
}

/** What a client is told of an answer that broke off or makes no sense. */
export function brokenAnswer(afterContent: boolean): ExpectedFailure {
  return ours(502, 'server_error', 'upstream_error', afterContent);
}

function ours(status: number, type: string, code: string, afterContent: boolean): ExpectedFailure {
  return { kind: 'failure', status, type, code, param: null, message: null, afterContent };
}

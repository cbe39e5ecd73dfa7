import { GatewayError } from './classes.ts';

/** The caller may not be told more than this about a fault of ours. */
const internal = new GatewayError(
  500,
  'server_error',
  'internal_error',
  'The gateway failed to handle this request. It has been logged; quote the x-request-id when reporting it.',
  { shouldRetry: false },
);

type Render = (error: FrameworkError) => GatewayError;

interface FrameworkError {
  readonly code?: string;
  readonly statusCode?: number;
  readonly message: string;
  readonly validation?: readonly { instancePath: string; keyword: string; params: Record<string, unknown>; message?: string }[];
  readonly validationContext?: string;
}

const refused = (status: number, code: string, message: string): GatewayError =>
  new GatewayError(status, 'invalid_request_error', code, message, { shouldRetry: false });

const unsupportedMediaType = () =>
  refused(415, 'unsupported_media_type', 'Send the body as JSON with the header "content-type: application/json".');

/** Failures the framework raises by itself, by its own code. */
const framework: Readonly<Record<string, Render>> = {
  FST_ERR_VALIDATION: invalidField,
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    refused(413, 'request_too_large', 'The request body is larger than this gateway takes (server.body_limit).'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unsupportedMediaType,
  FST_ERR_CTP_EMPTY_TYPE: unsupportedMediaType,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => refused(400, 'invalid_http', 'The body is not as long as its Content-Length says.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => refused(400, 'invalid_json', 'The request body is empty; send a JSON object.'),
  FST_ERR_CTP_INVALID_JSON_BODY: () => refused(400, 'invalid_json', 'The request body is not valid JSON.'),
  FST_ERR_BAD_URL: () => refused(400, 'invalid_url', 'The request path is not a valid URL.'),
  FST_ERR_MAX_PARAM_LENGTH: () => refused(414, 'invalid_url', 'A part of the request path is too long.'),
};

/** `/messages/0/role` -> `messages[0].role`. */
function parameterName(path: string, extra?: string): string | null {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (extra !== undefined) parts.push(extra);
  const name = parts.reduce((all, part) => (/^\d+$/.test(part) ? `${all}[${part}]` : all === '' ? part : `${all}.${part}`), '');
  return name === '' ? null : name;
}

/** What a field of the schema's own values may be: one failure for each of them comes first. */
function choicesOf(failures: NonNullable<FrameworkError['validation']>): string[] {
  const at = failures[0]!.instancePath;
  const other = failures.findIndex(({ keyword, instancePath }) => keyword !== 'const' || instancePath !== at);
  return failures.slice(0, other < 0 ? undefined : other).map(({ params }) => String(params.allowedValue));
}

function invalidField(error: FrameworkError): GatewayError {
  const first = error.validation?.[0];
  if (first === undefined) return refused(400, 'invalid_value', 'The request is not valid.');
  if (error.validationContext === 'body' && first.instancePath === '' && first.keyword === 'type') {
    return refused(400, 'invalid_json', 'Send a JSON object as the request body.');
  }
  const missing = first.keyword === 'required' ? String(first.params.missingProperty) : undefined;
  const surplus = first.keyword === 'additionalProperties' ? String(first.params.additionalProperty) : undefined;
  const param = parameterName(first.instancePath, missing ?? surplus);
  const where = param === null ? `The request ${error.validationContext ?? 'body'}` : `'${param}'`;
  const details = { param, shouldRetry: false };
  if (missing !== undefined) {
    return new GatewayError(400, 'invalid_request_error', 'missing_required_parameter', `${where} is required.`, details);
  }
  if (surplus !== undefined) {
    return new GatewayError(400, 'invalid_request_error', 'unknown_parameter', `${where} is not known here.`, details);
  }
  const code = first.keyword === 'type' ? 'invalid_type' : 'invalid_value';
  const choices = choicesOf(error.validation!);
  if (choices.length > 0) {
    const message = `${where} must be ${choices.length === 1 ? '' : 'one of '}${choices.join(', ')}.`;
    return new GatewayError(400, 'invalid_request_error', code, message, details);
  }
  return new GatewayError(400, 'invalid_request_error', code, `${where} ${first.message ?? 'is not valid'}.`, details);
}

const byStatus: Readonly<Record<number, string>> = {
  401: 'invalid_api_key',
  403: 'permission_denied',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'request_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limit_exceeded',
};

/** Any thrown value as a `GatewayError`: ours as it is, the framework's by table, an HTTP error by its status, else 500. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const known = error as FrameworkError;
  const code = known?.code;
  const render = typeof code === 'string' && Object.hasOwn(framework, code) ? framework[code] : undefined;
  if (render !== undefined) return render(known);
  const status = known?.statusCode;
  if (status !== undefined && status >= 400 && status < 500) {
    return refused(status, byStatus[status] ?? 'invalid_request', known.message);
  }
  return internal;
}

/** The one body every failure has. */
export function envelope(error: GatewayError): string {
  return JSON.stringify({ error: { message: error.message, type: error.type, param: error.param, code: error.code } });
}

/** A wait that is told is up to this many times as long as it has to be: everybody told at once would come back at once. */
const longest = 1.5;

/**
 * Headers of an error reply. A wait is whole seconds, and in milliseconds beside it, as the SDKs read both: never shorter than it
 * has to be, by chance up to half as long again (whole seconds: where that leaves a choice). `random`: numbers in [0, 1).
 */
export function errorHeaders(error: GatewayError, random: () => number = Math.random): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'x-should-retry': String(error.shouldRetry),
  };
  const { retryAfterMs } = error;
  if (retryAfterMs !== null) {
    const told = retryAfterMs * (1 + (longest - 1) * random());
    headers['retry-after'] = String(Math.max(Math.ceil(retryAfterMs / 1000), Math.floor(told / 1000)));
    headers['retry-after-ms'] = String(Math.ceil(told));
  }
  return headers;
}

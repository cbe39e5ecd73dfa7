import type { FailureReason } from '../provider.ts';

/** Error codes that say more than the status they come with. Source: the vendors' error references. */
const BY_CODE: Readonly<Record<string, FailureReason>> = {
  context_length_exceeded: 'context_length',
  string_above_max_length: 'context_length',
  content_policy: 'content_policy',
  content_policy_violation: 'content_policy',
  content_filter: 'content_policy',
  invalid_prompt: 'content_policy',
  insufficient_quota: 'quota',
  credit_balance_exhausted: 'quota',
  organization_usage_limit_exceeded: 'quota',
  billing_error: 'quota',
  billing_hard_limit_reached: 'quota',
  billing_not_active: 'quota',
  model_not_found: 'not_found',
  deploymentnotfound: 'not_found',
  invalid_api_key: 'authentication',
  incorrect_api_key: 'authentication',
  api_key_invalid: 'authentication',
  rate_limit_exceeded: 'rate_limit',
  server_is_overloaded: 'overloaded',
  request_too_large: 'too_large',
};

/** `error.type` (OpenAI, Anthropic, vLLM) and `error.status` (google.rpc.Code), for errors that come without an HTTP status. */
const BY_TYPE: Readonly<Record<string, FailureReason>> = {
  invalid_request_error: 'invalid_request',
  badrequesterror: 'invalid_request',
  invalid_argument: 'invalid_request',
  failed_precondition: 'invalid_request',
  out_of_range: 'invalid_request',
  authentication_error: 'authentication',
  authenticationerror: 'authentication',
  permission_error: 'authentication',
  permission_denied: 'authentication',
  unauthenticated: 'authentication',
  insufficient_quota: 'quota',
  billing_error: 'quota',
  not_found: 'not_found',
  not_found_error: 'not_found',
  notfounderror: 'not_found',
  request_too_large: 'too_large',
  rate_limit_error: 'rate_limit',
  ratelimiterror: 'rate_limit',
  too_many_requests: 'rate_limit',
  tokens: 'rate_limit',
  requests: 'rate_limit',
  resource_exhausted: 'rate_limit',
  slow_down: 'rate_limit',
  overloaded_error: 'overloaded',
  service_unavailable_error: 'overloaded',
  unavailable: 'overloaded',
  timeout_error: 'timeout',
  deadline_exceeded: 'timeout',
  api_error: 'server',
  server_error: 'server',
  internal: 'server',
  internal_error: 'server',
  internal_server_error: 'server',
  internalservererror: 'server',
};

const CONTEXT_WORDS =
  /maximum context length|context (?:length|window|size)[^.]{0,60}exceed|exceeds?[^.]{0,60}context|prompt is too long|input is too long|input token count[^.]{0,80}exceeds|too many (?:input )?tokens|reduce the length of the (?:messages|prompt|input)/i;

/** Codes of the 4xx statuses that the message may refine: some upstreams report an over-long prompt as plain 400. */
const MAY_BE_CONTEXT: ReadonlySet<FailureReason> = new Set(['invalid_request', 'too_large']);

/** What an HTTP status alone says. 1xx and whatever has no meaning here is `protocol`. */
export function reasonOfStatus(status: number): FailureReason {
  if (status >= 300 && status < 400) return 'redirect';
  switch (status) {
    case 400:
    case 422:
      return 'invalid_request';
    case 401:
    case 403:
      return 'authentication';
    case 402:
      return 'quota';
    case 404:
      return 'not_found';
    case 408:
    case 504:
      return 'timeout';
    case 413:
      return 'too_large';
    case 429:
      return 'rate_limit';
    case 498: // Groq: flex tier capacity exceeded
    case 503:
    case 529:
      return 'overloaded';
  }
  return status >= 500 && status < 600 ? 'server' : 'protocol';
}

/** What an error says about itself besides its status. */
export interface ErrorSigns {
  readonly codes: readonly (string | null)[];
  readonly type: string | null;
  readonly message: string;
}

/** The reason of a failure from its HTTP (or embedded) status, 0 for none, and what the error says about itself. */
export function reasonOf(status: number, signs: ErrorSigns): FailureReason {
  const byStatus = status === 0 ? null : reasonOfStatus(status);
  if (status === 0 || (status >= 400 && status < 500) || status === 503) {
    for (const code of signs.codes) {
      const reason = code === null ? undefined : reasonOfCode(code.toLowerCase());
      if (reason !== undefined) return reason;
    }
  }
  const type = signs.type?.toLowerCase() ?? '';
  if (status === 429 && type === 'insufficient_quota') return 'quota';
  const reason = byStatus ?? (Object.hasOwn(BY_TYPE, type) ? BY_TYPE[type]! : typeOfCodes(signs.codes)) ?? 'server';
  return MAY_BE_CONTEXT.has(reason) && CONTEXT_WORDS.test(signs.message) ? 'context_length' : reason;
}

function reasonOfCode(code: string): FailureReason | undefined {
  if (Object.hasOwn(BY_CODE, code)) return BY_CODE[code];
  return code.endsWith('_spend_limit_exceeded') || code.startsWith('billing_') ? 'quota' : undefined;
}

function typeOfCodes(codes: readonly (string | null)[]): FailureReason | null {
  for (const code of codes) {
    const key = code?.toLowerCase() ?? '';
    if (Object.hasOwn(BY_TYPE, key)) return BY_TYPE[key]!;
  }
  return null;
}

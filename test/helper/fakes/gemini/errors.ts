/** An error of the API in its own shape. */
export interface GeminiError {
  /** The HTTP status. */
  readonly status: number;
  readonly body: {
    readonly error: {
      readonly code: number;
      readonly message: string;
      readonly status: string;
      readonly details?: readonly unknown[];
    };
  };
}

const names: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** An error with the status name that belongs to its code, unless another is given. */
export function geminiError(status: number, message: string, details?: readonly unknown[], name?: string): GeminiError {
  const error = { code: status, message, status: name ?? names[status] ?? 'UNKNOWN' };
  return { status, body: { error: details === undefined ? error : { ...error, details } } };
}

/** 400 INVALID_ARGUMENT. */
export function invalid(message: string): GeminiError {
  return geminiError(400, message);
}

/** One field that could not be read. */
export interface Violation {
  /** Proto path, empty at the top. */
  readonly field: string;
  readonly description: string;
}

/** 400 with BadRequest details, as the JSON reader of the API answers: all that is wrong, one per line. */
export function unreadable(violations: readonly Violation[]): GeminiError {
  const fieldViolations = violations.map(({ field, description }) => (field === '' ? { description } : { field, description }));
  return geminiError(400, violations.map((violation) => violation.description).join('\n'), [
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations },
  ]);
}

/** 400, not 401: a key that does not exist. */
export function badKey(): GeminiError {
  return geminiError(400, 'API key not valid. Please pass a valid API key.', [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: 'API_KEY_INVALID',
      domain: 'googleapis.com',
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
    {
      '@type': 'type.googleapis.com/google.rpc.LocalizedMessage',
      locale: 'en-US',
      message: 'API key not valid. Please pass a valid API key.',
    },
  ]);
}

/** 403: no key at all. */
export function noKey(): GeminiError {
  return geminiError(
    403,
    "Method doesn't allow unregistered callers (callers without established identity). " +
      'Please use API Key or other form of API consumer identity to call this API.',
  );
}

/** 404 for a model that is not there or cannot do `method`. */
export function noModel(model: string, method: string): GeminiError {
  return geminiError(
    404,
    `models/${model} is not found for API version v1beta, or is not supported for ${method}. ` +
      'Call ListModels to see the list of available models and their supported methods.',
  );
}

/** 403, never 404: a cache that was deleted, expired or never there. */
export function noCache(): GeminiError {
  return geminiError(403, 'CachedContent not found (or permission denied)');
}

/** 429 with the wait in the body, in fractional seconds, and the quota that was hit. */
export function exhausted(seconds: number, quotaId = 'GenerateRequestsPerMinutePerProjectPerModel'): GeminiError {
  return geminiError(429, `You exceeded your current quota. Please retry in ${seconds}s.`, [
    {
      '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
      violations: [{ quotaMetric: 'generativelanguage.googleapis.com/generate_content_requests', quotaId, quotaValue: '10' }],
    },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` },
  ]);
}

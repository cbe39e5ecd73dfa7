// Everything this gateway refuses or fails with. `message` is for the caller: it says what to do next and never holds a
// key, a digest, an upstream URL, a header, a stack or a path.

export interface ErrorDetails {
  readonly param?: string | null;
  readonly code?: string | null;
  readonly type?: string;
  /** Milliseconds the caller should wait; becomes Retry-After. */
  readonly retryAfterMs?: number | null;
  /** What an SDK is told by `x-should-retry`. */
  readonly shouldRetry?: boolean;
  readonly cause?: unknown;
}

/** An error with its place in the OpenAI error envelope `{"error": {message, type, param, code}}`. */
export class GatewayError extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  readonly param: string | null;
  readonly retryAfterMs: number | null;
  readonly shouldRetry: boolean;

  constructor(status: number, type: string, code: string | null, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.status = status;
    this.type = details.type ?? type;
    this.code = details.code === undefined ? code : details.code;
    this.param = details.param ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.shouldRetry = details.shouldRetry ?? status >= 500;
  }
}

/** 400: the request is not what the API takes; `param` names the field. */
export class ValidationError extends GatewayError {
  constructor(message: string, param: string | null = null, code = 'invalid_value') {
    super(400, 'invalid_request_error', code, message, { param });
  }
}

/** 401: no key, or none that is known. The same for unknown, revoked, expired and malformed keys. */
export class AuthenticationError extends GatewayError {
  constructor(message: string) {
    super(401, 'invalid_request_error', 'invalid_api_key', message);
  }
}

/** 403: the key is good and may not do this. */
export class PermissionError extends GatewayError {
  constructor(message: string, code = 'permission_denied', param: string | null = null) {
    super(403, 'invalid_request_error', code, message, { param });
  }
}

/** 404: nothing is here. */
export class NotFoundError extends GatewayError {
  constructor(message: string, code = 'unknown_url') {
    super(404, 'invalid_request_error', code, message);
  }
}

/** 404: no provider answers for this model name. */
export class ModelNotFoundError extends GatewayError {
  constructor(message: string) {
    super(404, 'invalid_request_error', 'model_not_found', message, { param: 'model' });
  }
}

/** 429: the caller's own limit, or one the upstream put on it. */
export class RateLimitError extends GatewayError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(429, 'requests', 'rate_limit_exceeded', message, { shouldRetry: true, ...details });
  }
}

/** 503: nothing can take the request right now. */
export class UnavailableError extends GatewayError {
  constructor(message: string, code = 'upstream_unavailable', details: ErrorDetails = {}) {
    super(503, 'server_error', code, message, { retryAfterMs: 1000, ...details });
  }
}

/** 502 and whatever else an upstream's failure means to the caller. */
export class ProviderError extends GatewayError {}

/** 504: the upstream did not answer in time. */
export class TimeoutError extends GatewayError {
  constructor(message: string, details: ErrorDetails = {}) {
    super(504, 'server_error', 'upstream_timeout', message, details);
  }
}

/** 508: the request has been through this gateway before. */
export class LoopError extends GatewayError {
  constructor() {
    super(
      508,
      'invalid_request_error',
      'loop_detected',
      'This request already came through this gateway: a provider base URL leads back to it. Point the provider at the real server.',
      { shouldRetry: false },
    );
  }
}

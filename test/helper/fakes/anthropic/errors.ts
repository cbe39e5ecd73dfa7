/** An error of the API in its own shape. */
export interface AnthropicError {
  /** The HTTP status. */
  readonly status: number;
  readonly body: {
    readonly type: 'error';
    readonly error: { readonly type: string; readonly message: string };
    readonly request_id?: string;
  };
}

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** An error with the type that belongs to its status. */
export function anthropicError(status: number, message: string, type = types[status] ?? 'api_error'): AnthropicError {
  return { status, body: { type: 'error', error: { type, message } } };
}

/** 400 invalid_request_error. */
export function invalid(message: string): AnthropicError {
  return anthropicError(400, message);
}

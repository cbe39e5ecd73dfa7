import { describe, expect, it } from 'vitest';
import {
  AuthenticationError,
  type GatewayError,
  LoopError,
  ModelNotFoundError,
  NotFoundError,
  PermissionError,
  ProviderError,
  RateLimitError,
  TimeoutError,
  UnavailableError,
  ValidationError,
} from '../../../plugins/errors/classes.ts';
import { envelope, errorHeaders, toGatewayError } from '../../../plugins/errors/envelope.ts';

const text = 'Do something else.';

describe('the conventions of faults.md section 2', () => {
  it.each<[GatewayError, number, string, string, boolean]>([
    [new ValidationError(text), 400, 'invalid_request_error', 'invalid_value', false],
    [new AuthenticationError(text), 401, 'invalid_request_error', 'invalid_api_key', false],
    [new PermissionError(text, 'model_not_allowed', 'model'), 403, 'invalid_request_error', 'model_not_allowed', false],
    [new NotFoundError(text), 404, 'invalid_request_error', 'unknown_url', false],
    [new ModelNotFoundError(text), 404, 'invalid_request_error', 'model_not_found', false],
    [new RateLimitError(text), 429, 'requests', 'rate_limit_exceeded', true],
    [new UnavailableError(text), 503, 'server_error', 'upstream_unavailable', true],
    [new UnavailableError(text, 'gateway_draining'), 503, 'server_error', 'gateway_draining', true],
    [new UnavailableError(text, 'gateway_overloaded'), 503, 'server_error', 'gateway_overloaded', true],
    [new ProviderError(502, 'server_error', 'upstream_error', text), 502, 'server_error', 'upstream_error', true],
    [new TimeoutError(text), 504, 'server_error', 'upstream_timeout', true],
    [new LoopError(), 508, 'invalid_request_error', 'loop_detected', false],
  ])('%s', (error, status, type, code, shouldRetry) => {
    expect(error).toMatchObject({ status, type, code, shouldRetry });
    expect(error.name).toBe(error.constructor.name);
    expect(JSON.parse(envelope(error))).toEqual({ error: { message: error.message, type, param: error.param, code } });
  });

  it('every answer that asks to come back says when', () => {
    expect(new UnavailableError(text).retryAfterMs).toBe(1_000);
  });

  it('a fault of ours says nothing of itself', () => {
    const error = toGatewayError(new TypeError('cannot read secret of undefined'));
    expect(error).toMatchObject({ status: 500, type: 'server_error', code: 'internal_error', shouldRetry: false });
    expect(envelope(error)).not.toContain('secret');
  });
});

describe('headers of an error', () => {
  it('say the type, that it is not to be stored, and whether to repeat', () => {
    expect(errorHeaders(new ValidationError(text))).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-should-retry': 'false',
    });
  });

  it.each([
    [0, '0', '0'],
    [1, '1', '1'],
    [999.2, '1', '1000'],
    [1_000, '1', '1000'],
    [1_001, '2', '1001'],
    [3_600_000, '3600', '3600000'],
  ])('name a wait of %d ms in whole seconds, rounded up, and in milliseconds', (retryAfterMs, seconds, ms) => {
    expect(errorHeaders(new RateLimitError(text, { retryAfterMs }), () => 0)).toMatchObject({
      'retry-after': seconds,
      'retry-after-ms': ms,
      'x-should-retry': 'true',
    });
  });
});

describe('P3: a wait that is told', () => {
  const told = (retryAfterMs: number, random: () => number) => {
    const headers = errorHeaders(new UnavailableError(text, undefined, { retryAfterMs }), random);
    return { seconds: Number(headers['retry-after']), ms: Number(headers['retry-after-ms']) };
  };

  it.each([0, 1, 40, 999, 1_000, 1_001, 1_500, 2_000, 5_000, 30_000, 90_000, 3_600_000])(
    'of %d ms is never shorter, and at most half as long again; whole seconds where that leaves a choice',
    (retryAfterMs) => {
      for (const random of [0, 0.001, 0.33, 0.5, 0.9, 0.999_999]) {
        const { seconds, ms } = told(retryAfterMs, () => random);
        expect(ms).toBeGreaterThanOrEqual(retryAfterMs);
        expect(ms).toBeLessThanOrEqual(Math.ceil(retryAfterMs * 1.5));
        expect(Number.isInteger(seconds) && seconds * 1000 >= retryAfterMs).toBe(true);
        expect(seconds).toBeLessThanOrEqual(Math.max(Math.ceil(retryAfterMs / 1000), (retryAfterMs * 1.5) / 1000));
      }
      expect(told(retryAfterMs, () => 0.25)).toEqual(told(retryAfterMs, () => 0.25));
    },
  );

  it('spreads 200 callers after an outage over half of it: no tenth of that has more than a fifth of them', () => {
    const waits = Array.from({ length: 200 }, () => told(10_000, Math.random));
    const tenths = new Array<number>(10).fill(0);
    for (const { ms } of waits) tenths[Math.min(9, Math.floor((ms - 10_000) / 500))]!++;
    expect(Math.max(...tenths)).toBeLessThan(40);
    expect(new Set(waits.map(({ seconds }) => seconds))).toEqual(new Set([10, 11, 12, 13, 14]));
  });
});

describe('anything thrown', () => {
  const frameworkError = (code: string, more: object = {}) =>
    Object.assign(new Error('inner detail'), { code, statusCode: 400, ...more });

  it('is kept when it is ours', () => {
    const error = new LoopError();
    expect(toGatewayError(error)).toBe(error);
  });

  it.each([
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'request_too_large'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'unsupported_media_type'],
    ['FST_ERR_CTP_EMPTY_TYPE', 415, 'unsupported_media_type'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 400, 'invalid_http'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'invalid_json'],
    ['FST_ERR_CTP_INVALID_JSON_BODY', 400, 'invalid_json'],
    ['FST_ERR_BAD_URL', 400, 'invalid_url'],
    ['FST_ERR_MAX_PARAM_LENGTH', 414, 'invalid_url'],
  ])('of the framework is told in our words: %s', (code, status, told) => {
    const error = toGatewayError(frameworkError(code));
    expect(error).toMatchObject({ status, code: told, type: 'invalid_request_error', shouldRetry: false });
    expect(error.message).not.toContain('inner detail');
  });

  it.each([401, 403, 404, 405, 409, 412, 413, 415, 429, 418])(
    'with an HTTP status below 500 keeps it and its message: %i',
    (statusCode) => {
      const error = toGatewayError(Object.assign(new Error('Say when.'), { statusCode }));
      expect(error).toMatchObject({
        status: statusCode,
        message: 'Say when.',
        type: 'invalid_request_error',
        shouldRetry: false,
      });
      expect(error.code).toMatch(/^[a-z_]+$/);
    },
  );

  it.each([
    [undefined],
    [null],
    ['text'],
    [42],
    [{}],
    [{ statusCode: 503, message: 'inner' }],
    [{ statusCode: 200, message: 'inner' }],
    [{ code: 'constructor' }],
    [{ code: 'toString', message: 'inner' }],
  ])('else is a fault of ours: %j', (thrown) => {
    expect(toGatewayError(thrown)).toMatchObject({ status: 500, code: 'internal_error' });
  });
});

describe('what validation refuses', () => {
  const refusal = (validation: object, validationContext?: string) =>
    toGatewayError({ code: 'FST_ERR_VALIDATION', statusCode: 400, message: 'x', validation: [validation], validationContext });

  it.each([
    ['/messages/0/role', 'messages[0].role'],
    ['/messages/12/content/3/image_url/url', 'messages[12].content[3].image_url.url'],
    ['/model', 'model'],
    ['/0', '[0]'],
    ['/a~1b/c~0d', 'a/b.c~d'],
    ['', null],
  ])('is named as the API names it: %s -> %s', (instancePath, param) => {
    expect(
      refusal({ instancePath, keyword: 'enum', params: {}, message: 'must be equal to one of the allowed values' }),
    ).toMatchObject({
      status: 400,
      code: 'invalid_value',
      param,
    });
  });

  it('names what is missing', () => {
    const error = refusal({ instancePath: '/messages/1', keyword: 'required', params: { missingProperty: 'role' } });
    expect(error).toMatchObject({
      code: 'missing_required_parameter',
      param: 'messages[1].role',
      message: "'messages[1].role' is required.",
    });
  });

  it('names what is not known', () => {
    const error = refusal({ instancePath: '', keyword: 'additionalProperties', params: { additionalProperty: 'modle' } });
    expect(error).toMatchObject({ code: 'unknown_parameter', param: 'modle' });
  });

  it('tells a wrong type from a wrong value', () => {
    expect(refusal({ instancePath: '/n', keyword: 'type', params: {}, message: 'must be integer' })).toMatchObject({
      code: 'invalid_type',
      param: 'n',
      message: "'n' must be integer.",
    });
  });

  it('lists the values that a field may have', () => {
    const failure = (keyword: string, instancePath: string, allowedValue?: string) => ({
      keyword,
      instancePath,
      params: { allowedValue },
      message: 'must be equal to constant',
    });
    const told = (...validation: object[]) => toGatewayError({ code: 'FST_ERR_VALIDATION', message: 'x', validation });
    const choice = [failure('const', '/period', 'hour'), failure('const', '/period', 'day'), failure('anyOf', '/period')];
    expect(told(...choice)).toMatchObject({ code: 'invalid_value', message: "'period' must be one of hour, day." });
    expect(told(failure('const', '/a', 'x'), failure('const', '/b', 'y')).message).toBe("'a' must be x.");
  });

  it('a body that is no object is asked for as one', () => {
    const failure = { instancePath: '', keyword: 'type', params: {}, message: 'must be object' };
    expect(refusal(failure, 'body')).toMatchObject({ code: 'invalid_json', message: 'Send a JSON object as the request body.' });
  });

  it('says which part of the request it is when there is no name', () => {
    expect(refusal({ instancePath: '', keyword: 'type', params: {}, message: 'must be object' }, 'querystring').message).toBe(
      'The request querystring must be object.',
    );
  });

  it('is a plain refusal when nothing is known of it', () => {
    expect(toGatewayError({ code: 'FST_ERR_VALIDATION', message: 'x' })).toMatchObject({ status: 400, code: 'invalid_value' });
  });
});

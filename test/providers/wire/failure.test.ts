import { describe, expect, it } from 'vitest';
import { embeddedFailure, readFailure } from '../../../providers/wire/failure.ts';

const read = (status: number, body: unknown, headers = {}, secrets: string[] = []) =>
  readFailure({ status, headers }, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), secrets);

describe('readFailure', () => {
  it.each([
    [400, 'invalid_request'],
    [422, 'invalid_request'],
    [401, 'authentication'],
    [403, 'authentication'],
    [402, 'quota'],
    [404, 'not_found'],
    [408, 'timeout'],
    [504, 'timeout'],
    [413, 'too_large'],
    [429, 'rate_limit'],
    [503, 'overloaded'],
    [529, 'overloaded'],
    [500, 'server'],
    [502, 'server'],
    [520, 'server'],
    [301, 'redirect'],
    [307, 'redirect'],
    [101, 'protocol'],
    [418, 'protocol'],
  ])('A5: status %i is %s', (status, reason) => {
    expect(read(status, { error: { message: 'no' } })).toMatchObject({ reason, status });
  });

  it.each([
    ['A3', 429, { code: 'insufficient_quota', type: 'insufficient_quota' }, 'quota'],
    ['A3', 429, { code: null, type: 'insufficient_quota' }, 'quota'],
    ['A3', 429, { code: 'credit_balance_exhausted' }, 'quota'],
    ['A3', 429, { code: 'project_spend_limit_exceeded' }, 'quota'],
    ['A3', 429, { code: 'organization_usage_limit_exceeded' }, 'quota'],
    ['A3', 400, { code: 'billing_hard_limit_reached' }, 'quota'],
    ['A1', 429, { code: 'rate_limit_exceeded', type: 'tokens' }, 'rate_limit'],
    ['A7', 400, { code: 'context_length_exceeded' }, 'context_length'],
    ['A7', 400, { code: 'content_policy_violation' }, 'content_policy'],
    ['A7', 400, { code: 'content_filter' }, 'content_policy'],
    ['A8', 404, { code: 'model_not_found' }, 'not_found'],
    ['A6', 401, { code: 'invalid_api_key' }, 'authentication'],
    ['A1', 429, { code: 'slow_down' }, 'rate_limit'],
    ['A4', 503, { code: 'slow_down' }, 'overloaded'],
    ['A4', 529, { type: 'overloaded_error' }, 'overloaded'],
  ])('%s: status %i with %o is %s', (_id, status, error, reason) => {
    expect(read(status, { error: { message: 'no', ...error } }).reason).toBe(reason);
  });

  it.each([
    "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    'prompt is too long: 210000 tokens > 200000 maximum',
    'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
    'Please reduce the length of the messages or completion.',
    'Input length 9000 exceeds the context window of this model',
  ])('A7: recognises an over-long prompt by its wording: %s', (message) => {
    expect(read(400, { error: { message, type: 'invalid_request_error' } }).reason).toBe('context_length');
  });

  it('keeps code and param of an OpenAI error', () => {
    const error = {
      message: "Invalid 'temperature'.",
      type: 'invalid_request_error',
      param: 'messages[0].content',
      code: 'invalid_value',
    };
    expect(read(400, { error })).toEqual({
      reason: 'invalid_request',
      status: 400,
      message: "Invalid 'temperature'.",
      code: 'invalid_value',
      param: 'messages[0].content',
      retryAfterMs: null,
      unsent: false,
    });
  });

  it('reads a vLLM error', () => {
    const failure = read(404, {
      object: 'error',
      message: 'The model `x` does not exist.',
      type: 'NotFoundError',
      param: null,
      code: 404,
    });
    expect(failure).toMatchObject({ reason: 'not_found', message: 'The model `x` does not exist.', code: null });
  });

  it('A9: reads a Gemini error, wrapped in an array too', () => {
    const error = { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' };
    for (const body of [{ error }, [{ error }]]) {
      expect(read(503, body)).toMatchObject({ reason: 'overloaded', code: 'UNAVAILABLE', message: 'The model is overloaded.' });
    }
  });

  it('A6: a Gemini 400 for a bad key is an authentication failure', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }];
    const error = { code: 400, message: 'API key not valid.', status: 'INVALID_ARGUMENT', details };
    expect(read(400, [{ error }]).reason).toBe('authentication');
  });

  it('A2: takes the wait out of a google.rpc.RetryInfo', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.4s' }];
    expect(read(429, { error: { code: 429, message: 'quota', status: 'RESOURCE_EXHAUSTED', details } }).retryAfterMs).toBe(
      34_400,
    );
  });

  it('reads validation errors of FastAPI and Mistral with the place', () => {
    const detail = [{ type: 'extra_forbidden', loc: ['body', 'stream_options'], msg: 'Extra inputs are not permitted' }];
    const message = 'stream_options: Extra inputs are not permitted';
    expect(read(422, { detail }).message).toBe(message);
    expect(read(422, { object: 'error', message: { detail }, type: 'invalid_request_error' }).message).toBe(message);
  });

  it('A10: strips the markup off an error page', () => {
    const page =
      '<html><head><title>502 Bad Gateway</title><style>p{}</style></head><body><h1>Error</h1><script>x()</script></body></html>';
    expect(read(502, page)).toMatchObject({ reason: 'server', message: '502 Bad Gateway Error', code: null });
  });

  it('takes plain text as the message, and an empty body by its status', () => {
    expect(read(500, 'upstream connect error').message).toBe('upstream connect error');
    expect(read(500, '').message).toBe('The provider answered with status 500.');
  });

  it('A10: reads 64 KiB of an endless error body', () => {
    expect(read(500, 'x '.repeat(5_000_000)).message.length).toBeLessThanOrEqual(500);
  });

  it('survives any JSON', () => {
    for (const body of [
      'null',
      '5',
      '[]',
      '[null]',
      '{"error":null}',
      '{"error":5}',
      '{"error":[]}',
      '{"error":"text","detail":{}}',
    ]) {
      expect(read(500, body).reason).toBe('server');
    }
    expect(read(500, { error: 'text' }).message).toBe('text');
  });

  it('A6: replaces the header values this provider was sent', () => {
    const failure = read(401, { error: { message: 'Key hunter2-hunter2 is wrong', code: 'hunter2-hunter2' } }, {}, [
      'hunter2-hunter2',
    ]);
    expect(failure).toMatchObject({ message: 'Key [redacted] is wrong', code: null });
  });
});

describe('embeddedFailure', () => {
  it('A9: finds no error in an answer', () => {
    for (const answer of [{ choices: [] }, { error: null, choices: [] }, { object: 'chat.completion' }, null, 'text', []]) {
      expect(embeddedFailure(answer)).toBeNull();
    }
  });

  it.each([
    [{ error: { code: 429, message: 'slow down' } }, 429, 'rate_limit'],
    [{ error: { code: '400', message: 'no' } }, 400, 'invalid_request'],
    [{ error: { message: 'no' }, status_code: 400 }, 400, 'invalid_request'],
    [[{ error: { code: 503, message: 'no', status: 'UNAVAILABLE' } }], 503, 'overloaded'],
    [{ object: 'error', message: 'no', type: 'BadRequestError', code: 400 }, 400, 'invalid_request'],
    [{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 0, 'overloaded'],
    [{ error: { type: 'invalid_request_error', message: 'no', code: null } }, 0, 'invalid_request'],
    [{ error: { message: 'no', code: 'rate_limit_exceeded' } }, 0, 'rate_limit'],
    [{ error: 'something' }, 0, 'server'],
    [{ error: true }, 0, 'server'],
  ])('A9, S10: %j has status %i and reason %s', (document, status, reason) => {
    expect(embeddedFailure(document)).toMatchObject({ status, reason });
  });
});

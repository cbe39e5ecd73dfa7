import { describe, expect, it } from 'vitest';
import type { FailureReason } from '../../../providers/provider.ts';
import { headers, translation } from './support.ts';

const failed = (status: number, body: unknown, more: Record<string, string> = {}) =>
  translation({}).failure({ status, headers: more }, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const error = (type: string, message = 'Not now', more: object = {}) => ({
  type: 'error',
  error: { type, message, ...more },
  request_id: 'req_011Ab',
});

describe('a failed answer', () => {
  const cases: readonly (readonly [status: number, body: unknown, reason: FailureReason])[] = [
    [400, error('invalid_request_error'), 'invalid_request'],
    [400, error('invalid_request_error', 'prompt is too long: 205000 tokens > 200000 maximum'), 'context_length'],
    [
      400,
      error('invalid_request_error', 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000'),
      'context_length',
    ],
    [400, error('invalid_request_error', 'Your credit balance is too low to access the API. Please go to Plans.'), 'quota'],
    [
      400,
      error('invalid_request_error', 'You have reached your specified API usage limits. You will regain access on 2027-01-01.'),
      'quota',
    ],
    [401, error('authentication_error', 'invalid x-api-key'), 'authentication'],
    [402, error('billing_error'), 'quota'],
    [403, error('permission_error'), 'authentication'],
    [403, error('permission_error', 'No.', { details: { error_code: 'contract_spend_limit_reached' } }), 'quota'],
    [404, error('not_found_error', 'model: claude-x'), 'not_found'],
    [413, error('request_too_large'), 'too_large'],
    [
      429,
      error('rate_limit_error', 'This request would exceed your rate limit of 40,000 input tokens per minute.'),
      'rate_limit',
    ],
    [429, error('rate_limit_error', 'No.', { details: { error_code: 'enforced_spend_limit_reached' } }), 'quota'],
    [500, error('api_error'), 'server'],
    [504, error('timeout_error'), 'timeout'],
    [529, error('overloaded_error', 'Overloaded'), 'overloaded'],
    [503, '<html>busy</html>', 'overloaded'],
    [529, '', 'overloaded'],
  ];
  for (const [status, body, reason] of cases) {
    it(`${status} ${JSON.stringify(body).slice(0, 90)} is ${reason}${status === 529 ? ' (A4)' : reason === 'quota' ? ' (A3)' : ''}`, () => {
      expect(failed(status, body)).toMatchObject({ status, reason });
    });
  }

  it('carries the id that the vendor’s support asks for, from the body or the head', () => {
    expect(failed(500, error('api_error')).message).toBe('Not now (req_011Ab)');
    expect(failed(500, 'broken', { 'request-id': 'req_9' }).message).toBe('broken (req_9)');
    expect(failed(500, 'broken', { 'request-id': 'req_9 <script>' }).message).toBe('broken');
  });

  it('says how long to wait', () => {
    expect(failed(429, error('rate_limit_error'), { 'retry-after': '15' }).retryAfterMs).toBe(15_000);
    expect(failed(529, error('overloaded_error')).retryAfterMs).toBeNull();
  });

  it('never shows the credential', () => {
    const { message } = failed(401, error('authentication_error', `bad key ${headers['x-api-key']}`));
    expect(message).not.toContain('000011112222');
  });

  it('of any form is some failure', () => {
    for (const body of [
      '',
      'x',
      '[]',
      'null',
      '{}',
      '{"error":null}',
      '{"error":"text"}',
      '{"error":{"details":{"error_code":1}}}',
      '{"request_id":1}',
    ]) {
      expect(failed(400, body)).toMatchObject({ status: 400, reason: 'invalid_request' });
    }
  });
});

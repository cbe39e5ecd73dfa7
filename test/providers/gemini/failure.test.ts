import { describe, expect, it } from 'vitest';
import type { UpstreamFailure } from '../../../providers/provider.ts';
import { bytesOf, say, translationOf } from './support.ts';

const rpc = 'type.googleapis.com/google.rpc';

function failed(status: number, message: string, more: object = {}, body: object = say('Hi')): UpstreamFailure {
  const error = { code: status, message, ...more };
  return translationOf(body).failure({ status, headers: {} }, bytesOf({ error }));
}

describe('an error of the API', () => {
  it.each([
    ['a bad request', 400, 'Request contains an invalid argument.', { status: 'INVALID_ARGUMENT' }, 'invalid_request'],
    [
      'a prompt that is too long',
      400,
      'The input token count (9) exceeds the maximum number of tokens allowed (8).',
      { status: 'INVALID_ARGUMENT' },
      'context_length',
    ],
    [
      'A6: a key that is not valid, under 400',
      400,
      'API key not valid. Please pass a valid API key.',
      { status: 'INVALID_ARGUMENT', details: [{ '@type': `${rpc}.ErrorInfo`, reason: 'API_KEY_INVALID' }] },
      'authentication',
    ],
    [
      'A6: an account that may not be used from here',
      400,
      'User location is not supported for the API use.',
      { status: 'FAILED_PRECONDITION' },
      'authentication',
    ],
    ['A3: an account without billing', 400, 'Please enable billing on project 1.', { status: 'FAILED_PRECONDITION' }, 'quota'],
    [
      'A6: a key that may not',
      403,
      'Permission denied on resource project 1.',
      { status: 'PERMISSION_DENIED' },
      'authentication',
    ],
    ['A8: a model that is not there', 404, 'models/x is not found for API version v1beta.', { status: 'NOT_FOUND' }, 'not_found'],
    [
      'A1: a limit per minute',
      429,
      'Quota exceeded.',
      { status: 'RESOURCE_EXHAUSTED', details: [{ violations: [{ quotaId: 'GenerateRequestsPerMinutePerProject' }] }] },
      'rate_limit',
    ],
    [
      'A3: a limit per day',
      429,
      'Quota exceeded.',
      {
        status: 'RESOURCE_EXHAUSTED',
        details: [
          { '@type': `${rpc}.QuotaFailure`, violations: [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }] },
        ],
      },
      'quota',
    ],
    [
      'A3: a model that the plan does not have',
      429,
      'Quota exceeded for metric: x, limit: 0, model: y',
      { status: 'RESOURCE_EXHAUSTED' },
      'quota',
    ],
    ['a call that was cancelled', 499, 'The operation was cancelled.', { status: 'CANCELLED' }, 'server'],
    ['A5: an internal error', 500, 'An internal error has occurred.', { status: 'INTERNAL' }, 'server'],
    ['A4: an overloaded model', 503, 'The model is overloaded.', { status: 'UNAVAILABLE' }, 'overloaded'],
    ['A5: a deadline', 504, 'Deadline expired.', { status: 'DEADLINE_EXCEEDED' }, 'timeout'],
  ])('%s', (_name, status, message, more, reason) => {
    expect(failed(status, message, more)).toMatchObject({ reason, status, unsent: false });
  });

  it('A1: says in its body how long to wait', () => {
    const details = [{ '@type': `${rpc}.QuotaFailure` }, { '@type': `${rpc}.RetryInfo`, retryDelay: '34.4s' }];
    expect(failed(429, 'Slow down.', { details }).retryAfterMs).toBe(34_400);
  });

  it('is found in an array of one', () => {
    const bytes = bytesOf([
      { error: { code: 429, message: 'Slow down.', status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '2s' }] } },
    ]);
    expect(translationOf(say('Hi')).failure({ status: 429, headers: {} }, bytes)).toMatchObject({
      reason: 'rate_limit',
      message: 'Slow down.',
      retryAfterMs: 2000,
    });
  });

  it('A10: may be markup or nothing at all', () => {
    const failure = (text: string) => translationOf(say('Hi')).failure({ status: 502, headers: {} }, Buffer.from(text));
    expect(failure('<html><body>Bad gateway</body></html>')).toMatchObject({ reason: 'server', message: 'Bad gateway' });
    expect(failure('')).toMatchObject({ reason: 'server', status: 502 });
  });

  it('never repeats the key', () => {
    expect(failed(400, 'The key key-0123456789abcdef is wrong.').message).toBe('The key [redacted] is wrong.');
  });

  it('takes details of any type', () => {
    for (const details of ['x', [null, 1, { violations: 'x' }, { violations: [null] }], {}]) {
      expect(failed(429, 'Slow down.', { details }).reason).toBe('rate_limit');
    }
  });
});

describe('a cached content that is gone', () => {
  const gone = 'CachedContent not found (or permission denied)';
  const own = say('Hi', { google: { cached_content: 'cachedContents/a' } });

  it.each([403, 404])('is a prefix that was lost, under %s', (status) => {
    expect(failed(status, gone, { status: 'PERMISSION_DENIED' })).toMatchObject({ reason: 'prefix_lost', status });
  });

  it('is the caller’s fault when it is the caller’s own', () => {
    expect(failed(403, gone, {}, own)).toMatchObject({ reason: 'invalid_request', param: 'google.cached_content' });
  });

  it('is not meant by another 403', () => {
    expect(failed(403, 'Permission denied.', {}, own).reason).toBe('authentication');
  });
});

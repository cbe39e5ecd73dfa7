import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { breaksProviders, clientError, interruption, mayFailOver } from '../../../plugins/relay/outcome.ts';
import type { FailureReason } from '../../../providers/provider.ts';
import { failure, reasons } from '../router/targets.ts';

const secret = 'api.vendor.test said sk-12345: <html>';

/** Reason, catalogue row, whether another target may answer, and what the caller is told: status, type, code. */
const table: readonly (readonly [FailureReason, string, boolean, number, string, string | null])[] = [
  ['invalid_request', 'A7', false, 422, 'invalid_request_error', 'bad_thing'],
  ['content_policy', 'A7', false, 422, 'invalid_request_error', 'bad_thing'],
  ['context_length', 'A7', false, 422, 'invalid_request_error', 'context_length_exceeded'],
  ['too_large', 'A7', false, 422, 'invalid_request_error', 'request_too_large'],
  ['prefix_lost', 'A8', true, 502, 'server_error', 'upstream_error'],
  ['not_found', 'A8', true, 404, 'invalid_request_error', 'model_not_found'],
  ['authentication', 'A6', true, 502, 'server_error', 'upstream_error'],
  ['rate_limit', 'A1', true, 429, 'requests', 'rate_limit_exceeded'],
  ['quota', 'A3', true, 503, 'server_error', 'upstream_unavailable'],
  ['caller_key', 'A6', false, 401, 'invalid_request_error', 'invalid_api_key'],
  ['caller_rate_limit', 'A1', true, 429, 'requests', 'rate_limit_exceeded'],
  ['caller_quota', 'A3', false, 429, 'insufficient_quota', 'insufficient_quota'],
  ['overloaded', 'A4', true, 503, 'server_error', 'upstream_unavailable'],
  ['server', 'A5', true, 502, 'server_error', 'upstream_error'],
  ['redirect', 'U15', false, 502, 'server_error', 'upstream_error'],
  ['connect', 'U1', true, 502, 'server_error', 'upstream_error'],
  ['network', 'U5', true, 502, 'server_error', 'upstream_error'],
  ['timeout', 'U8', true, 504, 'server_error', 'upstream_timeout'],
  ['protocol', 'A10', true, 502, 'server_error', 'upstream_error'],
  ['truncated', 'S12', true, 502, 'server_error', 'upstream_error'],
];

const callersFaults = new Set<FailureReason>(['invalid_request', 'content_policy', 'context_length', 'too_large']);

describe('what a failed attempt means', () => {
  it('is settled for every reason there is', () => {
    expect(table.map(([reason]) => reason).sort()).toEqual([...reasons].sort());
  });

  it.each(table)('%s (%s): another target may answer: %s; else %i %s %s', (reason, _row, failOver, status, type, code) => {
    expect(mayFailOver(reason)).toBe(failOver);
    const error = clientError(
      failure(reason, { status: 422, code: 'bad_thing', param: 'temperature', message: 'Too hot.' }),
      false,
    );
    expect([error.status, error.type, error.code]).toEqual([status, type, code]);
  });

  it.each([...callersFaults])(
    'A7: %s keeps the words, the parameter and the status of the provider, and is not to be repeated',
    (reason) => {
      const error = clientError(failure(reason, { status: 413, param: 'messages[0]', message: 'Too long.' }), false);
      expect(error).toMatchObject({ status: 413, param: 'messages[0]', message: 'Too long.', shouldRetry: false });
    },
  );

  it.each([
    ['invalid_request', 400],
    ['content_policy', 400],
    ['context_length', 400],
    ['too_large', 413],
  ] as const)('A7: %s without a status of the provider is %i', (reason, status) => {
    for (const said of [0, 200, 500]) expect(clientError(failure(reason, { status: said }), false).status).toBe(status);
  });

  it('A8: a model that is gone upstream is named as the parameter', () => {
    expect(clientError(failure('not_found', { status: 404 }), false)).toMatchObject({ param: 'model', shouldRetry: false });
  });

  it.each(reasons.filter((reason) => !callersFaults.has(reason) && reason !== 'not_found'))(
    'A6: %s tells the caller nothing of what the provider said',
    (reason) => {
      const error = clientError(
        failure(reason, { status: 401, message: secret, code: 'secret_code', param: 'secret_param' }),
        false,
      );
      expect(JSON.stringify([error.message, error.code, error.param])).not.toMatch(/vendor|sk-1|html|secret/);
      expect(error.message.length).toBeGreaterThan(20);
    },
  );

  it('A1: a limit of the rate is passed on with the same wait, one second when none was named', () => {
    expect(clientError(failure('rate_limit', { status: 429, retryAfterMs: 5_000 }), false)).toMatchObject({
      retryAfterMs: 5_000,
      shouldRetry: true,
    });
    expect(clientError(failure('rate_limit', { status: 429 }), false).retryAfterMs).toBe(1_000);
  });

  it("A3: the operator's spent quota is never shown as the caller's", () => {
    const error = clientError(failure('quota', { status: 429, code: 'insufficient_quota' }), false);
    expect(error).toMatchObject({ status: 503, code: 'upstream_unavailable' });
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(60_000);
  });

  it('A4: an overloaded provider is 503, never 529, with its wait', () => {
    expect(clientError(failure('overloaded', { status: 529, retryAfterMs: 2_000 }), false)).toMatchObject({
      status: 503,
      retryAfterMs: 2_000,
    });
  });

  it('A5: only errors of the server count as broken by the request', () => {
    expect(reasons.filter(breaksProviders)).toEqual(['server']);
  });
});

it('what is wrong with a key that the caller brought is told as it is: 401, 403, 402 and 429', () => {
  const told = (reason: FailureReason, status: number) => clientError(failure(reason, { status }), false).status;
  expect([401, 403, 400, 407].map((status) => told('caller_key', status))).toEqual([401, 403, 401, 401]);
  expect([402, 403, 429].map((status) => told('caller_quota', status))).toEqual([402, 429, 429]);
  const limited = clientError(failure('caller_rate_limit', { status: 429, retryAfterMs: 7_000 }), false);
  expect(limited).toMatchObject({ status: 429, retryAfterMs: 7_000, shouldRetry: true });
});

describe('what SDKs are told about repeating', () => {
  const any = fc.record({
    status: fc.integer({ min: 0, max: 599 }),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 3_600_000 })),
  });

  it('is never to repeat what was tried more than once, and nothing else changes by that', () => {
    fc.assert(
      fc.property(fc.constantFrom(...reasons), any, (reason, changes) => {
        const [once, twice] = [false, true].map((retried) => clientError(failure(reason, changes), retried));
        expect(twice!.shouldRetry).toBe(false);
        const { status, type, code, message, param, retryAfterMs } = once!;
        expect(twice).toMatchObject({ status, type, code, message, param, retryAfterMs });
      }),
    );
  });

  it('is to repeat every failure that is not their own fault and may be over then', () => {
    for (const reason of reasons) {
      // A credential that was refused is refused again, and an account that is empty stays empty.
      const refused: readonly FailureReason[] = ['not_found', 'authentication', 'caller_key', 'caller_quota'];
      const own = callersFaults.has(reason) || refused.includes(reason);
      expect(clientError(failure(reason), false).shouldRetry).toBe(!own);
    }
  });

  it('no failure becomes a success, a redirect or a status that the conventions do not have', () => {
    fc.assert(
      fc.property(fc.constantFrom(...reasons), any, fc.boolean(), (reason, changes, retried) => {
        const { status, retryAfterMs } = clientError(failure(reason, changes), retried);
        expect(status).toSatisfy((each: number) => (each >= 400 && each < 500) || [502, 503, 504].includes(each));
        if (status === 503) expect(retryAfterMs).not.toBeNull();
      }),
    );
  });
});

it('a stream that breaks after its content is stream_interrupted, whatever broke it', () => {
  const error = clientError(failure('timeout'), true);
  expect(interruption(error)).toEqual({ message: error.message, type: 'server_error', param: null, code: 'stream_interrupted' });
});

import { expect, it } from 'vitest';
import { RateLimitError, UnavailableError, ValidationError } from '../../../plugins/errors/classes.ts';
import { toErrorEvent, toErrorReply } from '../../../plugins/relay/error-reply.ts';
import { eventsOf, streamError } from '../../helper/client.ts';

const lines = 'Line one\n\ndata: [DONE]\n\n\u2028';

it('a whole reply is the envelope with its headers in turn', () => {
  const { headers, body } = toErrorReply(new RateLimitError('Wait.', { retryAfterMs: 1_500 }), () => 0);
  expect(JSON.parse(body.toString())).toEqual({
    error: { message: 'Wait.', type: 'requests', param: null, code: 'rate_limit_exceeded' },
  });
  const pairs = Object.fromEntries(headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]]] : [])));
  expect(pairs).toMatchObject({
    'retry-after': '2',
    'retry-after-ms': '1500',
    'x-should-retry': 'true',
    'cache-control': 'no-store',
  });
});

it('U10: an error in a stream is one data event with an error member and nothing else', () => {
  const bytes = toErrorEvent(new UnavailableError('Gone.'), false);
  expect(bytes.toString()).toMatch(/^data: \{.*\}\n\n$/);
  expect(streamError(bytes)).toEqual({ message: 'Gone.', type: 'server_error', param: null, code: 'stream_interrupted' });
});

it('a dialect with named events gets the name and the fields of its own error event', () => {
  const [event, ...more] = eventsOf(toErrorEvent(new ValidationError('No.', 'input'), true));
  expect(more).toEqual([]);
  expect(event!.event).toBe('error');
  const error = { message: 'No.', type: 'invalid_request_error', param: 'input', code: 'stream_interrupted' };
  expect(JSON.parse(event!.data)).toEqual({ type: 'error', code: 'stream_interrupted', message: 'No.', param: 'input', error });
});

it.each([false, true])('S15: no message can forge an event (named: %s)', (named) => {
  const bytes = toErrorEvent(new UnavailableError(lines), named);
  expect(bytes.toString().match(/\n\n/g)).toHaveLength(1);
  expect(streamError(bytes)!.message).toBe(lines);
});

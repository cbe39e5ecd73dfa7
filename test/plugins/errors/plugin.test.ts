import type { FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { RateLimitError } from '../../../plugins/errors/index.ts';
import { ask, jsonOf, open, type Reply } from '../../helper/client.ts';
import { startServer } from './server.ts';

const body = {
  type: 'object',
  required: ['model', 'messages'],
  properties: {
    model: { type: 'string' },
    messages: { type: 'array', items: { type: 'object', properties: { role: { type: 'string', enum: ['user', 'system'] } } } },
    n: { type: 'integer', maximum: 8 },
  },
};

function routes(app: FastifyInstance): void {
  app.post('/v1/echo', { schema: { body } }, async (request) => request.body);
  app.get('/v1/thing/:id', async () => ({}));
  app.get('/v1/broken', async () => {
    throw new Error('secret inner detail');
  });
  app.get('/v1/limited', async () => {
    throw new RateLimitError('Wait.', { retryAfterMs: 1_500 });
  });
}

interface Told {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

/** The error of a reply whose form is checked. */
function told(reply: Reply): Told['error'] {
  const parsed = jsonOf<Told>(reply);
  expect(Object.keys(parsed)).toEqual(['error']);
  expect(Object.keys(parsed.error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(reply.headers['content-type']).toContain('application/json');
  expect(reply.headers['x-should-retry']).toMatch(/^(true|false)$/);
  expect(reply.headers['cache-control']).toBe('no-store');
  return parsed.error;
}

describe('G6: every failure of the framework is in the envelope', () => {
  it.each<[string, Parameters<typeof ask>[1], number, string, string | null]>([
    ['an unknown path', { path: '/v1/nothing' }, 404, 'unknown_url', null],
    ['a known path with another method', { path: '/v1/echo', method: 'DELETE' }, 404, 'unknown_url', null],
    ['TRACE', { path: '/v1/echo', method: 'TRACE' }, 404, 'unknown_url', null],
    ['a path that cannot be decoded', { path: '/v1/thing/%E0%A4%A' }, 400, 'invalid_url', null],
    ['a path part that is too long', { path: `/v1/thing/${'x'.repeat(200)}` }, 414, 'invalid_url', null],
    ['JSON that is none', { path: '/v1/echo', body: '{"model":' }, 400, 'invalid_json', null],
    ['an empty body', { path: '/v1/echo', body: '' }, 400, 'invalid_json', null],
    [
      'a type that is not taken',
      { path: '/v1/echo', body: 'x', headers: { 'content-type': 'application/xml' } },
      415,
      'unsupported_media_type',
      null,
    ],
    [
      'a type that is none',
      { path: '/v1/echo', body: 'x', headers: { 'content-type': 'json' } },
      415,
      'unsupported_media_type',
      null,
    ],
    ['a body beyond the limit', { path: '/v1/echo', body: { model: 'x'.repeat(2_000) } }, 413, 'request_too_large', null],
    ['a missing field', { path: '/v1/echo', body: { model: 'x' } }, 400, 'missing_required_parameter', 'messages'],
    ['a field of the wrong type', { path: '/v1/echo', body: { model: 5, messages: [] } }, 400, 'invalid_type', 'model'],
    [
      'a wrong value deep inside',
      { path: '/v1/echo', body: { model: 'x', messages: [{ role: 'user' }, { role: 'god' }] } },
      400,
      'invalid_value',
      'messages[1].role',
    ],
    ['a number out of range', { path: '/v1/echo', body: { model: 'x', messages: [], n: 9 } }, 400, 'invalid_value', 'n'],
    ['a fault of ours', { path: '/v1/broken' }, 500, 'internal_error', null],
  ])('%s', async (_name, request, status, code, param) => {
    const { url } = await startServer(routes);
    const reply = await ask(url, request);
    expect([reply.status, told(reply).code, told(reply).param]).toEqual([status, code, param]);
    expect(reply.headers['x-should-retry']).toBe('false');
  });

  it('a fault of ours shows nothing of its cause', async () => {
    const { url } = await startServer(routes);
    const reply = await ask(url, { path: '/v1/broken' });
    expect(reply.body.toString() + reply.head).not.toMatch(/secret|inner|at .*\.ts/);
  });

  it('a path that is not known is named without its query', async () => {
    const { url } = await startServer(routes);
    expect(told(await ask(url, { path: '/v1/nothing?key=secret' })).message).toBe('Nothing is at /v1/nothing.');
  });

  it('a wait is in the headers of the reply', async () => {
    const { url } = await startServer(routes);
    const reply = await ask(url, { path: '/v1/limited' });
    expect([reply.status, told(reply).type]).toEqual([429, 'requests']);
    expect(reply.headers).toMatchObject({ 'retry-after': '2', 'retry-after-ms': '1500', 'x-should-retry': 'true' });
  });

  it('the connection is good for the next request after a refused one', async () => {
    const { url } = await startServer(routes);
    const connection = await open(url);
    for (const path of ['/v1/nothing', '/v1/broken', '/v1/thing/1']) await connection.ask({ path });
    expect(connection.reply.status).toBe(200);
    connection.leave('fin');
  });
});

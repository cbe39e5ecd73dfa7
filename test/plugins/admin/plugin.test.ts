import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type HTTPMethods, type InjectOptions } from 'fastify';
import { expect, test } from 'vitest';
import admin from '../../../plugins/admin/index.ts';
import errors from '../../../plugins/errors/index.ts';
import { whenDone } from '../../helper/cleanup.ts';

const adminApiKey = 'admin-key-0123456789abcdef';
const good = { authorization: `Bearer ${adminApiKey}` };
const failedAttempts = { max: 2, window: 60_000 };

interface Line {
  readonly level: number;
  readonly audit?: boolean;
  readonly [field: string]: unknown;
}

async function build(key = adminApiKey, problem: string | null = null): Promise<{ app: FastifyInstance; lines: Line[] }> {
  const lines: Line[] = [];
  const app = Fastify({ logger: { level: 'debug', stream: { write: (line: string) => void lines.push(JSON.parse(line)) } } });
  whenDone(() => app.close());
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(admin, { adminApiKey: key, failedAttempts, find: () => null, problem: () => problem });
  app.get('/admin/v1/things', { config: { auth: 'admin' } }, async () => ({ data: [] }));
  app.delete<{ Params: { id: string } }>(
    '/admin/v1/things/:id',
    { config: { auth: 'admin', action: 'thing.delete' } },
    async () => ({}),
  );
  app.get('/outside', { config: { auth: 'admin' } }, async () => 'x');
  app.get('/free', { config: { auth: 'public' } }, async () => 'x');
  return { app, lines };
}

const call = (app: FastifyInstance, url: string, headers: InjectOptions['headers'] = {}, method: HTTPMethods = 'GET') =>
  app.inject({ url, headers, method: method as 'GET' });
const failureOf = (reply: { json(): unknown }) => (reply.json() as { error: { code: string; message: string } }).error;
const auditOf = (lines: Line[]) => lines.filter((line) => line.audit === true);

test('registers alone with its declared dependencies and adds exactly the decorator admin', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(admin, { adminApiKey: undefined, failedAttempts });
  expect(Object.getOwnPropertyNames(app).filter((name) => !before.has(name))).toEqual(['admin']);
});

test('security 35: a key of less than 20 characters is refused at boot', async () => {
  await expect(build('nineteen-characters')).rejects.toThrow(/shorter than 20 characters/);
});

test('the admin key opens admin routes', async () => {
  const { app } = await build();
  expect((await call(app, '/admin/v1/things', good)).json()).toEqual({ data: [] });
});

test.each([
  ['none', {}],
  ['a wrong one', { authorization: 'Bearer admin-key-0123456789abcdeg' }],
  ['a longer one', { authorization: `Bearer ${adminApiKey}x` }],
  ['the right one in x-api-key', { 'x-api-key': adminApiKey }],
  ['the right one as Basic', { authorization: `Basic ${adminApiKey}` }],
])('security 9: with %s the answer is 401', async (_name, headers) => {
  const reply = await call((await build()).app, '/admin/v1/things', headers);
  expect(reply.statusCode).toBe(401);
  expect(failureOf(reply)).toMatchObject({ code: 'invalid_api_key' });
  expect(reply.body).not.toContain(adminApiKey.slice(-8));
});

test('security 2: the class of the matched route decides, not the path', async () => {
  const { app } = await build();
  expect((await call(app, '/outside')).statusCode).toBe(401);
  expect((await call(app, '/free')).statusCode).toBe(200);
});

test.each(['/admin', '/admin/', '/admin/v1/unknown', '/admin/v1/things/1/more', '/admin//v1/things', '/%61dmin/v1/things'])(
  'security 2: %s tells a stranger nothing',
  async (url) => {
    expect((await call((await build()).app, url)).statusCode).toBe(401);
  },
);

test('an unknown admin path is 404 for the holder of the key', async () => {
  const reply = await call((await build()).app, '/admin/v1/unknown', good);
  expect(reply.statusCode).toBe(404);
  expect(failureOf(reply).code).toBe('unknown_url');
});

test('without an admin key every admin path is 404 and says how to turn it on', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(admin, { adminApiKey: undefined, failedAttempts });
  app.get('/admin/v1/things', { config: { auth: 'admin' } }, async () => 'x');
  for (const url of ['/admin/v1/things', '/admin/v1/unknown', '/admin']) {
    const reply = await call(app, url, good);
    expect(reply.statusCode).toBe(404);
    expect(failureOf(reply).message).toContain('Set ADMIN_API_KEY');
  }
});

test('security 9: failures beyond the limit are 429, and the right key still works', async () => {
  const { app } = await build();
  for (let failures = 0; failures < 2; failures++) expect((await call(app, '/admin/v1/things')).statusCode).toBe(401);
  const reply = await call(app, '/admin/v1/things', { authorization: 'Bearer nope' });
  expect(reply.statusCode).toBe(429);
  expect(reply.headers['retry-after']).toBeDefined();
  expect(reply.headers['x-should-retry']).toBe('false');
  expect((await call(app, '/admin/v1/things', good)).statusCode).toBe(200);
});

test('a change writes one audit line at info', async () => {
  const { app, lines } = await build();
  const reply = await call(app, '/admin/v1/things/t_1?secret=s3cr3t', good, 'DELETE');
  const [line, ...more] = auditOf(lines);
  expect(more).toEqual([]);
  expect(line).toMatchObject({ level: 30, who: 'admin', action: 'thing.delete', target: 't_1', outcome: 'ok', status: 200 });
  expect(line!.request_id).toBe(reply.headers['x-request-id']);
  expect(JSON.stringify(line)).not.toMatch(/s3cr3t|0123456789abcdef/);
});

test('security 39: a request id of the caller is used only where it is well-formed', async () => {
  const { app, lines } = await build();
  await call(app, '/admin/v1/things', { ...good, 'x-request-id': 'trace-1' });
  await call(app, '/admin/v1/things', { ...good, 'x-request-id': 'not well formed' });
  const [first, second] = auditOf(lines);
  expect(first!.request_id).toBe('trace-1');
  expect(second!.request_id).toMatch(/^[0-9a-f-]{36}$/);
});

test('a failed change is audited as failed', async () => {
  const { app, lines } = await build();
  await call(app, '/admin/v1/unknown', good, 'POST');
  expect(auditOf(lines)).toMatchObject([{ level: 30, outcome: 'failed', status: 404, target: 'v1/unknown' }]);
});

test('a read is audited at debug', async () => {
  const { app, lines } = await build();
  await call(app, '/admin/v1/things', good);
  expect(auditOf(lines)).toMatchObject([{ level: 20, action: 'GET /admin/v1/things', target: null, outcome: 'ok' }]);
});

test('a refusal is audited without a name, as a warning, until the limit is reached', async () => {
  const { app, lines } = await build();
  for (let failures = 0; failures < 4; failures++) await call(app, '/admin/v1/things', { authorization: 'Bearer guessed-key' });
  expect(auditOf(lines)).toMatchObject([
    { level: 40, who: null, outcome: 'refused' },
    { level: 40, who: null, outcome: 'refused' },
  ]);
  expect(JSON.stringify(lines)).not.toContain('guessed-key');
});

test('R1: an admin key that nobody can look up now is 503, never 401; what is none stays 401', async () => {
  const { app } = await build(adminApiKey, 'away');
  const made = { authorization: 'Bearer sk-postern-admin-0123456789' };
  for (let times = 0; times < 4; times++) {
    const reply = await call(app, '/admin/v1/things', made);
    expect([reply.statusCode, failureOf(reply).code]).toEqual([503, 'state_unavailable']);
  }
  expect((await call(app, '/admin/v1/things', { authorization: 'Bearer wrong-key-0123456789' })).statusCode).toBe(401);
  expect((await call(app, '/admin/v1/things', good)).statusCode).toBe(200);
  const { app: well } = await build();
  expect((await call(well, '/admin/v1/things', made)).statusCode).toBe(401);
});

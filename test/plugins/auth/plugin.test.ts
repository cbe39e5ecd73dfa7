import { tmpdir } from 'node:os';
import { join } from 'node:path';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify';
import { Agent, request } from 'undici';
import { expect, test } from 'vitest';
import auth, { type AuthOptions } from '../../../plugins/auth/index.ts';
import errors from '../../../plugins/errors/index.ts';
import { whenDone } from '../../helper/cleanup.ts';
import { identityOf } from '../../helper/identity.ts';

const secret = 'sk-postern-0123456789abcdefghij';

async function build(options: Partial<AuthOptions> = {}, trustProxy = false): Promise<FastifyInstance> {
  const app = Fastify({ trustProxy });
  whenDone(() => app.close());
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(auth, {
    mode: 'gateway',
    keyless: null,
    identity: identityOf({ alice: { secret, models: ['smart', 'gpt-*'] } }),
    failedAttempts: { max: 3, window: 60_000 },
    ...options,
  });
  app.get('/who', async (request) => app.auth.authenticate(request));
  return app;
}

const ask = (app: FastifyInstance, headers: InjectOptions['headers'] = {}, remoteAddress = '10.0.0.1') =>
  app.inject({ url: '/who', headers, remoteAddress });

const failureOf = (reply: { json(): unknown }) =>
  (reply.json() as { error: { code: string; message: string; type: string } }).error;

test('registers alone with its declared dependencies and adds exactly the decorator auth', async () => {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(rateLimit, { global: false });
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(auth, {
    mode: 'none',
    keyless: 'explicit',
    identity: identityOf({}),
    failedAttempts: { max: 1, window: 1 },
  });
  expect(Object.getOwnPropertyNames(app).filter((name) => !before.has(name))).toEqual(['auth']);
});

test('refuses to register without the rate limiter it counts failures with', async () => {
  const app = Fastify();
  app.register(auth, { mode: 'none', keyless: 'explicit', identity: identityOf({}), failedAttempts: { max: 1, window: 1 } });
  await expect(app.ready()).rejects.toThrow(/@fastify\/rate-limit/);
});

test.each([
  ['Authorization: Bearer', { authorization: `Bearer ${secret}` }],
  ['the scheme in lower case', { authorization: `bearer ${secret}` }],
  ['the scheme in upper case and more blanks', { authorization: `BEARER   ${secret} ` }],
  ['x-api-key', { 'x-api-key': secret }],
  ['api-key', { 'api-key': secret }],
  ['x-api-key beside a scheme that is not Bearer', { authorization: 'Basic eDp5', 'x-api-key': secret }],
])('takes a key in %s', async (_name, headers) => {
  const reply = await ask(await build(), headers);
  expect(reply.json()).toMatchObject({ keyId: 'key_alice', name: 'alice', models: ['smart', 'gpt-*'], options: null });
});

test('lets a known key in without a promise, the first time and from its cache', async () => {
  const app = await build();
  let results: unknown[] = [];
  app.get('/sync', async (request) => {
    results = [app.auth.authenticate(request), app.auth.authenticate(request)];
    return {};
  });
  await app.inject({ url: '/sync', headers: { authorization: `Bearer ${secret}` } });
  expect(results[0]).not.toBeInstanceOf(Promise);
  expect(results[1]).toBe(results[0]);
});

test('security 6: unknown, longer, shorter and malformed keys get the same 401 body', async () => {
  const app = await build({ failedAttempts: { max: 100, window: 60_000 } });
  const wrong = [`${secret}x`, secret.slice(0, -1), 'x', `${secret.slice(0, -1)}k`, ',', `${secret}, ${secret}`];
  const replies = await Promise.all(wrong.map((key) => ask(app, { 'x-api-key': key })));
  for (const reply of replies) expect(reply.statusCode).toBe(401);
  expect(new Set(replies.map((reply) => reply.body)).size).toBe(1);
  expect(failureOf(replies[0]!)).toMatchObject({ code: 'invalid_api_key', type: 'invalid_request_error' });
});

test('a failure never repeats the key or a part of it', async () => {
  const reply = await ask(await build(), { authorization: 'Bearer sk-leaky-secret-value' });
  expect(reply.body + JSON.stringify(reply.headers)).not.toMatch(/leaky|secret-val/);
});

test.each([
  ['no header', {}],
  ['an empty token', { authorization: 'Bearer ' }],
  ['another scheme', { authorization: 'Basic eDp5' }],
])('an absent key (%s) gets 401 and is told how to send one', async (_name, headers) => {
  const reply = await ask(await build(), headers);
  expect(reply.statusCode).toBe(401);
  expect(failureOf(reply)).toMatchObject({ code: 'invalid_api_key' });
  expect(failureOf(reply).message).toContain('Authorization: Bearer <key>');
});

test('failures beyond the limit are 429 with retry-after that SDKs do not retry', async () => {
  const app = await build();
  for (let failures = 0; failures < 3; failures++)
    expect((await ask(app, { 'x-api-key': `no-${failures}` })).statusCode).toBe(401);
  const reply = await ask(app, { 'x-api-key': 'no-again' });
  expect(reply.statusCode).toBe(429);
  expect(failureOf(reply).code).toBe('rate_limit_exceeded');
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(90);
  expect(reply.headers['x-should-retry']).toBe('false');
});

test('failures are counted by address', async () => {
  const app = await build();
  for (let failures = 0; failures < 5; failures++) await ask(app, {});
  expect((await ask(app, {}, '10.0.0.2')).statusCode).toBe(401);
});

test('IPv6 failures are counted by /64', async () => {
  const app = await build();
  for (let failures = 0; failures < 3; failures++) await ask(app, {}, `2001:db8:0:1::${failures + 1}`);
  expect((await ask(app, {}, '2001:db8:0:1:ffff::9')).statusCode).toBe(429);
  expect((await ask(app, {}, '2001:db8:0:2::1')).statusCode).toBe(401);
});

test('security 24: X-Forwarded-For does not change whose failure it is', async () => {
  const app = await build();
  for (let failures = 0; failures < 3; failures++) await ask(app, { 'x-forwarded-for': `1.2.3.${failures}` });
  expect((await ask(app, { 'x-forwarded-for': '1.2.3.9' })).statusCode).toBe(429);
});

test('good calls are never counted or limited, also from an address that is', async () => {
  const app = await build();
  const good = { authorization: `Bearer ${secret}` };
  for (let calls = 0; calls < 10; calls++) expect((await ask(app, good)).statusCode).toBe(200);
  for (let failures = 0; failures < 3; failures++) expect((await ask(app, {})).statusCode).toBe(401);
  expect((await ask(app, {})).statusCode).toBe(429);
  expect((await ask(app, good)).statusCode).toBe(200);
});

test('mode none, said by the operator, asks nothing of the caller', async () => {
  const app = await build({ mode: 'none', keyless: 'explicit' });
  const reply = await ask(app, { host: 'gateway.example.com' });
  expect(reply.json()).toMatchObject({ keyId: null, name: null, models: null, options: null });
});

test('keyless by default refuses a foreign Host and names the ways out', async () => {
  const app = await build({ mode: 'none', keyless: 'derived' });
  const reply = await ask(app, { host: 'rebound.example.com:4000' });
  expect(reply.statusCode).toBe(403);
  expect(failureOf(reply).code).toBe('host_not_allowed');
  expect(failureOf(reply).message).toMatch(/localhost[\s\S]*GATEWAY_API_KEYS[\s\S]*auth\.mode: none/);
});

test('keyless by default serves a loopback Host', async () => {
  const app = await build({ mode: 'none', keyless: 'derived' });
  expect((await ask(app, { host: 'localhost:4000' })).statusCode).toBe(200);
});

test('keyless by default does not believe X-Forwarded-Host, not even behind a trusted proxy', async () => {
  const app = await build({ mode: 'none', keyless: 'derived' }, true);
  expect((await ask(app, { host: 'evil.example.com', 'x-forwarded-host': 'localhost' })).statusCode).toBe(403);
});

test('on a unix socket keyless serves any Host, and failures without an address are counted', async () => {
  const options = [{ mode: 'none', keyless: 'derived' }, { failedAttempts: { max: 1, window: 60_000 } }] as const;
  const statuses: number[] = [];
  for (const [at, each] of options.entries()) {
    const app = await build(each);
    const socketPath = join(tmpdir(), `postern-auth-${process.pid}-${at}.sock`);
    await app.listen({ path: socketPath });
    const dispatcher = new Agent({ connect: { socketPath } });
    whenDone(() => dispatcher.close());
    for (let calls = 0; calls < 2; calls++) {
      const reply = await request('http://any.example.com/who', { dispatcher });
      await reply.body.dump();
      statuses.push(reply.statusCode);
    }
  }
  expect(statuses).toEqual([200, 200, 401, 429]);
});

test('a key that is not known while keys cannot be looked up is 503, and a known one goes on', async () => {
  const known = identityOf({ alice: { secret } });
  const app = await build({ identity: { find: known.find, problem: () => 'the store could not be read' } });
  const reply = await ask(app, { 'x-api-key': 'a-key-that-may-be-good' });
  expect([reply.statusCode, failureOf(reply).code]).toEqual([503, 'state_unavailable']);
  expect((await ask(app, { 'x-api-key': secret })).statusCode).toBe(200);
});

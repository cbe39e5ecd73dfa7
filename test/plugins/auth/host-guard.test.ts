import sensible from '@fastify/sensible';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { parseListen } from '../../../config/listen.ts';
import hostGuard from '../../../plugins/auth/host-guard.ts';
import errors from '../../../plugins/errors/index.ts';

async function listener(listen: string) {
  const app = Fastify();
  await app.register(errors, { notFound: () => 'nothing here' });
  await app.register(sensible);
  await app.register(hostGuard, { address: parseListen(listen) });
  app.get('/', async () => ({ ok: true }));
  return app;
}

it('refuses a foreign Host on a loopback listener, in the envelope (DNS rebinding)', async () => {
  const app = await listener('127.0.0.1:4001');
  const refused = await app.inject({ url: '/', headers: { host: 'evil.example:4001' } });
  expect(refused.statusCode).toBe(403);
  expect(refused.json().error).toMatchObject({ type: 'invalid_request_error', code: 'permission_denied' });
  expect((await app.inject({ url: '/', headers: { host: 'localhost:4001' } })).statusCode).toBe(200);
  expect((await app.inject({ url: '/', headers: { host: '[::1]:4001' } })).statusCode).toBe(200);
});

it.each(['0.0.0.0:4001', 'unix:/tmp/postern.sock'])('lets every Host through on %s', async (listen) => {
  const app = await listener(listen);
  expect((await app.inject({ url: '/', headers: { host: 'metrics.internal' } })).statusCode).toBe(200);
});

import cors from '@fastify/cors';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import inventory, { type AuthClass } from '../../../plugins/auth/inventory.ts';
import { whenDone } from '../../helper/cleanup.ts';

async function build() {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(inventory);
  return app;
}

test('registers alone and adds exactly the decorator inventory', async () => {
  const app = Fastify();
  const before = new Set(Object.getOwnPropertyNames(app));
  await app.register(inventory);
  expect(Object.getOwnPropertyNames(app).filter((name) => !before.has(name))).toEqual(['inventory']);
});

test('security 1: a route that does not say who may call it does not register', async () => {
  const app = await build();
  expect(() => app.get('/open', async () => 'x')).toThrow(/GET \/open does not say who may call it/);
});

test('security 1: an unknown class does not register', async () => {
  const app = await build();
  expect(() => app.get('/odd', { config: { auth: 'nobody' as AuthClass } }, async () => 'x')).toThrow(/GET \/odd/);
});

test('security 1: a route in a nested plugin is no exception', async () => {
  const app = await build();
  app.register(async (nested) => {
    nested.post('/deep', async () => 'x');
  });
  await expect(app.ready()).rejects.toThrow(/POST \/deep/);
});

test('lists every route with its class', async () => {
  const app = await build();
  app.get('/a', { config: { auth: 'public' } }, async () => 'x');
  app.route({ method: ['POST', 'PUT'], url: '/b', config: { auth: 'key' }, handler: async () => 'x' });
  await app.ready();
  expect(app.inventory.map(({ method, url, auth }) => `${method} ${url} ${auth}`).sort()).toEqual([
    'GET /a public',
    'HEAD /a public',
    'POST /b key',
    'PUT /b key',
  ]);
});

test('the preflight route of CORS is public', async () => {
  const app = await build();
  await app.register(cors, { origin: ['https://app.example.com'] });
  await app.ready();
  expect(app.inventory).toEqual([{ method: 'OPTIONS', url: '*', auth: 'public', hidden: true }]);
});

import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import admin from '../../plugins/admin/index.ts';
import inventory from '../../plugins/auth/inventory.ts';
import errors from '../../plugins/errors/index.ts';
import { type PrefixEntry, UpstreamRefusal } from '../../plugins/prefixes/index.ts';
import { failed } from '../../plugins/upstream/index.ts';
import type { KeptPrefix, ProviderInstance } from '../../providers/provider.ts';
import { type AdminPrefixesOptions, adminPrefixRoutes } from '../../routes/admin/prefixes.ts';
import { opened } from '../helper/cleanup.ts';

const adminApiKey = 'admin-key-0123456789abcdef';
const headers = { authorization: `Bearer ${adminApiKey}` };
const digest = 'd'.repeat(64);

const entry = (changes: Partial<PrefixEntry> = {}): PrefixEntry => ({
  provider: 'up',
  credential: '1',
  model: 'm1',
  digest,
  name: 'kept/1',
  state: 'kept',
  tokens: 8_192,
  createdAt: 1_700_000_000_999,
  expiresAt: 1_700_000_300_000,
  hits: 19,
  tokensSaved: 155_648,
  ...changes,
});

async function build(changes: Partial<AdminPrefixesOptions['prefixes']> = {}) {
  const prefixes = {
    list: () => [entry(), entry({ provider: 'other', digest: 'e'.repeat(64), state: 'rejected', name: null })],
    keptBy: async (): Promise<readonly KeptPrefix[] | null> => [
      { name: 'kept/1', model: 'm1', tokens: 8_192, createdAt: 1_700_000_000_000, expiresAt: 1_700_000_300_000 },
      { name: 'kept/theirs', model: 'm2', tokens: 5, createdAt: 0, expiresAt: 0 },
    ],
    remove: vi.fn(async (_provider: string, id: string) => id === 'kept/1' || id === digest),
    ...changes,
  };
  const app = opened(Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } } }));
  await app.register(inventory);
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(rateLimit, { global: false });
  await app.register(admin, { adminApiKey, failedAttempts: { max: 5, window: 60_000 } });
  const providers = new Map([
    ['up', {} as ProviderInstance],
    ['other', {} as ProviderInstance],
  ]);
  await app.register(adminPrefixRoutes, { prefixes, router: { providers } });
  return { app, prefixes };
}

const get = async (query: string, changes = {}) => {
  const { app } = await build(changes);
  return app.inject({ url: `/admin/v1/context-caches${query}`, headers });
};
const remove = async (path: string, changes = {}) => {
  const { app, prefixes } = await build(changes);
  return { reply: await app.inject({ method: 'DELETE', url: `/admin/v1/context-caches/${path}`, headers }), prefixes };
};

describe('GET /admin/v1/context-caches', () => {
  it('security 9: needs the admin key, and so does DELETE', async () => {
    const { app } = await build();
    expect((await app.inject({ url: '/admin/v1/context-caches' })).statusCode).toBe(401);
    expect((await app.inject({ method: 'DELETE', url: `/admin/v1/context-caches/up/${digest}` })).statusCode).toBe(401);
  });

  it('lists ours with how much they were used', async () => {
    const reply = await get('');
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.json()).toEqual({
      data: [
        expect.objectContaining({ provider: 'other', state: 'rejected', name: null }),
        {
          id: `up/${digest}`,
          provider: 'up',
          credential: '1',
          model: 'm1',
          name: 'kept/1',
          digest,
          state: 'kept',
          tokens: 8_192,
          created_at: 1_700_000_000,
          expires_at: 1_700_000_300,
          hits: 19,
          tokens_saved: 155_648,
        },
      ],
      next_cursor: null,
    });
  });

  it('lists those of one provider, in pages', async () => {
    expect((await get('?provider=other')).json().data).toHaveLength(1);
    const first = (await get('?limit=1')).json();
    expect([first.data.length, (await get(`?limit=1&cursor=${first.next_cursor}`)).json().data[0].provider]).toEqual([1, 'up']);
  });

  it('lists what the upstream keeps, with what we know of it', async () => {
    expect((await get('?provider=up&upstream=true')).json().data).toMatchObject([
      { id: 'up/kept/1', digest, hits: 19, tokens_saved: 155_648, created_at: 1_700_000_000 },
      { id: 'up/kept/theirs', digest: null, hits: 0, tokens_saved: 0, created_at: null, expires_at: null },
    ]);
  });

  it.each([
    ['?provider=no', 404, 'provider_not_found'],
    ['?upstream=true', 400, 'invalid_value'],
    ['?upstream=yes', 400, null],
    ['?more=1', 400, null],
  ])('refuses %s', async (query, status, code) => {
    const reply = await get(query);
    expect(reply.statusCode).toBe(status);
    if (code !== null) expect(reply.json().error.code).toBe(code);
  });

  it('says when the provider keeps nothing, or does not answer', async () => {
    expect((await get('?provider=up&upstream=true', { keptBy: async () => null })).statusCode).toBe(400);
    const refuse = async () => {
      throw new UpstreamRefusal(failed('timeout', 'http://secret.host said the secret prompt'));
    };
    const reply = await get('?provider=up&upstream=true', { keptBy: refuse });
    expect([reply.statusCode, reply.json().error.code]).toEqual([502, 'upstream_error']);
    expect(reply.body).not.toContain('secret');
  });
});

describe('DELETE /admin/v1/context-caches/{provider}/{id}', () => {
  it.each([`up/${digest}`, 'up/kept/1', 'up/kept%2F1'])('removes %s', async (path) => {
    const { reply, prefixes } = await remove(path);
    const id = path === `up/${digest}` ? digest : 'kept/1';
    expect([reply.statusCode, reply.json()]).toEqual([200, { id: `up/${id}`, deleted: true }]);
    expect(prefixes.remove).toHaveBeenCalledWith('up', id);
  });

  it.each([
    ['up/nothing', 404, 'context_cache_not_found'],
    ['no/kept/1', 404, 'provider_not_found'],
    ['up/', 400, null],
    ['up/a%00b', 400, null],
    ['up/a%20b', 400, null],
  ])('answers %s with %i', async (path, status, code) => {
    const { reply } = await remove(path);
    expect(reply.statusCode).toBe(status);
    if (code !== null) expect(reply.json().error.code).toBe(code);
  });

  it('says when the provider refuses', async () => {
    const refuse = async () => {
      throw new UpstreamRefusal({ ...failed('authentication', 'no'), status: 401 });
    };
    const { reply } = await remove('up/kept/1', { remove: refuse });
    expect(reply.statusCode).toBe(502);
    expect(reply.json().error.message).toContain('authentication, status 401');
  });
});

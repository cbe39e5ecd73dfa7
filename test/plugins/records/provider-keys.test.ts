import Fastify from 'fastify';
import fp from 'fastify-plugin';
import { describe, expect, it, vi } from 'vitest';
import records from '../../../plugins/records/index.ts';
import providerKeys from '../../../plugins/records/provider-keys.ts';
import { Health } from '../../../plugins/router/health.ts';
import { secretsOfProvider } from '../../../providers/secrets.ts';
import type { ProviderConfig } from '../../../schemas/config.ts';
import { opened } from '../../helper/cleanup.ts';
import { healthOptions, provider, providerType } from '../router/targets.ts';
import { directory, kek, SharedStore } from './state.ts';

const secret = 'sk-CANARY-0123456789abcdef';

/** A replica with these providers, each as its configuration says. */
async function replica(entries: Readonly<Record<string, Partial<ProviderConfig>>>, store = new SharedStore()) {
  const health = new Health(healthOptions, () => 0);
  const providers = new Map(Object.entries(entries).map(([name, config]) => [name, provider(name, config)]));
  providers.set('inside', provider('inside', {}, providerType({ serve: () => ({ status: 200, headers: {}, steps: [] }) })));
  const router = fp(async (app) => void app.decorate('router', { providers, targetHealth: health } as never), { name: 'router' });
  const app = opened(Fastify());
  await app.register(records, { dataDir: directory(), encryptionKey: kek(1), store, poll: 5 });
  await app.register(router);
  await app.register(providerKeys);
  await app.ready();
  const sent = (name: string): string[] => providers.get(name)!.credentials.map(({ headers }) => headers.authorization ?? '');
  const size = (name: string): number => health.pool(providers.get(name)!).size;
  return { app, keys: app.providerKeys, sent, size, providers, store };
}

const failing = (work: Promise<unknown>) =>
  work.then(
    () => 'nothing failed',
    (error: unknown) => error,
  );

describe('keys of providers that are added while the gateway runs', () => {
  it('join those of the configuration, and leave them again', async () => {
    const { keys, sent, size, providers } = await replica({ up: { api_key: 'sk-configured' }, other: { api_key: 'sk-other' } });
    const before = providers.get('up')!.credentials[0];
    const made = await keys.create('up', { key: secret, name: 'mine', weight: 3 });
    expect(made).toEqual({
      id: expect.stringMatching(/^pkey_[0-9a-f]{24}$/),
      provider: 'up',
      name: 'mine',
      weight: 3,
      createdAt: expect.any(Number),
    });
    expect(sent('up')).toEqual(['Bearer sk-configured', `Bearer ${secret}`]);
    expect(providers.get('up')!.credentials[0]).toBe(before);
    expect([size('up'), size('other')]).toEqual([2, 1]);
    expect(keys.list('up')).toEqual([made]);
    await keys.remove('up', made.id);
    expect(sent('up')).toEqual(['Bearer sk-configured']);
    expect([size('up'), keys.list('up').length]).toEqual([1, 0]);
  });

  it('are the first of a provider that waits for them, and the only ones of one that works without', async () => {
    const { keys, sent, size } = await replica({ waits: { api_keys: [] }, plain: {} });
    expect([size('waits'), size('plain')]).toEqual([0, 1]);
    const first = await keys.create('waits', { key: secret });
    const second = await keys.create('plain', { key: `${secret}-2` });
    expect([size('waits'), size('plain')]).toEqual([1, 1]);
    expect([...sent('waits'), ...sent('plain')]).toEqual([`Bearer ${secret}`, `Bearer ${secret}-2`]);
    await keys.remove('waits', first.id);
    await keys.remove('plain', second.id);
    expect([size('waits'), size('plain')]).toEqual([0, 1]);
    expect([...sent('waits'), ...sent('plain')]).toEqual(['', '']);
  });

  it('are hidden in what upstreams say as soon as they are used', async () => {
    const { keys, providers } = await replica({ up: { api_key: 'sk-configured-0123456789' } });
    expect(secretsOfProvider(providers.get('up')!).join()).not.toContain(secret);
    await keys.create('up', { key: secret });
    expect(secretsOfProvider(providers.get('up')!).join()).toContain(secret);
  });

  it('are known to every replica within two seconds, their removal as well, and after a restart', async () => {
    const one = await replica({ up: { api_keys: [] } });
    const other = await replica({ up: { api_keys: [] } }, one.store);
    const { id } = await one.keys.create('up', { key: secret, name: 'mine' });
    await vi.waitFor(() => expect(other.sent('up')).toEqual([`Bearer ${secret}`]));
    const late = await replica({ up: { api_keys: [] } }, one.store);
    expect(late.sent('up')).toEqual([`Bearer ${secret}`]);
    await other.keys.remove('up', id);
    for (const each of [one, late]) await vi.waitFor(() => expect(each.size('up')).toBe(0));
  });

  it('of a provider that has left the configuration are kept for when it comes back', async () => {
    const one = await replica({ up: { api_keys: [] } });
    await one.keys.create('up', { key: secret });
    const without = await replica({ other: {} }, one.store);
    expect(without.sent('other')).toEqual(['']);
    expect((await replica({ up: { api_keys: [] } }, one.store)).size('up')).toBe(1);
  });

  it.each([
    ['a provider nobody knows', 'nobody', { key: secret }, { status: 404, code: 'provider_not_found' }],
    ['a provider named like a member of every object', '__proto__', { key: secret }, { status: 404, code: 'provider_not_found' }],
    ['a provider that answers in this process', 'inside', { key: secret }, { status: 400 }],
    ['a provider whose own header stands above keys', 'header', { key: secret }, { status: 400 }],
    ['a key with a line break', 'up', { key: 'sk-0123\n456' }, { status: 400, param: 'key' }],
    ['a placeholder', 'up', { key: 'your-key-here' }, { status: 400, param: 'key' }],
    ['a name that is the key', 'up', { key: 'sk-0123456789', name: 'sk-0123456789' }, { status: 400, param: 'name' }],
    ['a name that is taken', 'up', { key: secret, name: '1' }, { status: 409, code: 'name_taken', param: 'name' }],
    ['a key it has', 'up', { key: 'sk-configured' }, { status: 409, code: 'key_taken', param: 'key' }],
  ])('are refused for %s', async (_what, name, wanted, expected) => {
    const { keys, store } = await replica({
      up: { api_key: 'sk-configured' },
      header: { headers: { Authorization: 'Basic x' } },
    });
    const error = await failing(keys.create(name, wanted));
    expect(error).toMatchObject(expected);
    expect(String((error as Error).message)).not.toContain(wanted.key);
    expect(store.writes).toEqual([]);
  });

  it('are at most a hundred for each provider', async () => {
    const { keys } = await replica({ up: {} });
    for (let at = 0; at < 100; at++) await keys.create('up', { key: `${secret}-${at}` });
    expect(await failing(keys.create('up', { key: `${secret}-100` }))).toMatchObject({ status: 409, code: 'too_many_keys' });
  });

  it('cannot be removed by the name of another provider, twice, or where nothing is kept', async () => {
    const { keys, store, size } = await replica({ up: {}, other: {} });
    const { id } = await keys.create('up', { key: secret });
    expect(await failing(keys.remove('other', id))).toMatchObject({ status: 404, code: 'provider_key_not_found' });
    store.down = true;
    expect(await failing(keys.remove('up', id))).toMatchObject({ status: 503 });
    expect(await failing(keys.create('up', { key: 'sk-later-0123' }))).toMatchObject({ status: 503 });
    expect(size('up')).toBe(1);
    store.down = false;
    await keys.remove('up', id);
    expect(await failing(keys.remove('up', id))).toMatchObject({ status: 404 });
  });
});

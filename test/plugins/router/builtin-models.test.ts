import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { builtinModels } from '../../../plugins/usage/models.ts';
import type { Config } from '../../../schemas/config.ts';
import { providerType } from './targets.ts';

const local = providerType({ type: 'local', serve: () => ({ status: 200, headers: {}, steps: [] }) });
const remote = providerType({
  type: 'remote',
  defaults: { priceProvider: 'acme-data' },
  presets: { plain: {}, other: { priceProvider: 'other-data' } },
});

function source() {
  const read: string[] = [];
  return {
    read,
    builtinModels: async (name: string) => {
      read.push(name);
      return [{ id: `${name}-model`, created: 0, ownedBy: name }];
    },
  };
}

const config = (providers: object) => ({ providers }) as unknown as Config;

describe('the built-in model lists', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('are there from the start when a provider needs them, each read once', async () => {
    const usage = source();
    const list = await builtinModels(usage, [remote, local, remote], config({ a: { type: 'remote' } }));
    expect(usage.read).toEqual(['acme-data', 'other-data']);
    expect(list('other-data').map(({ id }) => id)).toEqual(['other-data-model']);
    expect(list('unknown')).toEqual([]);
  });

  it.each([
    ['every provider answers in process', { a: { type: 'local' } }],
    ['the others are off', { a: { type: 'local' }, b: { type: 'remote', enabled: false } }],
  ])('are read after the start when %s', async (_name, providers) => {
    const usage = source();
    const list = await builtinModels(usage, [remote, local], config(providers));
    expect(usage.read).toEqual([]);
    expect(list('acme-data')).toEqual([]);
    await vi.advanceTimersByTimeAsync(500);
    expect(list('acme-data')).toHaveLength(1);
  });

  it('that cannot be read later are only missed', async () => {
    const usage = { builtinModels: () => Promise.reject(new Error('gone')) };
    const list = await builtinModels(usage, [remote], config({}));
    await vi.advanceTimersByTimeAsync(500);
    expect(list('acme-data')).toEqual([]);
  });
});

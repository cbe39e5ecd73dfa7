import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import usage from '../../../plugins/usage/index.ts';
import { intent, openLedger, prices, readRows, settlement, target, temporaryDirectory } from './sample.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let app: FastifyInstance;

beforeEach(() => {
  directory = temporaryDirectory();
  app = Fastify();
});
afterEach(async () => {
  await app.close();
  directory.remove();
});

const register = async (
  more: { fsync?: 'normal' | 'always'; retentionDays?: number; firstRemoval?: number; now?: () => number } = {},
) => {
  await app.register(usage, { dataDir: directory.path, fsync: 'normal', prices, version: 'c1', ...more });
  await app.ready();
};

describe('the usage plugin', () => {
  it('registers alone and adds exactly the decorator usage', async () => {
    const before = new Set(Object.keys(app));
    await register();
    expect(Object.keys(app).filter((name) => !before.has(name))).toEqual(['usage']);
  });

  it('commits what is queued and gives the directory back when the server closes', async () => {
    await register();
    void app.usage.open(intent(), target()).settle(settlement());
    await app.close();
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ state: 'settled' })]);
    await openLedger(directory.path).ledger.close();
  });

  it('settles what an earlier process left open before it serves', async () => {
    const earlier = openLedger(directory.path);
    await earlier.ledger.open(intent(), target()).committed;
    earlier.store.close();
    await register();
    expect(readRows(directory.path)).toEqual([expect.objectContaining({ outcome: 'unknown', reason: 'unknown_outcome' })]);
  });

  it('survives a power loss at every commit when asked to', async () => {
    await register({ fsync: 'always' });
    await app.usage.open(intent(), target()).settle(settlement());
    app.usage.flush();
    expect(readRows(directory.path)).toHaveLength(1);
  });

  it('removes what is older than it is to be kept, and keeps its sums', async () => {
    await register({ retentionDays: 90 });
    for (let call = 0; call < 3; call++) {
      await app.usage.open(intent(), target()).settle(settlement());
      app.usage.flush();
    }
    await app.close();
    expect(readRows(directory.path)).toHaveLength(3);
    app = Fastify();
    const later = () => Date.now() + 91 * 86_400_000;
    await register({ retentionDays: 90, firstRemoval: 1, now: later });
    // The newest batch stays.
    await expect.poll(() => readRows(directory.path).length).toBeLessThan(2);
    expect(app.usage.charges.sums(0)[0]).toMatchObject({ requests: 3 });
    expect(app.usage.replica).toMatch(/^[0-9a-f]{16}$/);
  });

  it('tells prices and model data', async () => {
    await register();
    expect(app.usage.price(target())).toMatchObject({ source: 'config', version: 'c1' });
    expect(app.usage.price(target({ model: 'other' }))).toBeNull();
    expect((await app.usage.builtinModels('openai')).length).toBeGreaterThan(50);
  });

  it('does not start on prices that are out of range', async () => {
    const broken = Fastify();
    const registered = broken.register(usage, {
      dataDir: directory.path,
      fsync: 'normal',
      prices: { 'a/b': { input: 1e9 } },
      version: 'c1',
    });
    await expect(registered).rejects.toThrow(/prices\."a\/b"/);
    await broken.close();
  });
});

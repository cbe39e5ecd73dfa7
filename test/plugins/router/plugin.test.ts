import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Decision } from '../../../plugins/router/decision.ts';
import router from '../../../plugins/router/index.ts';
import upstream from '../../../plugins/upstream/index.ts';
import type { ModelInfo } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { opened, whenDone } from '../../helper/cleanup.ts';
import { json } from '../../helper/replies.ts';
import { startUpstream } from '../../helper/upstream.ts';
import { anyCall, failure, healthOptions, manualClock, providerType } from './targets.ts';

const clock = manualClock();

async function build(config: object, builtin: readonly ModelInfo[] = []): Promise<FastifyInstance> {
  const app = Fastify();
  whenDone(() => app.close());
  await app.register(upstream, { connectTimeout: () => 1_000 });
  await app.register(router, {
    config: {
      providers: {},
      models: {},
      health: healthOptions,
      retries: { max_attempts: 3, backoff: 1, budget: { ratio: 0.2, min_per_second: 1, window: 10_000 } },
      ...config,
    } as unknown as Config,
    builtin: () => builtin,
    ratesOf: () => null,
    now: clock.now,
  });
  return app;
}

const entry = (type: string, more: object = {}) => ({ type, base_url: 'http://127.0.0.1:1', ...more });

describe('the router plugin', () => {
  it('makes providers of a type when it registers, in the order of the file', async () => {
    const app = await build({ providers: { b: entry('acme'), a: entry('other'), c: entry('acme'), d: entry('nobody') } });
    app.router.register(providerType({ type: 'other' }));
    app.router.register(providerType({ type: 'acme' }));
    expect([...app.router.providers.keys()]).toEqual(['b', 'a', 'c']);
  });

  it('makes each provider once', async () => {
    const app = await build({ providers: { a: entry('acme') } });
    app.router.register(providerType({ type: 'acme' }));
    const first = app.router.providers.get('a');
    app.router.register(providerType({ type: 'other' }));
    expect(app.router.providers.get('a')).toBe(first);
  });

  it('leaves out what is switched off', async () => {
    const app = await build({ providers: { a: entry('acme', { enabled: false }) } });
    app.router.register(providerType({ type: 'acme' }));
    expect(app.router.providers.size).toBe(0);
    expect(() => app.router.resolve('a/x')).toThrow(/does not exist/);
  });

  it('knows a type that registers after a name was asked for', async () => {
    const app = await build({ providers: { a: entry('acme') } });
    expect(() => app.router.resolve('a/x')).toThrow();
    app.router.register(providerType({ type: 'acme' }));
    expect(app.router.resolve('a/x').groups[0]!.targets[0]!.id).toBe('a/x');
  });

  it('shows the health of configured targets and of those asked for', async () => {
    const app = await build({ providers: { a: entry('acme') }, models: { smart: { targets: [{ provider: 'a', model: 'm' }] } } });
    app.router.register(providerType({ type: 'acme' }));
    const target = app.router.resolve('a/other').groups[0]!.candidates[0]!;
    app.router.targetHealth.failed(app.router.targetHealth.admit(target), failure('rate_limit'));
    expect(app.router.health().map((each) => [each.target, each.unavailableUntil !== null])).toEqual([
      ['a/m', false],
      ['a/other', true],
    ]);
  });

  it('plans the attempts of a route', async () => {
    const app = await build({ providers: { a: entry('acme') }, models: { smart: { targets: [{ provider: 'a', model: 'm' }] } } });
    app.router.register(providerType({ type: 'acme' }));
    const plan = app.router.plan(app.router.resolve('smart'), anyCall, new Decision());
    expect([plan.next('first')?.target.id, plan.next('failover')]).toEqual(['a/m', null]);
  });

  it('fetches model lists once it listens, so that their names resolve', async () => {
    const server = opened(await startUpstream(json(200, ['fresh'])));
    const app = await build({ providers: { a: { type: 'acme', base_url: server.url } } });
    app.router.register(
      providerType({
        catalogue: ({ path }) => ({
          request: { method: 'GET', path: `${path}/models`, headers: {}, body: null },
          read: (bytes) => (JSON.parse(bytes.toString()) as string[]).map((id) => ({ id, created: 1, ownedBy: 'a' })),
        }),
      }),
    );
    expect(app.router.model('fresh')).toBeNull();
    await app.listen({ host: '127.0.0.1', port: 0 });
    await expect
      .poll(() => app.router.model('fresh'))
      .toMatchObject({ id: 'fresh', created: 1, ownedBy: 'a', source: 'upstream', targets: [{ id: 'a/fresh' }] });
    expect(server.calls.map((call) => `${call.method} ${call.path}`)).toEqual(['GET /v1/models']);
    expect(app.router.models()).toHaveLength(1);
  });
});

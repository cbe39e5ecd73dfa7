import fp from 'fastify-plugin';
import { createInstance } from '../../providers/instance.ts';
import type { ModelInfo, ProviderInstance, ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { Catalogue } from './catalogue.ts';
import { keepFetching } from './fetch.ts';
import { Health } from './health.ts';
import { type Eligible, Plan } from './plan.ts';
import { RetryBudget } from './retry-budget.ts';
import type { Route, Router } from './types.ts';

export type { Admission, Health } from './health.ts';
export type { Eligible, Plan } from './plan.ts';
export type * from './types.ts';

export interface RouterOptions {
  readonly config: Config;
  /** Models the built-in data lists for a provider of that data. */
  readonly builtin: (priceProvider: string) => readonly ModelInfo[];
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** What the attempt loop needs beside the public face. */
export interface RouterCore extends Router {
  readonly targetHealth: Health;
  readonly retryBudget: RetryBudget;
  plan(route: Route, eligible: Eligible): Plan;
}

declare module 'fastify' {
  interface FastifyInstance {
    router: RouterCore;
  }
}

export default fp<RouterOptions>(
  async (app, options) => {
    const { config } = options;
    const now = options.now ?? (() => performance.now());
    const targetHealth = new Health(config.health, now);
    const retryBudget = new RetryBudget(config.retries.budget, now);
    const types: ProviderType[] = [];
    const providers = new Map<string, ProviderInstance>();
    let catalogue: Catalogue | null = null;
    let stopFetching = (): void => {};

    /** Made when first asked for, after every provider plugin has registered. */
    function current(): Catalogue {
      catalogue ??= new Catalogue({
        models: config.models,
        providers,
        types,
        builtin: options.builtin,
        random: options.random ?? Math.random,
      });
      return catalogue;
    }

    app.decorate('router', {
      providers,
      targetHealth,
      retryBudget,
      register(type) {
        types.push(type);
        // The map keeps the order of the file: bare ids go to the first provider that has them.
        const made = new Map(providers);
        providers.clear();
        for (const [name, entry] of Object.entries(config.providers)) {
          if (entry.enabled === false) continue;
          const known = made.get(name);
          if (known !== undefined) providers.set(name, known);
          else if (entry.type === type.type) providers.set(name, createInstance(name, entry, type));
        }
        catalogue = null;
      },
      resolve: (model) => current().resolve(model),
      models: () => current().models(),
      model: (id) => current().model(id),
      health: () => targetHealth.snapshot(current().targets()),
      plan: (route, eligible) => new Plan(route, targetHealth, eligible),
    } satisfies RouterCore as RouterCore);

    app.addHook('onListen', (done) => {
      stopFetching = keepFetching(app.upstream, providers.values(), app.log, (provider, models) => {
        current().setFetched(provider, models);
      });
      done();
    });
    app.addHook('onClose', async () => stopFetching());
  },
  { name: 'router', dependencies: ['upstream'], fastify: '5.x' },
);

import fp from 'fastify-plugin';
import { createInstance } from '../../providers/instance.ts';
import type { ModelInfo, ProviderInstance, ProviderType } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { CallersHealth } from './callers-health.ts';
import { Catalogue } from './catalogue.ts';
import type { Decision } from './decision.ts';
import { keepFetching } from './fetch.ts';
import { Health } from './health.ts';
import { Plan, type PlanCall } from './plan.ts';
import { type RatesOf, type Restrictions, restrictionsOf, type Wishes } from './restrictions.ts';
import { RetryBudget } from './retry-budget.ts';
import type { Route, Router } from './types.ts';
import { WaitingRoom } from './waiting.ts';

export type { Candidate } from './candidate.ts';
export { Decision, type Purpose, type SendNote } from './decision.ts';
export type { Admission, Health } from './health.ts';
export type { Plan, PlanCall } from './plan.ts';
export type { Disallowed, Restriction, Restrictions, Wishes } from './restrictions.ts';
export { AmongProviders } from './restrictions.ts';
export { RetryBudget } from './retry-budget.ts';
export type * from './types.ts';

export interface RouterOptions {
  readonly config: Config;
  /** Models the built-in data lists for a provider of that data. */
  readonly builtin: (priceProvider: string) => readonly ModelInfo[];
  /** Prices of a target now; null when unknown. */
  readonly ratesOf: RatesOf;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/** What the attempt loop needs beside the public face. */
export interface RouterCore extends Router {
  readonly targetHealth: Health;
  readonly retryBudget: RetryBudget;
  /** Calls that wait for a target at its limit. */
  readonly waiting: WaitingRoom;
  /** What a caller allows, as the plan asks for it; null when everything. */
  restrictions(wishes: Wishes): Restrictions | null;
  plan(route: Route, call: PlanCall, decision: Decision): Plan;
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
    const random = options.random ?? Math.random;
    const targetHealth = new Health(config.health, now);
    const callersHealth = new CallersHealth(targetHealth);
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
        random,
        ratesOf: options.ratesOf,
        stateOf: (target, configured) => targetHealth.state(target, configured),
      });
      return catalogue;
    }

    app.decorate('router', {
      providers,
      targetHealth,
      retryBudget,
      waiting: new WaitingRoom({
        max: config.limits?.queue.max ?? 0,
        usable: (state) => targetHealth.exclusion(state, now()) === null,
        now,
      }),
      restrictions: (wishes) => restrictionsOf(wishes, options.ratesOf),
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
      keys: (provider) => targetHealth.keys(provider),
      plan: (route, call, decision) =>
        new Plan(route, { health: call.callersKey === true ? callersHealth : targetHealth, random }, call, decision),
    } satisfies RouterCore as RouterCore);

    app.addHook('onListen', (done) => {
      stopFetching = keepFetching(
        app.upstream,
        providers.values(),
        app.log,
        (provider, models) => current().setFetched(provider, models),
        // Another one each time: what one key may not list, another may.
        (provider, time) => targetHealth.pool(provider).working(time, now()),
      );
      done();
    });
    app.addHook('onClose', async () => stopFetching());
  },
  { name: 'router', dependencies: ['upstream'], fastify: '5.x' },
);

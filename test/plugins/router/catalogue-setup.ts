import { ModelNotFoundError } from '../../../plugins/errors/classes.ts';
import { Catalogue } from '../../../plugins/router/catalogue.ts';
import { Health } from '../../../plugins/router/health.ts';
import type { Route } from '../../../plugins/router/types.ts';
import type { ModelInfo, ProviderInstance, ProviderType } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { healthOptions, provider, providerType } from './targets.ts';

export const info = (id: string): ModelInfo => ({ id, created: 7, ownedBy: 'vendor' });

export interface Setup {
  readonly models?: Config['models'];
  readonly providers?: readonly ProviderInstance[];
  readonly types?: readonly ProviderType[];
  /** Built-in data: provider of the data -> ids. */
  readonly builtin?: Readonly<Record<string, readonly string[]>>;
}

export function catalogue({
  models = {},
  providers = [provider('one'), provider('two')],
  types = [],
  builtin = {},
}: Setup = {}): Catalogue {
  const health = new Health(healthOptions, () => 0);
  return new Catalogue({
    models,
    providers: new Map(providers.map((each) => [each.name, each])),
    types,
    builtin: (name) => (builtin[name] ?? []).map(info),
    random: Math.random,
    ratesOf: () => null,
    stateOf: (target) => health.state(target),
  });
}

/** Groups of a route as `id*weight` lists. */
export const shape = (route: Route): string[][] => route.groups.map((group) => group.targets.map((each) => each.id));

export function refusal(of: Catalogue, model: string): ModelNotFoundError {
  try {
    of.resolve(model);
  } catch (error) {
    if (error instanceof ModelNotFoundError) return error;
    throw error;
  }
  throw new Error(`${model.slice(0, 100)} resolves.`);
}

export const to = (name: string, model: string) => ({ targets: [{ provider: name, model }] });
export const data = (name: string, priceProvider: string) =>
  provider(name, {}, providerType({ type: `${name}-type`, defaults: { priceProvider } }));

import { describe, expect, it } from 'vitest';
import { ModelNotFoundError } from '../../../plugins/errors/classes.ts';
import { Catalogue } from '../../../plugins/router/catalogue.ts';
import type { Route } from '../../../plugins/router/types.ts';
import type { ModelInfo, ProviderInstance, ProviderType } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { provider, providerType } from './targets.ts';

const info = (id: string): ModelInfo => ({ id, created: 7, ownedBy: 'vendor' });

interface Setup {
  readonly models?: Config['models'];
  readonly providers?: readonly ProviderInstance[];
  readonly types?: readonly ProviderType[];
  /** Built-in data: provider of the data -> ids. */
  readonly builtin?: Readonly<Record<string, readonly string[]>>;
}

function catalogue({
  models = {},
  providers = [provider('one'), provider('two')],
  types = [],
  builtin = {},
}: Setup = {}): Catalogue {
  return new Catalogue({
    models,
    providers: new Map(providers.map((each) => [each.name, each])),
    types,
    builtin: (name) => (builtin[name] ?? []).map(info),
    random: Math.random,
  });
}

/** Groups of a route as `id*weight` lists. */
const shape = (route: Route): string[][] => route.groups.map((group) => group.targets.map((each) => each.id));

function refusal(of: Catalogue, model: string): ModelNotFoundError {
  try {
    of.resolve(model);
  } catch (error) {
    if (error instanceof ModelNotFoundError) return error;
    throw error;
  }
  throw new Error(`${model.slice(0, 100)} resolves.`);
}

const to = (name: string, model: string) => ({ targets: [{ provider: name, model }] });
const data = (name: string, priceProvider: string) =>
  provider(name, {}, providerType({ type: `${name}-type`, defaults: { priceProvider } }));

describe('what a model name stands for, strongest first', () => {
  it('an exact name beats a pattern', () => {
    const names = catalogue({ models: { 'fast*': to('one', 'pattern'), 'fast-1': to('one', 'exact') } });
    expect(shape(names.resolve('fast-1'))).toEqual([['one/exact']]);
  });

  it('the longest matching pattern beats shorter ones, in any order of the file', () => {
    const names = catalogue({ models: { 'f*': to('one', 'short'), 'fast-*': to('one', 'long'), 'fa*': to('one', 'middle') } });
    expect(shape(names.resolve('fast-1'))).toEqual([['one/long']]);
    expect(shape(names.resolve('fax'))).toEqual([['one/middle']]);
  });

  it('a pattern beats provider/model', () => {
    const names = catalogue({ models: { 'one/*': to('two', '*') } });
    expect(shape(names.resolve('one/x'))).toEqual([['two/x']]);
  });

  it('provider/model beats a bare id with a slash in it', () => {
    const names = catalogue({ providers: [provider('one', { models: ['two/x'] }), provider('two')] });
    expect(shape(names.resolve('two/x'))).toEqual([['two/x']]);
  });

  it('provider/model is never checked against a list', () => {
    expect(shape(catalogue().resolve('two/not-in-any-list'))).toEqual([['two/not-in-any-list']]);
  });

  it('a bare id of the built-in data goes to its provider', () => {
    const names = catalogue({ providers: [provider('one'), data('two', 'acme-data')], builtin: { 'acme-data': ['large'] } });
    expect(shape(names.resolve('large'))).toEqual([['two/large']]);
  });

  it('built-in data beats a fetched list', () => {
    const one = provider('one');
    const names = catalogue({ providers: [one, data('two', 'acme-data')], builtin: { 'acme-data': ['large'] } });
    names.setFetched(one, [info('large')]);
    expect(shape(names.resolve('large'))).toEqual([['two/large']]);
  });

  it('a fetched id is the last to be looked at', () => {
    const one = provider('one');
    const names = catalogue({ providers: [one] });
    refusal(names, 'brand-new');
    names.setFetched(one, [info('brand-new')]);
    expect(shape(names.resolve('brand-new'))).toEqual([['one/brand-new']]);
  });

  it('of several providers the first in the file has the id', () => {
    const providers = [provider('zeta', { models: ['m'] }), provider('alpha', { models: ['m'] })];
    expect(shape(catalogue({ providers }).resolve('m'))).toEqual([['zeta/m']]);
  });

  it('the first in the file has a fetched id, whichever list came first and whoever asked in between', () => {
    const providers = [provider('zeta'), provider('alpha')] as const;
    const names = catalogue({ providers });
    names.setFetched(providers[1], [info('m')]);
    expect(shape(names.resolve('m'))).toEqual([['alpha/m']]);
    names.setFetched(providers[0], [info('m')]);
    expect(shape(names.resolve('m'))).toEqual([['zeta/m']]);
  });

  it('an id that left the fetched list is not found any more', () => {
    const one = provider('one');
    const names = catalogue({ providers: [one] });
    names.setFetched(one, [info('m')]);
    names.resolve('m');
    names.setFetched(one, []);
    refusal(names, 'm');
  });
});

describe('routes', () => {
  it('puts what the asterisk matched where the target has one', () => {
    const names = catalogue({
      models: {
        'any/*': {
          targets: [
            { provider: 'one', model: '*' },
            { provider: 'two', model: 'fixed' },
          ],
        },
      },
    });
    expect(shape(names.resolve('any/deep/er'))).toEqual([['one/deep/er', 'two/fixed']]);
  });

  it('needs something in place of the asterisk', () => {
    refusal(catalogue({ models: { 'any-*': to('one', '*') } }), 'any-');
  });

  it('takes everything with the pattern *', () => {
    expect(shape(catalogue({ models: { '*': to('one', '*') } }).resolve('x/y'))).toEqual([['one/x/y']]);
  });

  it('keeps slashes in upstream ids', () => {
    const [group] = catalogue().resolve('one/org/model:free').groups;
    expect(group!.targets[0]).toMatchObject({ id: 'one/org/model:free', model: 'org/model:free' });
  });

  it('keeps weights, vector lengths, strategy and timeouts', () => {
    const names = catalogue({
      models: {
        smart: {
          strategy: 'round-robin',
          timeouts: { total: 5_000 },
          targets: [
            { provider: 'one', model: 'a', weight: 3, dimensions: 256 },
            { provider: 'two', model: 'b' },
          ],
        },
      },
    });
    const route = names.resolve('smart');
    expect(route).toMatchObject({ model: 'smart', timeouts: { total: 5_000 } });
    expect(route.groups[0]).toMatchObject({ name: 'smart', strategy: 'round-robin' });
    expect(route.groups[0]!.targets.map(({ weight, dimensions }) => [weight, dimensions])).toEqual([
      [3, 256],
      [1, undefined],
    ]);
  });

  it('selects by weight unless told otherwise', () => {
    expect(catalogue({ models: { smart: to('one', 'a') } }).resolve('smart').groups[0]!.strategy).toBe('weighted');
  });

  it('puts fallbacks behind, each with its own strategy, in order and in depth', () => {
    const names = catalogue({
      models: {
        first: { ...to('one', 'a'), fallbacks: ['second', 'fourth'] },
        second: { ...to('one', 'b'), strategy: 'priority', fallbacks: ['third'] },
        third: to('two', 'c'),
        fourth: to('two', 'd'),
      },
    });
    const route = names.resolve('first');
    expect(shape(route)).toEqual([['one/a'], ['one/b'], ['two/c'], ['two/d']]);
    expect(route.groups.map((group) => group.strategy)).toEqual(['weighted', 'priority', 'weighted', 'weighted']);
  });

  it('ends where fallbacks go in a circle', () => {
    const names = catalogue({
      models: { a: { ...to('one', 'a'), fallbacks: ['b'] }, b: { ...to('two', 'b'), fallbacks: ['a', 'b'] } },
    });
    expect(shape(names.resolve('a'))).toEqual([['one/a'], ['two/b']]);
    expect(shape(names.resolve('b'))).toEqual([['two/b'], ['one/a']]);
  });

  it('leaves out targets whose provider is off', () => {
    const names = catalogue({
      models: {
        smart: {
          targets: [
            { provider: 'off', model: 'x' },
            { provider: 'one', model: 'y' },
          ],
        },
      },
    });
    expect(shape(names.resolve('smart'))).toEqual([['one/y']]);
  });

  it('is the same object with each call, so that its strategy can count', () => {
    const names = catalogue({ models: { smart: to('one', 'a'), 'any/*': to('one', '*') } });
    for (const name of ['smart', 'any/x', 'two/y']) expect(names.resolve(name)).toBe(names.resolve(name));
  });
});

describe('a name that stands for nothing', () => {
  it('is a 404 model_not_found at the parameter model', () => {
    expect(refusal(catalogue(), 'nothing')).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
      shouldRetry: false,
    });
  });

  it('is told the nearest names', () => {
    const names = catalogue({ models: { smart: to('one', 'a') }, providers: [provider('one', { models: ['north-4'] })] });
    expect(refusal(names, 'smrat').message).toContain('Did you mean `smart`?');
    expect(refusal(names, 'nroth-4').message).toMatch(/Did you mean `(one\/)?north-4`/);
  });

  it('is told the variable that turns its provider on', () => {
    const off = providerType({
      type: 'acme',
      defaults: { priceProvider: 'acme-data' },
      environment: [{ provider: 'acme', apiKey: ['ACME_API_KEY', 'OTHER'], baseUrl: ['ACME_BASE_URL'] }],
    });
    const names = catalogue({ types: [off], builtin: { 'acme-data': ['large'] } });
    for (const model of ['acme/anything', 'large'])
      expect(refusal(names, model).message).toContain('acme, which is off: set ACME_API_KEY');
  });

  it('is told the variable of the address where a provider needs no key', () => {
    const off = providerType({ environment: [{ provider: 'here', apiKey: [], baseUrl: ['HERE_BASE_URL'] }] });
    expect(refusal(catalogue({ types: [off] }), 'here/x').message).toContain('set HERE_BASE_URL');
  });

  it('is told how to name any upstream model', () => {
    expect(refusal(catalogue(), 'completely-unlike-anything').message).toMatch(/GET \/v1\/models.*`one\/…`, `two\/…`/);
  });

  it.each([
    '',
    '/',
    'one/',
    '/x',
    'one',
    '*',
    'any/*/x',
    '../../etc',
    '?key=1',
    '%00',
    '\0',
    '\r\nx: y',
    'ｓmart',
    '__proto__',
    'constructor',
    'toString',
  ])('I11: %j is not found', (model) => {
    refusal(catalogue({ models: { smart: to('one', 'a') } }), model);
  });

  it('I11: a name of a megabyte is not found in milliseconds, and its message is short', () => {
    const names = catalogue({ models: { 'any/*': to('one', '*') }, providers: [provider('one', { models: ['north-4'] })] });
    for (const model of ['x'.repeat(1_048_576), `one/${'x'.repeat(1_048_576)}`, `any/${'x'.repeat(1_048_576)}`]) {
      const before = performance.now();
      const { message } = refusal(names, model);
      expect(performance.now() - before).toBeLessThan(50);
      expect(message.length).toBeLessThan(500);
    }
  });

  it('I11: a name at a provider is handed over as it is, never cut or decoded', () => {
    for (const model of ['../../x', 'a?key=b', 'a%00b', 'a\r\nb', 'ｓmart', '__proto__', ' a ']) {
      expect(catalogue().resolve(`one/${model}`).groups[0]!.targets[0]!.model).toBe(model);
    }
  });
});

describe('what is remembered of names that callers make up', () => {
  it('is bounded', () => {
    const names = catalogue({ models: { smart: to('one', 'a') } });
    for (let count = 0; count < 10_000; count++) names.resolve(`one/made-up-${count}`);
    expect([...names.targets()].length).toBeLessThanOrEqual(2_000);
  });

  it('never displaces the targets of the configuration', () => {
    const names = catalogue({ models: { smart: to('one', 'a') } });
    for (let count = 0; count < 3_000; count++) names.resolve(`one/made-up-${count}`);
    expect([...names.targets()].map((each) => each.id)).toContain('one/a');
  });
});

describe('the list of models', () => {
  const setup: Setup = {
    models: { smart: to('one', 'a'), 'any/*': to('one', '*') },
    providers: [provider('one', { models: ['written', 'shared'] }), data('two', 'acme-data')],
    builtin: { 'acme-data': ['large', 'large'] },
  };

  it('has configured names and what providers are known to have, no patterns, each id once', () => {
    expect(
      catalogue(setup)
        .models()
        .map(({ id, source }) => `${source} ${id}`),
    ).toEqual(['configured smart', 'provider one/written', 'provider one/shared', 'provider two/large']);
  });

  it('has what the upstream lists instead of the built-in data, and still what the file says', () => {
    const names = catalogue(setup);
    names.setFetched(setup.providers![1]!, [info('huge')]);
    names.setFetched(setup.providers![0]!, [info('written')]);
    expect(names.models().map(({ id, source }) => `${source} ${id}`)).toEqual([
      'configured smart',
      'upstream one/written',
      'provider one/shared',
      'upstream two/huge',
    ]);
  });

  it('every id of the list resolves and is found alone', () => {
    const names = catalogue(setup);
    names.setFetched(setup.providers![1]!, [info('huge')]);
    for (const model of names.models()) {
      expect(names.resolve(model.id).groups.length).toBe(1);
      expect(names.model(model.id)).toEqual(model);
    }
  });

  it('finds one model by its bare id, under the id asked for', () => {
    const names = catalogue(setup);
    expect(names.model('large')).toEqual({ id: 'large', created: 7, ownedBy: 'vendor', source: 'provider' });
    names.setFetched(setup.providers![1]!, [info('huge')]);
    expect(names.model('huge')).toMatchObject({ id: 'huge', source: 'upstream' });
  });

  it.each(['', 'one/', 'one/unknown', 'nothing', 'any/*', '__proto__'])('finds no model %j', (id) => {
    expect(catalogue(setup).model(id)).toBeNull();
  });
});

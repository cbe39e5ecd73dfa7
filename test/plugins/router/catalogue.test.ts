import { describe, expect, it } from 'vitest';
import { catalogue, data, info, refusal, shape, to } from './catalogue-setup.ts';
import { provider } from './targets.ts';

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

import { describe, expect, it } from 'vitest';
import { fastest, timed } from '../upstream/fastest.ts';
import { catalogue, data, info, refusal, type Setup, to } from './catalogue-setup.ts';
import { provider, providerType } from './targets.ts';

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

  it('I11: a name of a megabyte is not found in milliseconds, and its message is short', { retry: 2 }, async () => {
    const names = catalogue({ models: { 'any/*': to('one', '*') }, providers: [provider('one', { models: ['north-4'] })] });
    for (const model of ['x'.repeat(1_048_576), `one/${'x'.repeat(1_048_576)}`, `any/${'x'.repeat(1_048_576)}`]) {
      expect(await fastest(50, () => timed(() => refusal(names, model)))).toBeLessThan(50);
      expect(refusal(names, model).message.length).toBeLessThan(500);
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
      expect(names.model(model.id)).toMatchObject(model);
    }
  });

  it('finds one model by its bare id, under the id asked for', () => {
    const names = catalogue(setup);
    expect(names.model('large')).toMatchObject({ id: 'large', created: 7, ownedBy: 'vendor', source: 'provider' });
    names.setFetched(setup.providers![1]!, [info('huge')]);
    expect(names.model('huge')).toMatchObject({ id: 'huge', source: 'upstream' });
  });

  it.each(['', 'one/', 'one/unknown', 'nothing', 'any/*', '__proto__'])('finds no model %j', (id) => {
    expect(catalogue(setup).model(id)).toBeNull();
  });
});

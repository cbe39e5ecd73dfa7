import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModelNotFoundError } from '../../plugins/errors/classes.ts';
import { Catalogue } from '../../plugins/router/catalogue.ts';
import { Health } from '../../plugins/router/health.ts';
import type { ProviderInstance } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import { healthOptions, provider, providerType } from '../plugins/router/targets.ts';
import { allowTime, announce, propertyRuns, runs } from './dice.ts';
import { watchPrototypes } from './pollution.ts';

// What a model name stands for, against the rule written down as plainly as it can be: exact name, longest pattern,
// `provider/model`, bare id of the first provider that is known to have it, bare id that a provider lists.

watchPrototypes();
allowTime();

/** Few enough letters for names to collide, and the names that objects have of themselves. */
const name = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom('a', 'a', 'b', '/'), minLength: 1, maxLength: 3 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('one/a', 'two/a', 'one/', 'one//a', 'one/two/a', '/a', 'one', 'A', 'ä', '\u0000', '\ud800'),
  },
  { weight: 1, arbitrary: fc.constantFrom('toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '__defineGetter__') },
);
const asked = fc.oneof(
  { weight: 8, arbitrary: name },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'prototype', '', '*', 'a*', '/', 'x'.repeat(600)) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
);
const providerNames = ['one', 'two', 'b', 'toString'] as const;

interface Setup {
  readonly models: readonly { name: string; star: boolean; targets: readonly [string, string][]; fallbacks: readonly number[] }[];
  readonly providers: readonly string[];
  readonly listed: readonly (readonly string[])[];
  readonly builtin: readonly (readonly string[])[];
  readonly fetched: readonly (readonly string[] | null)[];
}

const setup: fc.Arbitrary<Setup> = fc.record({
  models: fc.uniqueArray(
    fc.record({
      name,
      star: fc.boolean(),
      targets: fc.array(fc.tuple(fc.constantFrom(...providerNames, 'gone'), fc.constantFrom('up', 'a', '*')), {
        minLength: 1,
        maxLength: 3,
      }),
      fallbacks: fc.array(fc.nat(6), { maxLength: 2 }),
    }),
    { maxLength: 6, selector: (model) => `${model.name}${model.star ? '*' : ''}` },
  ),
  providers: fc.shuffledSubarray([...providerNames], { minLength: 1 }),
  listed: fc.array(fc.array(name, { maxLength: 3 }), { minLength: 4, maxLength: 4 }),
  builtin: fc.array(fc.array(name, { maxLength: 3 }), { minLength: 4, maxLength: 4 }),
  fetched: fc.array(fc.option(fc.array(name, { maxLength: 3 })), { minLength: 4, maxLength: 4 }),
});

/** The `models` block as the loader leaves it: fallbacks name models without a star, a star is taken by patterns only. */
function modelsOf({ models }: Setup): Config['models'] {
  const plain = models.filter((model) => !model.star);
  return Object.fromEntries(
    models.map(({ name: each, star, targets, fallbacks }) => [
      star ? `${each}*` : each,
      {
        strategy: 'priority' as const,
        targets: targets.map(([to, model]) => ({ provider: to, model: model === '*' && !star ? 'up' : model })),
        fallbacks: fallbacks.flatMap((at) => plain[at]?.name ?? []),
      },
    ]),
  );
}

const info = (id: string) => ({ id, created: 1, ownedBy: 'vendor' });

function build(of: Setup, models: Config['models']): { catalogue: Catalogue; instances: readonly ProviderInstance[] } {
  const instances: ProviderInstance[] = of.providers.map((each, at) =>
    provider(each, { models: [...of.listed[at]!] }, providerType({ type: `type-${each}`, defaults: { priceProvider: each } })),
  );
  const health = new Health(healthOptions, () => 0);
  const catalogue = new Catalogue({
    models,
    providers: new Map(instances.map((each) => [each.name, each])),
    types: [],
    builtin: (each) => of.builtin[of.providers.indexOf(each)]!.map(info),
    random: () => 0,
    ratesOf: () => null,
    stateOf: (target) => health.state(target),
  });
  for (const [at, instance] of instances.entries()) {
    const list = of.fetched[at];
    if (list !== null && list !== undefined) catalogue.setFetched(instance, list.map(info));
  }
  return { catalogue, instances };
}

/** Target ids by group; null where the name stands for nothing. */
function resolved(catalogue: Catalogue, model: string): string[][] | null {
  try {
    return catalogue.resolve(model).groups.map((group) => group.targets.map((target) => target.id));
  } catch (error) {
    if (!(error instanceof ModelNotFoundError)) throw error;
    return null;
  }
}

function byTheRule(of: Setup, models: Config['models'], model: string): string[][] | null {
  const has = (each: string) => of.providers.includes(each);
  const groupsOf = (first: string, rest: string): string[][] => {
    const seen: string[] = [];
    const visit = (each: string): void => {
      if (seen.includes(each)) return;
      seen.push(each);
      for (const fallback of models[each]!.fallbacks ?? []) visit(fallback);
    };
    visit(first);
    return seen.map((each) =>
      models[each]!.targets.filter((to) => has(to.provider)).map((to) => `${to.provider}/${to.model === '*' ? rest : to.model}`),
    );
  };
  if (Object.hasOwn(models, model) && !model.endsWith('*')) return groupsOf(model, '');
  if (model.length > 512) return null;
  const prefixes = Object.keys(models)
    .filter((each) => each.endsWith('*'))
    .map((each) => each.slice(0, -1));
  const matching = prefixes.filter((prefix) => model.startsWith(prefix) && model !== prefix).sort((a, b) => b.length - a.length);
  if (matching.length > 0) return groupsOf(`${matching[0]}*`, model.slice(matching[0]!.length));
  const [first = '', ...others] = model.split('/');
  const rest = others.join('/');
  if (first !== '' && has(first) && rest !== '') return [[`${first}/${rest}`]];
  const known = of.providers.find((_each, at) => of.listed[at]!.includes(model) || of.builtin[at]!.includes(model));
  const lists = of.providers.find((_each, at) => of.fetched[at]?.includes(model) === true);
  const owner = known ?? lists;
  return owner === undefined ? null : [[`${owner}/${model}`]];
}

test('any name in any catalogue stands for what the rule says, also when it is asked for again', () => {
  announce('names', runs(2_000));
  fc.assert(
    fc.property(setup, fc.array(asked, { minLength: 1, maxLength: 8 }), (of, names) => {
      const models = modelsOf(of);
      const { catalogue } = build(of, models);
      for (const model of [...names, ...names]) expect(resolved(catalogue, model)).toEqual(byTheRule(of, models, model));
    }),
    propertyRuns(2_000),
  );
});

test('a name that was asked for before stands for what the rule says after a provider has listed other models', () => {
  fc.assert(
    fc.property(setup, setup, fc.array(asked, { minLength: 1, maxLength: 8 }), (of, later, names) => {
      const models = modelsOf(of);
      const { catalogue, instances } = build(of, models);
      for (const model of names) resolved(catalogue, model);
      const fetched = of.providers.map((_each, at) => later.fetched[at] ?? []);
      for (const [at, instance] of instances.entries()) catalogue.setFetched(instance, fetched[at]!.map(info));
      for (const model of names) expect(resolved(catalogue, model)).toEqual(byTheRule({ ...of, fetched }, models, model));
    }),
    propertyRuns(1_000),
  );
});

test('the order in which models are written does not matter', () => {
  fc.assert(
    fc.property(setup, fc.array(asked, { minLength: 1, maxLength: 6 }), (of, names) => {
      const models = modelsOf(of);
      const backwards = Object.fromEntries(Object.entries(models).reverse());
      const [one, other] = [build(of, models).catalogue, build(of, backwards).catalogue];
      for (const model of names) expect(resolved(other, model)).toEqual(resolved(one, model));
    }),
    propertyRuns(500),
  );
});

test('what a provider lists later never changes what a configured, a prefixed or a known name stands for', () => {
  fc.assert(
    fc.property(setup, fc.array(asked, { minLength: 1, maxLength: 6 }), (of, names) => {
      const models = modelsOf(of);
      const before = build({ ...of, fetched: of.fetched.map(() => null) }, models).catalogue;
      const after = build(of, models).catalogue;
      for (const model of names) {
        const stood = resolved(before, model);
        if (stood !== null) expect(resolved(after, model)).toEqual(stood);
      }
    }),
    propertyRuns(500),
  );
});

test('a refusal names the model in at most 100 characters and is short, whatever was asked for', () => {
  fc.assert(
    fc.property(setup, fc.oneof(asked, fc.string({ unit: 'binary', maxLength: 2_000 })), (of, model) => {
      const { catalogue } = build(of, modelsOf(of));
      try {
        catalogue.resolve(model);
      } catch (error) {
        expect(error).toBeInstanceOf(ModelNotFoundError);
        expect((error as Error).message.length).toBeLessThan(600);
      }
      expect(() => catalogue.model(model)).not.toThrow();
    }),
    propertyRuns(500),
  );
});

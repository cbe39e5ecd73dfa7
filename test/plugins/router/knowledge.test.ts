import { describe, expect, it } from 'vitest';
import { together } from '../../../plugins/router/knowledge.ts';
import type { ModelInfo } from '../../../providers/provider.ts';
import { catalogue, to } from './catalogue-setup.ts';
import { provider, providerType } from './targets.ts';

const about = (id: string, facts: Partial<ModelInfo> = {}): ModelInfo => ({ id, created: 0, ownedBy: '', ...facts });
const infoOf = (names: ReturnType<typeof catalogue>, model: string) => names.resolve(model).groups[0]!.targets[0]!.info;

/** Built-in data, the type and the upstream each say something of the model `m`. */
function everySource(model_info?: NonNullable<Parameters<typeof provider>[1]>['model_info']) {
  const type = providerType({
    defaults: { priceProvider: 'acme-data' },
    describe: (model) => (model.startsWith('m') ? { contextWindow: 3, maxOutputTokens: 3, tools: true } : null),
  });
  const one = provider('one', model_info === undefined ? {} : { model_info }, type);
  const names = catalogue({ providers: [one], models: { smart: to('one', 'm') }, builtin: { 'acme-data': ['m'] } });
  return { one, names };
}

it("a model that only another vendor's type knows is not this one's because its prices list it", () => {
  const knows = (prefix: string) => (model: string) => (model.startsWith(prefix) ? {} : null);
  const cloud = provider(
    'cloud',
    {},
    providerType({ type: 'cloud', defaults: { priceProvider: 'cloud-data' }, describe: knows('sky') }),
  );
  const vendor = provider(
    'vendor',
    {},
    providerType({ type: 'vendor', defaults: { priceProvider: 'vendor-data' }, describe: knows('sea') }),
  );
  const builtin = { 'cloud-data': ['sky-1', 'sea-1', 'lake-1'], 'vendor-data': ['sea-1'] };
  const names = catalogue({ providers: [cloud, vendor], types: [cloud.type, vendor.type], builtin });
  expect(names.resolve('sea-1').groups[0]!.targets[0]!.id).toBe('vendor/sea-1');
  expect(names.resolve('lake-1').groups[0]!.targets[0]!.id).toBe('cloud/lake-1');
  expect(names.models().map(({ id }) => id)).toEqual(['cloud/sky-1', 'cloud/lake-1', 'vendor/sea-1']);
});

describe('what is known of a target', () => {
  it('is what its type says over what the upstream lists, member by member', () => {
    const { one, names } = everySource();
    names.setFetched(one, [about('m', { contextWindow: 2, reasoning: true, created: 5, ownedBy: 'vendor' })]);
    expect(infoOf(names, 'one/m')).toEqual({
      id: 'm',
      created: 5,
      ownedBy: 'vendor',
      contextWindow: 3,
      maxOutputTokens: 3,
      tools: true,
      reasoning: true,
    });
  });

  it('is what the configuration says before anything else', () => {
    const { names } = everySource({ m: { context_window: 4, tools: false, structured_output: true, operations: ['chat'] } });
    expect(infoOf(names, 'one/m')).toMatchObject({
      contextWindow: 4,
      maxOutputTokens: 3,
      tools: false,
      structuredOutput: true,
      operations: ['chat'],
    });
  });

  it('is the entry of the exact id, else that of the longest pattern', () => {
    const { names } = everySource({
      'm*': { max_output_tokens: 10 },
      'm-5*': { max_output_tokens: 20 },
      'm-5-5': { input: ['audio'] },
    });
    expect(infoOf(names, 'one/m-4')).toMatchObject({ maxOutputTokens: 10 });
    expect(infoOf(names, 'one/m-5-1')).toMatchObject({ maxOutputTokens: 20 });
    expect(infoOf(names, 'one/m-5-5')).toMatchObject({ maxOutputTokens: 3, input: ['audio'] });
  });

  it.each(['__proto__', 'constructor', 'toString'])('is nothing for a model called %s', (model) => {
    const { names } = everySource({ 'm*': { tools: true } });
    expect(infoOf(names, `one/${model}`)).toBeUndefined();
  });

  it('is learned by configured targets too when the list has been fetched, and unlearned with the next', () => {
    const { one, names } = everySource();
    const [target] = names.resolve('smart').groups[0]!.targets;
    expect(target!.info).not.toHaveProperty('input');
    names.setFetched(one, [about('m', { input: ['text', 'image'] })]);
    expect(target!.info).toMatchObject({ input: ['text', 'image'], contextWindow: 3 });
    names.setFetched(one, []);
    expect(target!.info).not.toHaveProperty('input');
  });

  it('is nothing again when nothing else was known', () => {
    const one = provider('one');
    const names = catalogue({ providers: [one], models: { smart: to('one', 'm') } });
    const [target] = names.resolve('smart').groups[0]!.targets;
    names.setFetched(one, [about('m', { contextWindow: 2 })]);
    expect(target!.info).toMatchObject({ contextWindow: 2 });
    names.setFetched(one, []);
    expect(target!.info).toBeUndefined();
  });

  it('is the same object for every call of a name', () => {
    const { names } = everySource();
    expect(infoOf(names, 'one/m')).toBe(infoOf(names, 'one/m'));
  });
});

describe('what is known of a model with several targets', () => {
  const small: Partial<ModelInfo> = { contextWindow: 8, input: ['text'], tools: false, reasoning: false };
  const big: Partial<ModelInfo> = { contextWindow: 16, input: ['text', 'image'], tools: true, reasoning: false };

  it('is what one of them can', () => {
    expect(together([small, big])).toEqual({ contextWindow: 16, input: ['text', 'image'], tools: true, reasoning: false });
  });

  it('leaves out what is not known of each', () => {
    expect(together([big, { tools: false, contextWindow: 4 }])).toEqual({ contextWindow: 16, tools: true });
    expect(together([small, undefined])).toEqual({});
  });

  it('is shown for its fallbacks as well, its targets without them', () => {
    const describe = (model: string) => (model === 'a' ? small : big);
    const one = provider('one', {}, providerType({ describe }));
    const models = { smart: { ...to('one', 'a'), fallbacks: ['other'] }, other: to('one', 'b') };
    const shown = catalogue({ providers: [one], models }).model('smart');
    expect(shown).toMatchObject({ id: 'smart', ownedBy: 'postern', source: 'configured', contextWindow: 16, tools: true });
    expect(shown?.targets.map(({ id }) => id)).toEqual(['one/a']);
  });

  it('looked at alone does not add a target whose health is shown', () => {
    const names = catalogue({ providers: [provider('one', { models: ['x'] })] });
    expect(names.model('one/x')?.targets).toHaveLength(1);
    expect([...names.targets()]).toEqual([]);
    names.resolve('one/x');
    expect([...names.targets()]).toHaveLength(1);
  });
});

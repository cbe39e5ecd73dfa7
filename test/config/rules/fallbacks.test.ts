import { describe, expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

const lists = ['fallbacks', 'context_window_fallbacks', 'content_policy_fallbacks'];
const models = (text: string) => `providers: { v: { type: vendor, api_key: abc } }\nmodels: { ${text} }\n`;
const model = (name: string, ...own: readonly string[]) =>
  `${name}: { ${['targets: [{ provider: v, model: x }]', ...own].join(', ')} }`;

describe.each(lists)('%s', (list) => {
  test('names that are no model are refused with the nearest ones', () => {
    const problem = onlyProblem({ file: models(`${model('m', `${list}: [cheep]`)}, ${model('cheap')}`) });
    expect(problem).toMatchObject({ path: `models.m.${list}[0]`, hint: 'did you mean cheap?' });
  });

  test('a pattern is no model to fall back to', () => {
    const file = models(`${model('m', `${list}: ["x/*"]`)}, ${model('"x/*"')}`);
    expect(onlyProblem({ file }).path).toBe(`models.m.${list}[0]`);
  });

  test('a model that falls back to itself goes round in a circle', () => {
    expect(onlyProblem({ file: models(model('m', `${list}: [m]`)) })).toMatchObject({
      path: `models.m.${list}[0]`,
      message: 'the fallbacks go round in a circle: m -> m',
    });
  });

  test.each(lists)('a circle with %s is refused with the way round', (other) => {
    const file = models(`${model('a', `${list}: [b]`)}, ${model('b', `${other}: [a]`)}`);
    expect(onlyProblem({ file })).toMatchObject({
      path: `models.b.${other}[0]`,
      message: 'the fallbacks go round in a circle: a -> b -> a',
      hint: 'remove one of them',
    });
  });
});

test('a circle over all three lists is refused with the way round', () => {
  const [one, two, three] = lists;
  const file = models(`${model('a', `${one}: [b]`)}, ${model('b', `${two}: [c]`)}, ${model('c', `${three}: [a]`)}`);
  expect(onlyProblem({ file }).message).toContain('a -> b -> c -> a');
});

test('a model may be in several lists, and two ways to it are no circle', () => {
  const file = models(`${model('a', ...lists.map((list) => `${list}: [b, c]`))}, ${model('b', 'fallbacks: [c]')}, ${model('c')}`);
  expect(load({ file }).config.models.a).toMatchObject({ content_policy_fallbacks: ['b', 'c'] });
});

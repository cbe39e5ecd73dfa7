import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPath, fromValue, type MapTree, merge, type Tree } from '../../config/tree.ts';

type Data = null | number | string | Data[] | { [key: string]: Data };

/** What is left of a tree once its origins are forgotten. */
function plain(tree: Tree): Data | undefined {
  if (tree.kind === 'leaf') return tree.value as Data;
  if (tree.kind === 'list') return tree.items.map((item) => plain(item) as Data);
  if (tree.kind !== 'map') return undefined;
  const members = [...tree.entries].map(([key, value]) => [key, plain(value)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined)) as Data;
}

/** The same rule on plain data. */
function overlay(lower: Data, higher: Data): Data {
  if (typeof higher !== 'object' || higher === null || Array.isArray(higher)) return higher;
  const under = typeof lower === 'object' && lower !== null && !Array.isArray(lower) ? lower : {};
  const result: { [key: string]: Data } = { ...under };
  for (const [key, value] of Object.entries(higher)) {
    if (value === null) delete result[key];
    else result[key] = overlay(result[key] ?? null, value);
  }
  return result;
}

const { map } = fc.letrec<{ map: { [key: string]: Data }; data: Data }>((tie) => ({
  data: fc.oneof({ maxDepth: 3 }, fc.nat(9), fc.constant(null), fc.array(fc.nat(9), { maxLength: 2 }), tie('map')),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('data'), { maxKeys: 3 }) as fc.Arbitrary<{ [key: string]: Data }>,
}));
const tree = (value: Data) => fromValue(value, 'x') as MapTree;
const none = fromValue({}, 'x') as MapTree;

test('maps merge, lists and scalars replace, null removes', () => {
  fc.assert(
    fc.property(map, map, (lower, higher) => {
      const merged = merge(merge(none, tree(lower)), tree(higher));
      expect(plain(merged)).toEqual(overlay(overlay({}, lower), higher));
    }),
  );
});

test('merging an empty layer changes nothing', () => {
  fc.assert(
    fc.property(map, (lower) => {
      expect(plain(merge(merge(none, tree(lower)), none))).toEqual(overlay({}, lower));
    }),
  );
});

test('each value keeps the origin of the layer it came from', () => {
  const merged = merge(fromValue({ a: { b: 1, c: 2 } }, 'low') as MapTree, fromValue({ a: { c: 3 } }, 'high') as MapTree);
  const a = merged.entries.get('a') as MapTree;
  expect([a.entries.get('b')?.origin, a.entries.get('c')?.origin]).toEqual(['low', 'high']);
});

test('a path is dotted, with brackets for indexes and for names that hold dots', () => {
  expect(formatPath(['providers', 'openai', 'api_key'])).toBe('providers.openai.api_key');
  expect(formatPath(['models', 'gpt-5.4/*', 'targets', 0, 'model'])).toBe('models["gpt-5.4/*"].targets[0].model');
});

import { expect, test } from 'vitest';
import { load, onlyProblem, refusal } from '../sources.ts';

const prices = (entries: string) => `providers: { v: { type: vendor, api_key: abc } }\nprices:\n  ${entries}\n`;

test('a price is one entry, or a list of dated ones, and stays as written', () => {
  const list =
    '[{ input: 1 }, { input: 2, from: 2026-12-31 }, { input: 3, from: "2027-01-01T18:00:00Z", tiers: [{ above: 5, input: 6 }] }]';
  const { config } = load({ file: prices(`v/x: { input: 1.25, web_search: 10000 }\n  v/y-*: ${list}`) });
  expect(config.prices).toEqual({
    'v/x': { input: 1.25, web_search: 10_000 },
    'v/y-*': [
      { input: 1 },
      { input: 2, from: '2026-12-31' },
      { input: 3, from: '2027-01-01T18:00:00Z', tiers: [{ above: 5, input: 6 }] },
    ],
  });
});

test.each(['31.12.2026', '2026-13-01', '2026-02-30', '2026-12-31T18:00:00', '2026-12-31 18:00', 'tomorrow', ''])(
  'the day %j is refused',
  (from) => {
    const problem = onlyProblem({ file: prices(`v/x: [{ input: 1 }, { input: 2, from: "${from}" }]`) });
    expect(problem).toMatchObject({ path: 'prices["v/x"][1].from', hint: 'write 2026-12-31, or 2026-12-31T18:00:00Z' });
  },
);

test('the 29th of February is a day', () => {
  expect(load({ file: prices('v/x: { input: 1, from: 2028-02-29 }') }).config.prices['v/x']).toMatchObject({
    from: '2028-02-29',
  });
});

test('two entries that begin at once are refused, also when both begin at the beginning', () => {
  const at = (entries: string) => onlyProblem({ file: prices(`v/x: [${entries}]`) });
  expect(at('{ input: 1 }, { input: 2 }')).toMatchObject({
    path: 'prices["v/x"][1].from',
    message: 'two entries have no `from`',
  });
  expect(at('{ input: 1, from: 2027-01-01 }, { input: 2, from: "2027-01-01T00:00Z" }')).toMatchObject({
    path: 'prices["v/x"][1].from',
    message: 'two entries begin at the same time',
  });
});

test('two tiers of one start are refused', () => {
  const file = prices('v/x: { input: 1, tiers: [{ above: 5, input: 2 }, { above: 5, input: 3 }] }');
  expect(onlyProblem({ file }).path).toBe('prices["v/x"].tiers[1].above');
});

test('an empty list, a text, and a price out of range are refused with their place', () => {
  expect(onlyProblem({ file: prices('v/x: []') })).toMatchObject({ path: 'prices["v/x"]', message: 'the list is empty' });
  expect(onlyProblem({ file: prices('v/x: cheap') })).toMatchObject({
    path: 'prices["v/x"]',
    hint: 'write a map or a list of maps',
  });
  const { problems } = refusal({ file: prices('v/x: [{ input: -1 }, { input: 1, output: 1000001, from: 2027-01-01 }]') });
  expect(problems.map(({ path }) => path)).toEqual(['prices["v/x"][0].input', 'prices["v/x"][1].output']);
});

test('a pattern ends in its asterisk', () => {
  expect(onlyProblem({ file: prices('"v/*-x": { input: 1 }') })).toMatchObject({
    path: 'prices["v/*-x"]',
    message: 'a pattern has its * at the end and nowhere else',
  });
});

test.each(['w/x', 'x', 'w*'])('a price for %s, which no target has, is a warning', (name) => {
  const { warnings } = load({ file: prices(`"${name}": { input: 1 }`) });
  expect(warnings).toEqual([expect.stringContaining(`prices ${name}: no provider has that name`)]);
});

test.each(['v/x', 'v/*', 'v*', '*'])('a price for %s is none', (name) => {
  expect(load({ file: prices(`"${name}": { input: 1 }`) }).warnings).toEqual([]);
});

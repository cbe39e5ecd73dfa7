import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readText } from '../../config/files.ts';
import { parseYaml } from '../../config/yaml.ts';
import { load, makeRoot, onlyProblem, refusal } from './sources.ts';

function fault(text: string): { line: number; message: string } {
  const { tree, faults } = parseYaml(text, 'f');
  expect(tree).toBeNull();
  expect(faults).toHaveLength(1);
  return faults[0]!;
}

/** CPU time of this thread, the best of up to ten runs: what the work itself takes on a machine that others use too. */
function milliseconds(work: () => unknown, enough = 60): number {
  let best = Infinity;
  for (let run = 0; run < 10 && best > enough; run++) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

describe('K3: hostile YAML is rejected within 100 ms', () => {
  const rows = (count: number, row: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => row(index)).join('\n');
  const bomb = `a0: &a0 [x]\n${rows(9, (i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`)}\n`;
  test.each([
    ['a bomb of nested aliases', bomb],
    ['an alias inside its own anchor', 'a: &a [*a]\n'],
    ['a long list under 90 aliases', `a: &a [${'0,'.repeat(6_000)}]\n${rows(90, (i) => `b${i}: *a`)}\n`],
    ['merge keys', `a: &a { x: 1 }\n${rows(1_400, (i) => `b${i}: { <<: *a }`)}\n`],
    ['1 MiB of list items', `a: [${'0,'.repeat(500_000)}]`],
    ['100,000 keys', rows(100_000, (i) => `k${i}: 0`)],
    ['2,000 times the same key', rows(2_000, () => 'k: 0')],
    ['100,000 open brackets', '['.repeat(100_000)],
    ['100,000 dashes', '- '.repeat(100_000)],
    ['1,400 levels of indentation', rows(1_400, (i) => `${' '.repeat(i)}a:`)],
    ['500,000 lines', '\n'.repeat(500_000)],
    ['200,000 expressions', `a: "${'$\u007bA}'.repeat(200_000)}"`],
    ['1 MiB of an unclosed quote', `a: "${'x'.repeat(1_000_000)}`],
  ])('%s', (_name, text) => {
    expect(parseYaml(text, 'f').tree).toBeNull();
    expect(milliseconds(() => parseYaml(text, 'f'))).toBeLessThan(100);
  });
});

test('K3: a file of 200 MB is refused by its size within 100 ms, without being read', () => {
  const root = makeRoot();
  const path = join(root, 'big.yaml');
  writeFileSync(path, '');
  truncateSync(path, 200_000_000);
  const before = process.memoryUsage().arrayBuffers;
  expect(milliseconds(() => expect(readText(path, 1_048_576)).toMatchObject({ missing: false }))).toBeLessThan(100);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
});

test('K3: a file of 200 MB is a problem that names the file and the limit', () => {
  const problem = onlyProblem({ file: `#${'x'.repeat(1_048_576)}` });
  expect(problem).toMatchObject({ where: 'my.yaml', message: 'the file has 1048577 bytes; at most 1048576 are read' });
});

test('K3: a key written twice is refused with the line of the second one', () => {
  expect(fault('a: 1\nb: 2\na: 3\n')).toMatchObject({ line: 3, message: 'the key a is written twice in the same map' });
});

test.each(['__proto__', 'constructor', 'prototype'])('K3, I6: the key %s is refused', (key) => {
  expect(fault(`x:\n  ${key}: { polluted: true }\n`)).toMatchObject({ line: 2, message: `the key ${key} is not allowed` });
});

test.each(['!!js/function "x"', '!custom [1]', '!!binary aGk=', '!!set { a }', '! a'])(
  'K3: the tag of %s is refused',
  (value) => {
    expect(fault(`a: ${value}\n`).message).toContain('custom tag');
  },
);

test('the tags of the core schema are allowed', () => {
  expect(parseYaml('a: !!str 12\n', 'f')).toMatchObject({ faults: [] });
});

test('K3: no and yes are texts, not booleans', () => {
  expect(load({ file: 'data_dir: no\n' }).config.data_dir).toBe('no');
});

test('K3: a directive cannot bring the booleans of YAML 1.1 back', () => {
  expect(fault('%YAML 1.1\n---\ndata_dir: no\n')).toMatchObject({ line: 1 });
});

test('several documents in a file are refused', () => {
  expect(fault('a: 1\n---\nb: 1\n')).toMatchObject({ line: 2 });
});

test.each(['', '# nothing\n', '---\n', 'null\n', '\ufeff'])('the empty file %j is fine', (file) => {
  expect(load({ file }).config.server.listen).toBe('127.0.0.1:4000');
});

test.each([
  ['a: [1, 2\nb: 3\n', 'bracket'],
  ['a: "x\n', 'quote'],
  ['a:\n\t- 1\n', 'tab'],
  ['a: b: c\n', 'on the line of its key'],
  ['a: @x\n', 'reserves'],
  ['a: *nowhere\n', 'no anchor'],
  ['? [a]\n: 1\n', 'plain name'],
])('%j is refused in words', (text, words) => {
  expect(fault(text).message).toContain(words);
});

test('a syntax error has its file and line and never quotes the source', () => {
  const { problems, message } = refusal({
    file: 'providers:\n  v:\n    type: vendor\n    api_key: "sk-secret-canary\n   x: [\n',
  });
  expect(problems[0]!.where).toMatch(/^my\.yaml:\d$/);
  expect(message).not.toContain('canary');
});

test('a key that lost the space after its colon is not echoed with its value', () => {
  const { problems, message } = refusal({ file: 'providers: { v: { type: vendor, api_key:sk-secret-canary } }\n' });
  expect(problems[0]).toMatchObject({ hint: 'put a space after the colon: `api_key: value`' });
  expect(message).not.toContain('canary');
});

test('aliases within the limit are expanded', () => {
  const file = 'prices:\n  a/b: &p { input: 1, output: 2 }\n  a/c: *p\n';
  expect(load({ file }).config.prices['a/c']).toEqual({ input: 1, output: 2 });
});

test('the 100th alias is expanded, the next one is not', () => {
  const text = (count: number) => `a: &a 1\n${Array.from({ length: count }, (_, index) => `b${index}: *a`).join('\n')}\n`;
  expect(parseYaml(text(100), 'f').faults).toEqual([]);
  expect(fault(text(101))).toMatchObject({ line: 102, message: 'more than 100 aliases are expanded' });
});

test('an alias stands for the anchor of its name that is written last before it', () => {
  const { tree } = parseYaml('o: &o { i: &x 1 }\nb: &x 2\nc: *o\nd: *x\n', 'f');
  expect(tree?.kind === 'map' ? tree.entries.get('d') : null).toMatchObject({ value: 2, origin: 'f:4' });
});

test('values that start with a dash are no nesting', () => {
  expect(parseYaml(`a: [${Array(200).fill('-1').join(', ')}]\n`, 'f').faults).toEqual([]);
});

test('a list where the blocks should be is refused', () => {
  expect(onlyProblem({ file: '- a\n' })).toMatchObject({ where: 'my.yaml:1', message: 'the file is not a map of blocks' });
});

test('a file that is not UTF-8 is refused instead of read with replacement characters', () => {
  const path = join(makeRoot(), 'latin1.yaml');
  writeFileSync(path, Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]));
  expect(readText(path, 100)).toEqual({ missing: false, reason: 'is not UTF-8 text' });
});

test('a directory and a missing file are told apart', () => {
  const root = makeRoot();
  expect(readText(root, 100)).toMatchObject({ missing: false });
  expect(readText(join(root, 'nothing'), 100)).toEqual({ missing: true, reason: 'does not exist' });
});

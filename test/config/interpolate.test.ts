import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expand, mask, typed } from '../../config/interpolate.ts';
import type { Tree } from '../../config/tree.ts';
import { load, onlyProblem, refusal } from './sources.ts';

/** `${inner}`, as a file has it. */
const ref = (inner: string) => `\${${inner}}`;

function expandText(value: string, variables: Record<string, string>, plain = false): { tree: Tree; malformed: number } {
  let malformed = 0;
  const interpolation = {
    value: (name: string) => (Object.hasOwn(variables, name) ? variables[name] || undefined : undefined),
    malformed: () => void malformed++,
  };
  const tree = expand({ kind: 'leaf', value, origin: 'f:1', plain }, interpolation);
  return { tree, malformed };
}

test('a variable is replaced inside a text', () => {
  expect(expandText(`a-${ref('X')}-b`, { X: '1' }).tree).toMatchObject({ value: 'a-1-b' });
});

test('an unset or empty variable takes the default', () => {
  expect(expandText(ref('X:-d e'), {}).tree).toMatchObject({ value: 'd e' });
  expect(expandText(ref('X:-d'), { X: '' }).tree).toMatchObject({ value: 'd' });
  expect(expandText(ref('X:-d'), { X: 'x' }).tree).toMatchObject({ value: 'x' });
});

test('a variable without default that is unset leaves a mark with its name', () => {
  expect(expandText(ref('X'), {}).tree).toEqual({ kind: 'unset', variable: 'X', origin: 'f:1' });
});

test('two dollar signs and a brace are the literal characters', () => {
  expect(expandText(`$${ref('X')}`, { X: '1' }).tree).toMatchObject({ value: ref('X') });
});

test('a value is never interpolated again', () => {
  expect(expandText(ref('X'), { X: ref('Y'), Y: 'no' }).tree).toMatchObject({ value: ref('Y') });
});

test.each(['{', '{}', '{1A}', '{A-b}', '{A:?b}', '{A', `{A:-${ref('B')}}`])('$%s is malformed', (rest) => {
  expect(expandText(`$${rest}`, { A: '1', B: '2' }).malformed).toBe(1);
});

test('a whole unquoted expression is typed as YAML types it, a quoted one stays a text', () => {
  expect(expandText(ref('X'), { X: '3' }, true).tree).toMatchObject({ value: 3, text: '3' });
  expect(expandText(ref('X'), { X: '3' }, false).tree).toMatchObject({ value: '3' });
  expect(expandText(`0${ref('X')}`, { X: '3' }, true).tree).toMatchObject({ value: '03' });
});

test.each([
  ['', null],
  ['~', null],
  ['null', null],
  ['true', true],
  ['False', false],
  ['no', 'no'],
  ['0o17', 15],
  ['0x1F', 31],
  ['-1.5e3', -1500],
  ['.inf', Number.POSITIVE_INFINITY],
  ['1_000', '1_000'],
  ['12s', '12s'],
])('the core schema types %j as %j', (text, value) => {
  expect(typed(text)).toBe(value);
});

test('text without expressions is left alone, and a template of plain variables is their concatenation', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).filter((text) => text !== '__proto__');
  const piece = fc.oneof(
    fc.record({ literal: fc.string().map((text) => text.replaceAll('$', '')) }),
    fc.record({ variable: name, value: fc.string({ minLength: 1 }) }),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const variables: Record<string, string> = {};
      for (const part of pieces) if ('variable' in part) variables[part.variable] = part.value;
      const template = pieces.map((part) => ('variable' in part ? `\${${part.variable}}` : part.literal)).join('');
      const wanted = pieces.map((part) => ('variable' in part ? variables[part.variable] : part.literal)).join('');
      expect(expandText(template, variables).tree).toMatchObject({ kind: 'leaf', value: wanted });
    }),
  );
});

test('masking keeps the length and is undone exactly', () => {
  const part = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(ref('A'), ref('B:-x, [#:'), '}', '\ue000', '\ue007'));
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join('');
      const { text: masked, unmask } = mask(text);
      expect(masked).toHaveLength(text.length);
      expect(unmask(masked)).toBe(text);
    }),
  );
});

test('an expression may stand unquoted inside braces and brackets', () => {
  const file = `providers: { v: { type: vendor, api_key: \${MY_KEY}, models: [\${A}, "b"] } }\n`;
  const { config } = load({ file, env: { MY_KEY: 'from-the-environment', A: 'model-a' } });
  expect(config.providers.v).toMatchObject({ api_key: 'from-the-environment', models: ['model-a', 'b'] });
});

test('a default may hold the characters that end an unquoted value', () => {
  const file = `providers: { v: { type: vendor, api_key: k, headers: { x-a: \${A:-a, b: [c] #d} } } }\n`;
  expect(load({ file }).config.providers.v?.headers).toEqual({ 'x-a': 'a, b: [c] #d' });
});

test('a variable of digits is a number where one is wanted and a text where a text is wanted', () => {
  const file = `
providers: { v: { type: vendor, api_key: \${K} } }
models: { m: { targets: [{ provider: v, model: \${K}, weight: \${K} }] } }
`;
  const { config } = load({ file, env: { K: '042' } });
  expect(config.providers.v?.api_key).toBe('042');
  expect(config.models.m?.targets).toEqual([{ provider: 'v', model: '042', weight: 42 }]);
});

test('expressions in comments and keys mean nothing', () => {
  const file = `# \${NOT_SET}\nprices: { "a/\${NOT_SET}": { input: 1 } }\n`;
  expect(Object.keys(load({ file }).config.prices)).toEqual([`a/${ref('NOT_SET')}`]);
});

test('an unset variable is a problem that names it, its line and what to do', () => {
  expect(onlyProblem({ file: `\nlogging:\n  level: \${MY_LEVEL}\n` })).toEqual({
    path: 'logging.level',
    where: 'my.yaml:3',
    message: 'the environment variable MY_LEVEL is not set (or empty)',
    hint: `set MY_LEVEL, or give a default: ${ref('MY_LEVEL:-value')}`,
  });
});

test('an unset api_key says that the provider may be removed instead', () => {
  const problem = onlyProblem({ file: `providers:\n  v: { type: vendor, api_key: \${MY_KEY} }\n` });
  expect(problem).toMatchObject({ path: 'providers.v.api_key', where: 'my.yaml:2' });
  expect(problem.hint).toContain('set MY_KEY, or remove the provider');
});

test('an unset variable does not matter where a higher layer replaces the value', () => {
  const file = `server: { listen: \${NOT_SET} }\nproviders: { vendor: { type: vendor, api_key: \${VENDOR_API_KEY_OLD} } }\n`;
  const { config } = load({ file, env: { LISTEN: '127.0.0.1:9', VENDOR_API_KEY: 'key-of-the-vendor' } });
  expect([config.server.listen, config.providers.vendor?.api_key]).toEqual(['127.0.0.1:9', 'key-of-the-vendor']);
});

test('an unset variable does not matter in a provider that is not enabled', () => {
  const file = `providers: { v: { type: vendor, api_key: \${NOT_SET}, enabled: false } }\n`;
  expect(load({ file }).config.providers.v).toEqual({ type: 'vendor', enabled: false });
});

test('a malformed expression is a problem with its line', () => {
  expect(onlyProblem({ file: `data_dir: "\${1X}"\n` })).toMatchObject({ where: 'my.yaml:1' });
});

test('origins name the variable, and no message holds its value', () => {
  const canary = 'canary-Zq81-value';
  const { origins } = load({ file: `data_dir: \${D}\n`, env: { D: '/tmp/x' } });
  expect(origins.get('data_dir')).toBe(`my.yaml:1 via ${ref('D')}`);
  const file = ['logging.level', 'server.body_limit', 'auth.mode', 'server.listen', 'ledger.fsync', 'server.workers']
    .map((path) => path.split('.'))
    .map(([block, key]) => `${block}: { ${key}: \${C} }`)
    .filter((line, index, all) => all.findIndex((other) => other.split(':')[0] === line.split(':')[0]) === index);
  const { message, problems } = refusal({ file: file.join('\n'), env: { C: canary, PORT: canary, WORKERS: canary } });
  expect(problems.length).toBeGreaterThanOrEqual(5);
  expect(message).not.toContain(canary);
});

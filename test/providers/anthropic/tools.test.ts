import { describe, expect, it } from 'vitest';
import { CallIds } from '../../../providers/anthropic/call-ids.ts';
import { refusal, sent } from './support.ts';

type Json = Record<string, unknown>;

const tool = (name: string, more: Json = {}) => ({ type: 'function', function: { name, ...more } });
const tools = [tool('a'), tool('b'), tool('c')];
const names = ({ tools: list }: Json) => (list as Json[] | undefined)?.map(({ name }) => name);

describe('a tool', () => {
  it('without parameters takes an empty object', () => {
    const empty = { type: 'object', properties: {} };
    for (const parameters of [undefined, null, {}]) {
      const { body } = sent({ tools: [tool('a', { parameters })] });
      expect(body.tools).toEqual([{ name: 'a', input_schema: empty }]);
    }
    const typeless = { properties: { x: { type: 'string' } } };
    expect((sent({ tools: [tool('a', { parameters: typeless })] }).body.tools as Json[])[0]!.input_schema).toEqual({
      type: 'object',
      ...typeless,
    });
  });

  const inputOf = (parameters: Json) => {
    const { body, ignored } = sent({ tools: [tool('a', { parameters })] });
    return { schema: (body.tools as Json[])[0]!.input_schema, ignored };
  };

  it('with a choice of schemas at the top takes the members of all of them, and says so', () => {
    const kind = (name: string) => ({ const: name });
    const parameters = {
      description: 'A job',
      properties: { note: { type: 'string' } },
      required: ['note'],
      $defs: { stop: { type: 'object', properties: { kind: kind('stop'), at: { type: 'integer' } }, required: ['kind', 'at'] } },
      oneOf: [
        { type: 'object', properties: { kind: kind('go'), to: { type: 'string' } }, required: ['kind', 'to'] },
        { $ref: '#/$defs/stop' },
      ],
    };
    const { schema, ignored } = inputOf(parameters);
    expect(schema).toEqual({
      type: 'object',
      description: 'A job',
      $defs: parameters.$defs,
      properties: {
        note: { type: 'string' },
        kind: { anyOf: [kind('go'), kind('stop')] },
        to: { type: 'string' },
        at: { type: 'integer' },
      },
      required: ['note', 'kind'],
    });
    expect(ignored).toEqual(['tools.function.parameters']);
    const all = inputOf({ type: 'object', allOf: [{ properties: { a: {} }, required: ['a'] }, { required: ['b'] }] });
    expect(all.schema).toEqual({ type: 'object', properties: { a: {} }, required: ['a', 'b'] });
    expect(inputOf({ type: ['object', 'null'], properties: {} })).toEqual({
      schema: { type: 'object', properties: {} },
      ignored: [],
    });
  });

  it('with a choice that refers to itself, or is none, is sent at once', () => {
    const self = { $ref: '#' };
    expect(inputOf({ allOf: Array.from({ length: 40 }, () => self), anyOf: [self, self] }).schema).toEqual({
      type: 'object',
      properties: {},
    });
    for (const odd of [null, 7, 'x', [], [null], [7], {}]) {
      expect(inputOf({ anyOf: odd, oneOf: odd, properties: odd, required: odd }).schema).toMatchObject({ properties: {} });
    }
    const own = JSON.parse('{"anyOf":[{"properties":{"__proto__":{"type":"string"}}}]}') as Json;
    expect(JSON.stringify(inputOf(own).schema)).toContain('"__proto__":{"type":"string"}');
  });

  it('is strict only where that can be enforced, with a schema that is closed', () => {
    const parameters = { type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] };
    const strict = { tools: [tool('a', { parameters, strict: true })] };
    const { body, ignored } = sent(strict);
    expect(body.tools).toEqual([
      {
        name: 'a',
        strict: true,
        input_schema: {
          type: 'object',
          properties: { n: { type: 'integer', description: '(minimum 1)' } },
          required: ['n'],
          additionalProperties: false,
        },
      },
    ]);
    expect(ignored).toEqual([]);
    const older = sent(strict, { model: 'claude-sonnet-4-20250514' });
    expect(older.body.tools).toEqual([{ name: 'a', input_schema: parameters }]);
    expect(older.ignored).toEqual(['tools.function.strict']);
    const map = { type: 'object', additionalProperties: { type: 'string' } };
    const open = sent({ tools: [tool('a', { parameters: map, strict: true })] });
    expect(open.body.tools).toEqual([{ name: 'a', input_schema: map }]);
    expect(open.ignored).toEqual(['tools.function.strict']);
  });
});

describe('the choice among tools', () => {
  const cases: readonly (readonly [name: string, body: Json, choice: unknown, sentTools?: readonly string[]])[] = [
    ['auto', { tool_choice: 'auto' }, undefined],
    ['none', { tool_choice: 'none' }, { type: 'none' }],
    ['required', { tool_choice: 'required' }, { type: 'any' }],
    ['one by name', { tool_choice: { type: 'function', function: { name: 'b' } } }, { type: 'tool', name: 'b' }],
    ['one at a time', { parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    ['many at a time', { parallel_tool_calls: true }, undefined],
    [
      'one at a time and required',
      { tool_choice: 'required', parallel_tool_calls: false },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    ['one at a time and none', { tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    [
      'some of them',
      { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool('a'), tool('c')] } } },
      undefined,
      ['a', 'c'],
    ],
    [
      'one of some',
      { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('a'), tool('c')] } } },
      { type: 'any' },
      ['a', 'c'],
    ],
    [
      'the only one allowed, with the list left as it was',
      { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool('b')] } } },
      { type: 'tool', name: 'b' },
    ],
  ];
  for (const [name, body, choice, list = ['a', 'b', 'c']] of cases) {
    it(`${name}: said as the API has it`, () => {
      const { body: upstream } = sent({ tools, ...body });
      expect(upstream.tool_choice).toEqual(choice);
      expect(names(upstream)).toEqual(list);
    });
  }

  it('is not sent without tools, which the API refuses', () => {
    const { body } = sent({ tool_choice: 'required', parallel_tool_calls: false });
    expect(body).not.toHaveProperty('tool_choice');
  });

  it('is refused by name where the model cannot be made to call one', () => {
    const ask = { model: 'claude-opus-5-5' };
    expect(refusal({ tools, tool_choice: 'required' }, ask)).toMatchObject({ reason: 'invalid_request', param: 'tool_choice' });
    expect(sent({ tools, tool_choice: 'none' }, ask).body.tool_choice).toEqual({ type: 'none' });
    const { body, ignored } = sent({ tools, tool_choice: 'required' }, { ...ask, config: { unsupported_params: 'drop' } });
    expect(body).not.toHaveProperty('tool_choice');
    expect(ignored).toEqual(['tool_choice']);
  });
});

describe('ids of calls', () => {
  it('stay where the API takes them, and become so where not, each the same for its call and its result', () => {
    const ids = new CallIds();
    ids.turn();
    expect(ids.call('toolu_01-A')).toBe('toolu_01-A');
    expect(ids.call('call.1')).toBe('call_1');
    expect(ids.call('call_1')).toBe('call_1_2');
    expect(ids.call('call:1')).toBe('call_1_3');
    expect(ids.call('')).toBe('call');
    expect(ids.call('日本')).toBe('__');
    expect(['call.1', 'call_1', 'call:1', '', '日本', 'toolu_01-A'].map((id) => ids.result(id))).toEqual([
      'call_1',
      'call_1_2',
      'call_1_3',
      'call',
      '__',
      'toolu_01-A',
    ]);
  });

  it('that are used again, in a turn or in a later one, belong to the calls in order', () => {
    const ids = new CallIds();
    ids.turn();
    expect([ids.call('x'), ids.call('x')]).toEqual(['x', 'x_2']);
    expect([ids.result('x'), ids.result('x')]).toEqual(['x', 'x_2']);
    ids.turn();
    expect(ids.call('x')).toBe('x_3');
    expect(ids.result('x')).toBe('x_3');
    expect(ids.result('never')).toBe('never');
  });

  it('match the pattern and are unique for a thousand odd ones, quickly', () => {
    const ids = new CallIds();
    ids.turn();
    const began = performance.now();
    const given = Array.from({ length: 20_000 }, (_, at) =>
      ids.call(at % 3 === 0 ? 'same' : at % 3 === 1 ? '!' : `${'x'.repeat(300)}${at}`),
    );
    expect(new Set(given).size).toBe(given.length);
    expect(given.every((id) => /^[A-Za-z0-9_-]{1,128}$/.test(id))).toBe(true);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it('are the same again when the conversation has grown', () => {
    const calls = (ids: readonly string[]) =>
      ids.map((id) => ({ id, type: 'function', function: { name: 'a', arguments: '{}' } }));
    const turn = (ids: readonly string[]) => [
      { role: 'assistant', tool_calls: calls(ids) },
      ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'x' })),
    ];
    const first = [{ role: 'user', content: 'hi' }, ...turn(['a.b', 'a b'])];
    const grown = [...first, ...turn(['a_b', 'a.b'])];
    const before = sent({ tools, messages: first }).body.messages as Json[];
    const after = sent({ tools, messages: grown }).body.messages as Json[];
    expect(after.slice(0, before.length)).toEqual(before);
    const used = after.flatMap(({ content }) => content as Json[]).flatMap(({ type, id }) => (type === 'tool_use' ? [id] : []));
    const answered = after
      .flatMap(({ content }) => content as Json[])
      .flatMap(({ tool_use_id: id }) => (id === undefined ? [] : [id]));
    expect(new Set(used).size).toBe(4);
    expect(answered).toEqual(used);
  });
});

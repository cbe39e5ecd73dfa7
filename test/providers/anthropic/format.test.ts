import { describe, expect, it } from 'vitest';
import { closedSchema } from '../../../providers/anthropic/schema.ts';
import { answer, close, delta, ending, message, open, refusal, sent, sse, start, stop, streamed } from './support.ts';

type Json = Record<string, unknown>;

const closed = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };
const schemaFormat = (schema: unknown, more: Json = {}) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'place', schema, ...more } },
});
const jsonMode = { response_format: { type: 'json_object' } };
const older = { model: 'claude-sonnet-4-20250514' };
const tools = [{ type: 'function', function: { name: 'answer', parameters: closed } }];

describe('an answer by a schema', () => {
  it('is asked for by output_config.format, beside effort', () => {
    const { body } = sent(
      { ...schemaFormat({ ...closed, additionalProperties: true }, { description: 'A place.' }), reasoning_effort: 'low' },
      { model: 'claude-opus-4-8' },
    );
    expect(body.output_config).toEqual({
      effort: 'low',
      format: { type: 'json_schema', schema: { ...closed, description: 'A place.' } },
    });
    expect(body).not.toHaveProperty('tools');
  });

  it('is the input of a tool that has to be called, where the model has no format', () => {
    const { body, ignored } = sent(schemaFormat(closed), older);
    expect(body.tools).toEqual([{ name: 'answer', description: expect.any(String) as string, input_schema: closed }]);
    expect(body.tool_choice).toEqual({ type: 'tool', name: 'answer' });
    expect(body).not.toHaveProperty('output_config');
    expect(ignored).toEqual([]);
  });

  it('is the input of a tool, where the format cannot say the schema', () => {
    const map = { type: 'object', additionalProperties: { type: 'number' } };
    expect(sent(schemaFormat(map)).body).toMatchObject({
      tool_choice: { type: 'tool', name: 'answer' },
      tools: [{ input_schema: map }],
    });
    const ask = { model: 'claude-opus-5-5' };
    expect(refusal(schemaFormat(map), ask)).toMatchObject({ reason: 'invalid_request', param: 'response_format' });
    expect(refusal(schemaFormat({ type: 'array', items: {} }), older)).toMatchObject({ param: 'response_format' });
  });

  it('leaves the caller’s tools callable, and takes a name that none of them has', () => {
    const { body } = sent({ ...schemaFormat(closed), tools, parallel_tool_calls: false }, older);
    expect((body.tools as Json[]).map(({ name }) => name)).toEqual(['answer', 'answer_']);
    expect(body.tool_choice).toEqual({ type: 'any', disable_parallel_tool_use: true });
    expect(sent({ ...schemaFormat(closed), tools, tool_choice: 'none' }, older).body.tool_choice).toEqual({
      type: 'tool',
      name: 'answer_',
    });
    // A call is wanted: there is no text that could have a form.
    const called = sent({ ...schemaFormat(closed), tools, tool_choice: 'required' }, older).body;
    expect(called).toMatchObject({ tool_choice: { type: 'any' } });
    expect(called.tools).toHaveLength(1);
  });

  it('in any JSON object is the input of a tool, or refused with a way out', () => {
    expect(sent(jsonMode).body).toMatchObject({
      tools: [{ name: 'answer', input_schema: { type: 'object', properties: {} } }],
      tool_choice: { type: 'tool', name: 'answer' },
    });
    const failure = refusal(jsonMode, { model: 'claude-fable-5-1' });
    expect(failure.param).toBe('response_format');
    expect(failure.message).toContain('json_schema');
  });
});

describe('the input of the format tool', () => {
  const use = { type: 'tool_use', id: 'toolu_1', name: 'answer', input: { city: 'Ulm' } };

  it('is the text the client gets, and the answer ends like any text', () => {
    const { body } = answer(message([use], { stop_reason: 'tool_use' }), schemaFormat(closed), older);
    expect(body.choices).toMatchObject([{ message: { content: '{"city":"Ulm"}' }, finish_reason: 'stop' }]);
    expect((body.choices as { message: Json }[])[0]!.message).not.toHaveProperty('tool_calls');
  });

  it('streams as text', () => {
    const bytes = sse([
      start(),
      open(0, { ...use, input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '' }),
      delta(0, { type: 'input_json_delta', partial_json: '{"city":' }),
      delta(0, { type: 'input_json_delta', partial_json: '"Ulm"}' }),
      close(0),
      ending('tool_use'),
      stop,
    ]);
    const { chunks } = streamed(bytes, schemaFormat(closed), older);
    const choices = (
      chunks.slice(0, -1) as { choices: { delta: { content?: string; tool_calls?: unknown }; finish_reason: unknown }[] }[]
    ).flatMap((chunk) => chunk.choices);
    expect(choices.map(({ delta: part }) => part.content ?? '').join('')).toBe('{"city":"Ulm"}');
    expect(choices.every(({ delta: part }) => part.tool_calls === undefined)).toBe(true);
    expect(choices.at(-1)!.finish_reason).toBe('stop');
  });

  it('beside a call of the caller’s own tool does not hide that call', () => {
    const other = { type: 'tool_use', id: 'toolu_2', name: 'look', input: {} };
    const ask = { ...schemaFormat(closed), tools: [{ type: 'function', function: { name: 'look' } }] };
    const { body } = answer(message([use, other], { stop_reason: 'tool_use' }), ask, older);
    expect(body.choices).toMatchObject([
      { message: { content: '{"city":"Ulm"}', tool_calls: [{ id: 'toolu_2' }] }, finish_reason: 'tool_calls' },
    ]);
  });

  it('is `{}` when there is none', () => {
    const empty = sse([start(), open(0, { ...use, input: {} }), close(0), ending('tool_use'), stop]);
    const { chunks } = streamed(empty, jsonMode);
    expect(JSON.stringify(chunks)).toContain('"content":"{}"');
  });
});

describe('a schema', () => {
  const text = { type: 'string' };
  const cases: readonly (readonly [name: string, schema: unknown, closed: unknown])[] = [
    ['closed already', closed, closed],
    [
      'open objects at every level',
      { type: 'object', properties: { a: { properties: { b: text } } } },
      {
        type: 'object',
        properties: { a: { type: 'object', properties: { b: text }, additionalProperties: false } },
        additionalProperties: false,
      },
    ],
    [
      'limits in words',
      { ...closed, properties: { city: { type: 'string', minLength: 2, pattern: '^U', description: 'Where.' } } },
      {
        ...closed,
        properties: { city: { type: 'string', description: 'Where. (minLength 2, pattern "^U")' } },
      },
    ],
    ['formats', { type: 'string', format: 'email' }, { type: 'string', format: 'email' }],
    ['unknown formats', { type: 'string', format: 'color' }, { type: 'string', description: '(format "color")' }],
    [
      'lists',
      { type: 'array', items: text, minItems: 1, maxItems: 3 },
      { type: 'array', items: text, minItems: 1, description: '(maxItems 3)' },
    ],
    ['null beside a type', { type: ['string', 'null'] }, { type: ['string', 'null'] }],
    ['nullable', { type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [
      'null beside an object',
      { type: ['object', 'null'], properties: { a: text } },
      {
        anyOf: [{ type: 'object', properties: { a: text }, additionalProperties: false }, { type: 'null' }],
      },
    ],
    ['one of several', { oneOf: [text, { type: 'null' }] }, { anyOf: [text, { type: 'null' }] }],
    ['all of one', { allOf: [{ $ref: '#/$defs/a' }], description: 'x' }, { $ref: '#/$defs/a' }],
    [
      'definitions',
      { $defs: { a: { type: 'object', properties: {}, additionalProperties: false } }, $ref: '#/$defs/a' },
      {
        $defs: { a: { type: 'object', properties: {}, additionalProperties: false } },
        $ref: '#/$defs/a',
      },
    ],
    ['enumerations', { enum: ['a', 1, null] }, { enum: ['a', 1, null] }],
    [
      'annotations',
      { $schema: 'x', $id: 'y', examples: [1], title: 'T', default: 1, type: 'integer' },
      { type: 'integer', title: 'T', default: 1 },
    ],
    [
      'odd names',
      JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"},"$ref":{"type":"string"}}}'),
      JSON.parse(
        '{"type":"object","properties":{"__proto__":{"type":"string"},"$ref":{"type":"string"}},"additionalProperties":false}',
      ),
    ],
    ['a map', { type: 'object', additionalProperties: text }, null],
    ['an open object without members', { type: 'object' }, null],
    ['patterns of names', { type: 'object', properties: { a: text }, patternProperties: { '^x': text } }, null],
    ['anything', { type: 'object', properties: { a: {} } }, null],
    ['recursion', { $defs: { a: { properties: { next: { $ref: '#/$defs/a' } } } }, $ref: '#/$defs/a' }, null],
    ['recursion to the root', { type: 'object', properties: { next: { $ref: '#' } } }, null],
    ['recursion inside', { type: 'object', properties: { a: { properties: { b: { $ref: '#/properties/a' } } } } }, null],
    ['another document', { $ref: 'https://example.test/schema.json' }, null],
    ['objects as values', { enum: [{ a: 1 }] }, null],
    ['tuples', { type: 'array', items: [text, text] }, null],
    ['no object', 'text', null],
    ['true', true, null],
  ];
  for (const [name, schema, wanted] of cases) {
    it(`with ${name} becomes what the API enforces, or nothing`, () => {
      const before = structuredClone(schema);
      expect(closedSchema(schema)).toEqual(wanted);
      expect(schema).toEqual(before);
    });
  }

  it('of great depth or breadth is not followed for ever', () => {
    let deep: Json = { type: 'string' };
    for (let at = 0; at < 500; at++) deep = { type: 'array', items: deep };
    expect(closedSchema(deep)).toBeNull();
    const $defs = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [
        `d${at}`,
        { anyOf: [{ $ref: `#/$defs/d${at + 1}` }, { $ref: `#/$defs/d${at + 1}` }, { type: 'null' }] },
      ]),
    );
    const began = performance.now();
    expect(closedSchema({ $defs: { ...$defs, d60: { type: 'null' } }, $ref: '#/$defs/d0' })).not.toBeNull();
    expect(performance.now() - began).toBeLessThan(500);
  });
});

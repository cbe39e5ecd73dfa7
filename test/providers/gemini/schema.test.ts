import { describe, expect, it } from 'vitest';
import { toJsonSchema, toParameters } from '../../../providers/gemini/request/json-schema.ts';
import { toOpenApiParameters, toOpenApiSchema } from '../../../providers/gemini/request/openapi-schema.ts';
import { expectAccepted, failureOf } from './support.ts';

type Json = Record<string, unknown>;

const node = {
  type: 'object',
  properties: { value: { type: 'string' }, next: { $ref: '#/$defs/Node', description: 'The one behind it' } },
};
const recursive = { type: 'object', properties: { head: { $ref: '#/$defs/Node' } }, $defs: { Node: node } };

/** Both forms of a function's parameters as the API takes them. */
function accept(schema: Json): void {
  const call = (model: string, parameters: object) =>
    expectAccepted(`/v1beta/models/${model}:generateContent`, {
      contents: [{ parts: [{ text: 'Hi' }] }],
      tools: [{ functionDeclarations: [{ name: 'f', ...parameters }] }],
    });
  const json = toParameters(schema, 'p');
  if (json !== null) call('gemini-3-flash-preview', { parametersJsonSchema: json });
  const openapi = toOpenApiParameters(schema, 'p');
  if (openapi !== null) call('gemini-2.0-flash', { parameters: openapi });
}

describe('a JSON Schema in the words the API understands', () => {
  it('stays the same object when there is nothing to change', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'null' }] } } },
    };
    expect(toJsonSchema(schema, 'p')).toBe(schema);
  });

  it.each([
    ['a fixed text', { const: 'a' }, { type: 'string', enum: ['a'] }],
    ['a fixed number', { const: 3, description: 'd' }, { type: 'number', enum: [3], description: 'd' }],
    ['a fixed flag', { const: true }, { type: 'boolean' }],
    ['a fixed null', { const: null }, { type: 'null' }],
    ['the name of its dialect', { $schema: 'x', type: 'string' }, { type: 'string' }],
    [
      'one of several',
      { oneOf: [{ type: 'string' }, { const: 'b' }] },
      { anyOf: [{ type: 'string' }, { type: 'string', enum: ['b'] }] },
    ],
    [
      'all of several',
      {
        allOf: [
          { type: 'object', properties: { a: {} }, required: ['a'] },
          { properties: { b: {} }, required: ['b'] },
        ],
        description: 'd',
      },
      { type: 'object', properties: { a: {}, b: {} }, required: ['a', 'b'], description: 'd' },
    ],
    [
      'definitions under their old name',
      { properties: { a: { $ref: '#/definitions/A' } }, definitions: { A: { type: 'string' } } },
      { properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: { type: 'string' } } },
    ],
    [
      'a reference beside a description',
      { properties: { a: { $ref: '#/$defs/A', description: 'mine' } }, $defs: { A: { type: 'string', description: 'its' } } },
      { properties: { a: { type: 'string', description: 'mine' } }, $defs: { A: { type: 'string', description: 'its' } } },
    ],
    [
      'a reference in all of one (pydantic)',
      { properties: { a: { allOf: [{ $ref: '#/$defs/A' }], default: 1 } }, $defs: { A: { enum: [1, 2] } } },
      { properties: { a: { enum: [1, 2], default: 1 } }, $defs: { A: { enum: [1, 2] } } },
    ],
  ])('%s', (_name, schema, expected) => {
    expect(toJsonSchema(schema as Json, 'p')).toEqual(expected);
  });

  it('writes a recursive reference out once, and leaves it a reference inside', () => {
    const inner = { type: 'string' };
    expect(toJsonSchema(recursive, 'p')).toEqual({
      ...recursive,
      $defs: {
        Node: {
          type: 'object',
          properties: {
            value: inner,
            next: { ...node, description: 'The one behind it', properties: { value: inner, next: { $ref: '#/$defs/Node' } } },
          },
        },
      },
    });
    accept(recursive);
  });

  it('ends what is recursive through all of one, as pydantic writes it', () => {
    const next = { allOf: [{ $ref: '#/$defs/Node' }], description: 'The one behind it' };
    const schema = { type: 'object', properties: { head: next }, $defs: { Node: { type: 'object', properties: { next } } } };
    const inner = { type: 'object', properties: { next: { $ref: '#/$defs/Node' } } };
    expect(toJsonSchema(schema, 'p').properties).toEqual({ head: { ...inner, description: 'The one behind it' } });
    accept(schema);
  });

  it('stops writing references out when they make too much', () => {
    const $defs: Json = { L0: { type: 'string' } };
    for (let level = 1; level <= 40; level++) {
      const ref = { $ref: `#/$defs/L${level - 1}`, description: 'd' };
      $defs[`L${level}`] = { type: 'object', properties: { a: ref, b: ref } };
    }
    const written = toJsonSchema({ type: 'object', properties: { top: $defs.L40 }, $defs }, 'p');
    expect(JSON.stringify(written).length).toBeLessThan(1_000_000);
    expectAccepted('/v1beta/models/gemini-3-flash-preview:generateContent', {
      contents: [{ parts: [{ text: 'Hi' }] }],
      generationConfig: { responseMimeType: 'application/json', responseJsonSchema: written },
    });
  });

  it('never changes the caller’s schema', () => {
    const before = structuredClone(recursive);
    toJsonSchema(recursive, 'p');
    toOpenApiSchema(recursive, 'p');
    expect(recursive).toEqual(before);
  });

  it('describes an object at the top of parameters, through a reference too', () => {
    const wrapped = { $ref: '#/$defs/A', $defs: { A: { properties: { x: { type: 'integer' } } } } };
    expect(toParameters(wrapped, 'p')).toEqual({
      type: 'object',
      properties: { x: { type: 'integer' } },
      $defs: { A: { properties: { x: { type: 'integer' } } } },
    });
    accept(wrapped);
  });

  it('keeps an object open that takes any member', () => {
    expect(toParameters({ type: 'object', additionalProperties: true }, 'p')).toEqual({
      type: 'object',
      additionalProperties: true,
    });
  });

  it('I6: keeps a property called __proto__', () => {
    const schema = JSON.parse('{"properties": {"__proto__": {"const": "a"}}}') as Json;
    expect(JSON.stringify(toJsonSchema(schema, 'p'))).toBe('{"properties":{"__proto__":{"type":"string","enum":["a"]}}}');
  });

  it('refuses a schema that is nested too deep', () => {
    let schema: Json = {};
    for (let depth = 0; depth < 5000; depth++) schema = { items: schema };
    expect(failureOf(() => toJsonSchema(schema, 'tools[0]'))).toMatchObject({ reason: 'invalid_request', param: 'tools[0]' });
    expect(failureOf(() => toOpenApiSchema(schema, 'tools[0]'))).toMatchObject({ reason: 'invalid_request', param: 'tools[0]' });
  });
});

describe('the older OpenAPI form', () => {
  it.each([
    ['types', { type: 'integer', minimum: 1, maximum: 9 }, { type: 'INTEGER', minimum: 1, maximum: 9 }],
    ['null among the types', { type: ['string', 'null'] }, { type: 'STRING', nullable: true }],
    ['several types', { type: ['string', 'integer'] }, { anyOf: [{ type: 'STRING' }, { type: 'INTEGER' }] }],
    [
      'something or null',
      { anyOf: [{ type: 'string', minLength: 1 }, { type: 'null' }] },
      { type: 'STRING', minLength: 1, nullable: true },
    ],
    ['one of several', { oneOf: [{ type: 'string' }, { type: 'number' }] }, { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }] }],
    ['texts to choose from', { enum: ['a', 'b'] }, { type: 'STRING', format: 'enum', enum: ['a', 'b'] }],
    ['a fixed text', { const: 'a', title: 'T' }, { type: 'STRING', format: 'enum', enum: ['a'], title: 'T' }],
    ['numbers to choose from', { enum: [1, 2] }, { type: 'INTEGER', description: 'one of: 1, 2' }],
    ['an empty text to choose', { enum: ['', 'b'] }, { type: 'STRING', description: 'one of: "", "b"' }],
    [
      'exclusive bounds',
      { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 10 },
      { type: 'INTEGER', minimum: 1, maximum: 9 },
    ],
    ['bounds that cannot be said', { type: 'number', exclusiveMinimum: 0 }, { type: 'NUMBER', description: 'greater than 0' }],
    ['a format it has', { type: 'string', format: 'date-time' }, { type: 'STRING', format: 'date-time' }],
    [
      'one it has not',
      { type: 'string', format: 'uri', description: 'A link' },
      { type: 'STRING', description: 'A link (format: uri)' },
    ],
    ['a list of anything', { type: 'array' }, { type: 'ARRAY', items: { type: 'STRING' } }],
    [
      'a tuple',
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] },
      { type: 'ARRAY', items: { anyOf: [{ type: 'STRING' }, { type: 'INTEGER' }] } },
    ],
    [
      'an object with what it does not know',
      {
        type: 'object',
        properties: { a: { type: 'string' } },
        required: ['a', 'b'],
        additionalProperties: false,
        $schema: 'x',
        examples: [1],
      },
      { type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['a'], propertyOrdering: ['a'] },
    ],
    [
      'all of several, by reference',
      {
        allOf: [{ $ref: '#/$defs/A' }, { properties: { b: { type: 'boolean' } } }],
        $defs: { A: { type: 'object', properties: { a: { type: 'string' } } } },
      },
      { type: 'OBJECT', properties: { a: { type: 'STRING' }, b: { type: 'BOOLEAN' } }, propertyOrdering: ['a', 'b'] },
    ],
    [
      'an object of any members',
      { type: 'object', properties: { a: { type: 'object', additionalProperties: true } } },
      { type: 'OBJECT', properties: { a: { type: 'STRING', description: 'a JSON object, written as text' } } },
    ],
    ['a reference that leads nowhere', { $ref: '#/$defs/None', description: 'lost' }, { type: 'STRING', description: 'lost' }],
  ])('says %s', (_name, schema, expected) => {
    expect(toOpenApiSchema(schema as Json, 'p')).toEqual(expected);
  });

  it('ends a recursive schema where it begins again', () => {
    expect(toOpenApiSchema(recursive, 'p')).toEqual({
      type: 'OBJECT',
      properties: {
        head: {
          type: 'OBJECT',
          properties: {
            value: { type: 'STRING' },
            next: { type: 'STRING', description: 'The one behind it (a JSON object, written as text, as described above)' },
          },
          propertyOrdering: ['value', 'next'],
        },
      },
    });
  });

  it('refuses one that grows without measure when its references are written out', () => {
    const $defs: Json = { L0: { type: 'string' } };
    for (let level = 1; level <= 40; level++) {
      const ref = { $ref: `#/$defs/L${level - 1}` };
      $defs[`L${level}`] = { type: 'object', properties: { a: ref, b: ref } };
    }
    const failure = failureOf(() => toOpenApiSchema({ $ref: '#/$defs/L40', $defs }, 'tools[2]'));
    expect(failure).toMatchObject({ reason: 'invalid_request', param: 'tools[2]' });
    expect(JSON.stringify(toJsonSchema({ $ref: '#/$defs/L40', $defs }, 'p')).length).toBeLessThan(10_000);
  });

  it('is what the API accepts', () => {
    accept({
      type: 'object',
      properties: {
        town: { type: ['string', 'null'], description: 'Where' },
        when: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
        unit: { enum: ['c', 'f'] },
        tags: { type: 'array', items: { $ref: '#/$defs/Tag' }, uniqueItems: true },
      },
      required: ['town'],
      additionalProperties: false,
      $defs: {
        Tag: {
          oneOf: [
            { type: 'string', pattern: '^a' },
            { type: 'object', properties: { n: { const: 1 } } },
          ],
        },
      },
    });
  });
});

import fc from 'fast-check';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textForPattern } from '../../providers/sandbox/pattern.ts';
import { valueForSchema } from '../../providers/sandbox/schema-value.ts';

// Judged by the server's own validator, with nothing coerced or removed.
const app = Fastify({
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, strict: false } },
});
let job: { schema: unknown; value: unknown };
app.get('/', (request) => ({ valid: request.compileValidationSchema(job.schema as object)(job.value) }));
beforeAll(() => app.ready());
afterAll(() => app.close());

async function validates(schema: unknown, value = valueForSchema(schema)): Promise<boolean> {
  job = { schema, value };
  return (await app.inject('/')).json().valid;
}

const tree = {
  $ref: '#/$defs/node',
  $defs: {
    node: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
        all: { type: 'array', items: { $ref: '#/$defs/node' } },
      },
      required: ['name', 'next', 'all'],
      additionalProperties: false,
    },
  },
};

describe('a value for a JSON schema', () => {
  it.each([
    [
      'scalars',
      {
        type: 'object',
        properties: {
          a: { type: 'string' },
          b: { type: 'integer' },
          c: { type: 'number' },
          d: { type: 'boolean' },
          e: { type: 'null' },
        },
        required: ['a', 'b', 'c', 'd', 'e'],
      },
    ],
    [
      'a closed object',
      {
        type: 'object',
        properties: { a: { enum: ['x', 'y'] }, b: { const: 7 } },
        required: ['a', 'b'],
        additionalProperties: false,
      },
    ],
    ['nullable types', { type: 'object', properties: { a: { type: ['string', 'null'] } }, required: ['a'] }],
    ['a recursive schema', tree],
    [
      'allOf',
      {
        allOf: [
          { type: 'object', properties: { a: { type: 'integer', minimum: 5 } }, required: ['a'] },
          { properties: { a: { maximum: 6 }, b: { type: 'string' } }, required: ['b'] },
        ],
      },
    ],
    [
      'oneOf',
      {
        oneOf: [
          { type: 'object', properties: { kind: { const: 'a' } }, required: ['kind'] },
          { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] },
        ],
      },
    ],
    [
      'bounds of numbers',
      {
        type: 'object',
        properties: {
          a: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 0.5 },
          b: { type: 'integer', minimum: 7, maximum: 20, multipleOf: 5 },
          c: { type: 'number', maximum: -3 },
          d: { type: 'integer', exclusiveMinimum: -9, exclusiveMaximum: -7 },
        },
        required: ['a', 'b', 'c', 'd'],
      },
    ],
    [
      'bounds of strings',
      {
        type: 'object',
        properties: { a: { type: 'string', minLength: 9 }, b: { type: 'string', maxLength: 2 } },
        required: ['a', 'b'],
      },
    ],
    ['bounds of arrays', { type: 'array', minItems: 3, maxItems: 4, items: { type: 'string', maxLength: 3 }, uniqueItems: true }],
    ['tuples', { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2 }],
    ['maps', { type: 'object', minProperties: 2, additionalProperties: { type: 'integer' } }],
    [
      'formats',
      {
        type: 'object',
        properties: Object.fromEntries(
          ['date-time', 'date', 'time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'].map((format) => [
            format,
            { type: 'string', format },
          ]),
        ),
      },
    ],
    ['a required property without a definition', { type: 'object', required: ['x'] }],
    ['no type but properties', { properties: { a: { type: 'boolean' } }, required: ['a'] }],
    ['anything', {}],
  ])('is valid for %s', async (_name, schema) => {
    expect(await validates(schema)).toBe(true);
  });

  it('is valid for schemas of many shapes', async () => {
    const leaf = fc.oneof(
      fc.record({ type: fc.constant('string'), minLength: fc.nat(6), maxLength: fc.integer({ min: 6, max: 9 }) }),
      fc.record({
        type: fc.constant('integer'),
        minimum: fc.integer({ min: -50, max: 0 }),
        maximum: fc.integer({ min: 0, max: 50 }),
      }),
      fc.record({
        type: fc.constant('number'),
        exclusiveMinimum: fc.integer({ min: -50, max: 0 }),
        maximum: fc.integer({ min: 1, max: 50 }),
      }),
      fc.record({ enum: fc.uniqueArray(fc.oneof(fc.string(), fc.integer()), { minLength: 1, maxLength: 4 }) }),
      fc.constant({ type: ['null', 'boolean'] }),
    );
    const { schema } = fc.letrec((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        leaf,
        tie('object'),
        tie('array'),
        fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
      ),
      object: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), tie('schema'), { maxKeys: 4 }).chain((properties) =>
        fc.record({
          type: fc.constant('object'),
          properties: fc.constant(properties),
          required: fc.subarray(Object.keys(properties)),
          additionalProperties: fc.constant(false),
        }),
      ),
      array: fc.record({
        type: fc.constant('array'),
        items: tie('schema'),
        minItems: fc.nat(2),
        maxItems: fc.integer({ min: 2, max: 4 }),
      }),
    }));
    await fc.assert(
      fc.asyncProperty(schema, async (one) => {
        expect(await validates(one)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('is made for any nonsense without an error', () => {
    const nonsense: unknown[] = [
      true,
      false,
      null,
      7,
      'x',
      { type: 'array', minItems: 1e9 },
      { type: 'string', minLength: 1e9 },
      { $ref: '#' },
      { $ref: '#/%E0%A4' },
      { allOf: [{ $ref: '#' }] },
      { type: 'object', properties: { ['__proto__']: { type: 'string' } }, required: ['__proto__', 5] },
      { type: 'string', pattern: '('.repeat(100_000) },
      { type: 'string', pattern: '(((((a+)+)+)+)+)$', minLength: 50_000 },
      { type: 'string', pattern: '[' },
    ];
    for (const schema of nonsense) expect(() => JSON.stringify(valueForSchema(schema))).not.toThrow();
    fc.assert(fc.property(fc.jsonValue(), (schema) => JSON.stringify(valueForSchema(schema)) !== undefined));
  });
});

describe('a string for a pattern', () => {
  it.each([
    '^[A-Z]{2}\\d{4}$',
    '^(?:red|green)-[a-f0-9]{8}$',
    '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}$',
    '^[^\\s@]+@[^\\s@]+\\.[a-z]{2,}$',
    '^\\+?[1-9]\\d{1,14}$',
    '^[\\w.-]+$',
    '^(?<year>\\d+)/(x|y)?z*$',
    '^\\p{L}\\p{N}$',
    '^\\x41\\u0042[\\]\\-]$',
    '^[^a-zA-Z0-9]$',
    '^.{3}$',
    'foo',
    '',
  ])('matches %s', (pattern) => {
    expect(textForPattern(pattern)).toMatch(new RegExp(pattern, 'u'));
  });

  it('is as long as it has to be', () => {
    const text = textForPattern('^[a-z]+$', 12);
    expect([text.length >= 12, /^[a-z]+$/.test(text)]).toEqual([true, true]);
  });
});

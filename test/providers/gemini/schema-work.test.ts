import { describe, expect, it } from 'vitest';
import { inputSchema } from '../../../providers/anthropic/input-schema.ts';
import { toJsonSchema } from '../../../providers/gemini/request/json-schema.ts';
import { toOpenApiSchema } from '../../../providers/gemini/request/openapi-schema.ts';
import type { TranslationError } from '../../../providers/provider.ts';
import { targetOf, translationOf } from './support.ts';

type Json = Record<string, unknown>;

const object = (name: string, more: Json = {}): Json => ({ type: 'object', properties: { [name]: { type: 'string' } }, ...more });
const ref = (name: string): Json => ({ $ref: `#/$defs/${name}` });

/** Both forms took 28 s of these 700 kB. */
const wide: Json = {
  type: 'object',
  allOf: Array.from({ length: 12_000 }, (_, at) => object(`p${at}`, { required: [`p${at}`] })),
};

function msOf(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

describe('a schema within the limits of a body does not hold the event loop', () => {
  it.each([
    ['json', () => toJsonSchema(wide, 'p')],
    ['openapi', () => toOpenApiSchema(wide, 'p')],
  ])('of many parts (%s)', (_, work) => {
    expect(msOf(work)).toBeLessThan(1000);
  });

  it('of many choices with the same member', () => {
    let schema: Json = { anyOf: Array.from({ length: 20_000 }, () => ({ properties: { x: {} } })) };
    for (let level = 0; level < 14; level++) schema = { anyOf: [schema] };
    expect(msOf(() => inputSchema(schema))).toBeLessThan(700);
  });

  it.each(['gemini-3-flash-preview', 'gemma-4-31b-it'])('of many tools whose references branch (%s)', (model) => {
    const $defs: Json = { d9: { type: 'string' } };
    for (let at = 0; at < 9; at++) {
      const next = { ...ref(`d${at + 1}`), description: 'x' };
      $defs[`d${at}`] = { type: 'object', properties: { a: next, b: next } };
    }
    const parameters = { type: 'object', properties: { r: ref('d0') }, $defs };
    const tools = Array.from({ length: 300 }, (_, at) => ({ type: 'function', function: { name: `f${at}`, parameters } }));
    const body = { model: 'any', messages: [{ role: 'user', content: 'hi' }], tools };
    let size = 0;
    const ms = msOf(() => {
      try {
        size = translationOf(body, targetOf(model)).request.body!.length;
      } catch (error) {
        // The form without references says that it is too large.
        expect((error as TranslationError).failure.param).toContain('function.parameters');
      }
    });
    expect(size).toBeLessThan(4_000_000);
    expect(ms).toBeLessThan(1000);
  });
});

it.each([
  ['json', toJsonSchema],
  ['openapi', toOpenApiSchema],
])('a schema of several that inherit has the members of all, of what they share once (%s)', (_, write) => {
  const $defs = {
    base: object('id'),
    left: { allOf: [ref('base'), object('left')] },
    right: { allOf: [ref('base'), object('right')] },
  };
  const { properties } = write({ type: 'object', allOf: [ref('left'), ref('right')], $defs }, 'p');
  expect(Object.keys(properties as Json).sort()).toEqual(['id', 'left', 'right']);
});

it('a definition keeps its own members where the schema and it share what they inherit', () => {
  const $defs = { base: object('id'), child: { allOf: [ref('base'), object('name')] }, self: { $ref: '#', description: 'x' } };
  const schema = { type: 'object', allOf: [ref('base'), { properties: { child: ref('child') } }], $defs };
  const written = toJsonSchema(schema, 'p');
  expect(Object.keys(((written.$defs as Json).child as Json).properties as Json)).toEqual(['id', 'name']);
});

import { expect, test } from 'vitest';
import { validateGemini } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: tools and their schemas.

const contents = [{ role: 'user', parts: [{ text: 'x' }] }];
const says = (model: string, body: unknown) =>
  validateGemini(`/v1beta/models/${model}:generateContent`, body)?.body.error.message ?? null;

const fn = (name: string, more: object = {}) => ({ name, description: 'd', ...more });
const tools = (...functionDeclarations: object[]) => ({ contents, tools: [{ functionDeclarations }] });
const parameters = (schema: object) => tools(fn('f', { parameters: schema }));
const calling = (functionCallingConfig: object, ...names: string[]) => ({
  ...tools(...names.map((name) => fn(name))),
  toolConfig: { functionCallingConfig },
});
const object = { type: 'object', properties: { a: { type: 'string' } } };
const first = 'GenerateContentRequest.tools[0].function_declarations[0]';

test.each<[string, unknown, unknown, string]>([
  [
    'names',
    tools(fn('a-b.c:d_1')),
    tools(fn('a b')),
    `* ${first}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n`,
  ],
  ['each name once', tools(fn('f'), fn('g')), tools(fn('f'), fn('f')), 'Duplicate function declaration found: f'],
  [
    'one form of parameters',
    tools(fn('f', { parametersJsonSchema: object })),
    tools(fn('f', { parameters: object, parametersJsonSchema: object })),
    `* ${first}.parameters: only one of parameters and parameters_json_schema may be set.\n`,
  ],
  [
    'no references in the old form',
    tools(fn('f', { parametersJsonSchema: { type: 'object', properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: {} } } })),
    parameters({ type: 'object', properties: { a: { $ref: '#/$defs/A' } } }),
    `Invalid JSON payload received. Unknown name "$ref" at 'tools[0].function_declarations[0].parameters.properties[0].value': Cannot find field.`,
  ],
  [
    'no closed objects in the old form',
    tools(fn('f', { parametersJsonSchema: { ...object, additionalProperties: false } })),
    parameters({ ...object, additionalProperties: false }),
    `Invalid JSON payload received. Unknown name "additionalProperties" at 'tools[0].function_declarations[0].parameters': Cannot find field.`,
  ],
  [
    'no lists of types in the old form',
    tools(fn('f', { parametersJsonSchema: { type: 'object', properties: { a: { type: ['string', 'null'] } } } })),
    parameters({ type: 'object', properties: { a: { type: ['string', 'null'] } } }),
    `Invalid JSON payload received. Unknown name "type" at 'tools[0].function_declarations[0].parameters.properties[0].value': Proto field is not repeating, cannot start list.`,
  ],
  [
    'references lead somewhere',
    tools(fn('f', { parametersJsonSchema: { type: 'object', $defs: { A: {} }, items: { $ref: '#/$defs/A' } } })),
    tools(fn('f', { parametersJsonSchema: { type: 'object', items: { $ref: '#/$defs/B' } } })),
    `* ${first}.parameters_json_schema: reference to undefined schema at #/$defs/B\n`,
  ],
  [
    'required members exist',
    parameters({ ...object, required: ['a'] }),
    parameters({ ...object, required: ['b'] }),
    `* ${first}.parameters.required[0]: property is not defined\n`,
  ],
  [
    'arrays have items',
    parameters({ type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } }),
    parameters({ type: 'object', properties: { a: { type: 'array' } } }),
    `* ${first}.parameters.properties[a].items: missing field.\n`,
  ],
  [
    'enums are text',
    parameters({ type: 'object', properties: { a: { type: 'string', enum: ['1'] } } }),
    parameters({ type: 'object', properties: { a: { type: 'integer', enum: ['1'] } } }),
    `* ${first}.parameters.properties[a].enum: only allowed for STRING type\n`,
  ],
  [
    'formats of text',
    parameters({ type: 'object', properties: { a: { type: 'string', format: 'date-time' } } }),
    parameters({ type: 'object', properties: { a: { type: 'string', format: 'uri' } } }),
    `* ${first}.parameters.properties[a].format: only 'enum' and 'date-time' are supported for STRING type\n`,
  ],
  [
    'members are an object’s',
    parameters({ type: 'object', properties: { a: { type: 'object', properties: { b: { type: 'string' } } } } }),
    parameters({ type: 'object', properties: { a: { type: 'string', properties: { b: { type: 'string' } } } } }),
    `* ${first}.parameters.properties[a].properties: only allowed for OBJECT type\n`,
  ],
  [
    'items are an array’s',
    parameters({ type: 'object', properties: { a: { type: 'array', items: { type: 'string' } } } }),
    parameters({ type: 'object', properties: { a: { type: 'string', items: { type: 'string' } } } }),
    `* ${first}.parameters.properties[a].items: only allowed for ARRAY type\n`,
  ],
  [
    'enums have text',
    parameters({ type: 'object', properties: { a: { type: 'string', enum: ['x'] } } }),
    parameters({ type: 'object', properties: { a: { type: 'string', enum: ['x', ''] } } }),
    `* ${first}.parameters.properties[a].enum[1]: cannot be empty\n`,
  ],
  [
    'parameters are an object',
    parameters(object),
    parameters({ type: 'string' }),
    `* ${first}.parameters.type: parameters schema should be of type OBJECT.\n`,
  ],
  [
    'the true form is an object too',
    tools(fn('f', { parametersJsonSchema: object })),
    tools(fn('f', { parametersJsonSchema: { type: 'string' } })),
    `* ${first}.parameters_json_schema: schema must describe an object.\n`,
  ],
  [
    'a schema is no text',
    tools(fn('f', { parametersJsonSchema: object })),
    tools(fn('f', { parametersJsonSchema: '{}' })),
    `* ${first}.parameters_json_schema: schema must be an object\n`,
  ],
  [
    'members have names',
    parameters(object),
    parameters({ type: 'object', properties: ['a'] }),
    `Invalid value at 'tools[0].function_declarations[0].parameters.properties' (map), Starting an object on a scalar field`,
  ],
  [
    'objects inside have members',
    parameters({ type: 'object', properties: {} }),
    parameters({ type: 'object', properties: { a: { type: 'object' } } }),
    `* ${first}.parameters.properties[a].properties: should be non-empty for OBJECT type\n`,
  ],
  [
    'a configuration needs functions',
    calling({ mode: 'AUTO' }, 'f'),
    { contents, toolConfig: { functionCallingConfig: { mode: 'AUTO' } } },
    'Function calling config is set without function_declarations.',
  ],
  [
    'names are allowed with ANY',
    calling({ mode: 'any', allowedFunctionNames: ['f'] }, 'f'),
    calling({ mode: 'AUTO', allowedFunctionNames: ['f'] }, 'f'),
    'Allowed function names can only be set when the function calling mode is ANY or VALIDATED.',
  ],
  [
    'allowed names are declared',
    calling({ mode: 'VALIDATED', allowedFunctionNames: ['f'] }, 'f'),
    calling({ mode: 'ANY', allowedFunctionNames: ['g'] }, 'f'),
    'Allowed function name g is not found in function_declarations.',
  ],
  [
    'OpenAI’s form is none',
    tools(fn('f')),
    { contents, tools: [{ type: 'function', function: fn('f') }] },
    'Invalid JSON payload received. Unknown name "type" at \'tools[0]\': Cannot find field.\nInvalid JSON payload received. Unknown name "function" at \'tools[0]\': Cannot find field.',
  ],
])('tools: %s', (_rule, accepted, refused, message) => {
  expect(says('gemini-2.5-flash', accepted)).toBeNull();
  expect(says('gemini-2.5-flash', refused)).toBe(message);
});

test('tools: functions beside built-in tools need the flag from 3 on, are refused before, and Vertex does not know the flag', () => {
  const body = { contents, tools: [{ googleSearch: {} }, { functionDeclarations: [fn('f')] }] };
  const flagged = { ...body, toolConfig: { includeServerSideToolInvocations: true } };
  const vertex = '/v1/projects/p/locations/global/publishers/google/models/gemini-3.8-flash:generateContent';
  expect(says('gemini-3.8-flash', flagged)).toBeNull();
  expect(says('gemini-3.8-flash', body)).toBe(
    'Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function calling.',
  );
  expect(says('gemini-2.5-flash', body)).toBe('Tool use with function calling is unsupported');
  expect(says('gemini-2.5-flash', flagged)).toBe('Tool call context circulation is not enabled for this model.');
  expect(validateGemini(vertex, body)).toBeNull();
  expect(validateGemini(vertex, flagged)?.body.error.message).toContain('Cannot find field');
});

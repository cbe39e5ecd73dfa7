import { expect, test } from 'vitest';
import { validateAnthropic } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: tools, the choice between them, and the form of the output.

const base = { model: 'claude-haiku-4-5', max_tokens: 2048, messages: [{ role: 'user', content: 'x' }] };
const says = (more: object) => {
  const body = JSON.parse(JSON.stringify({ ...base, ...more })) as unknown;
  return validateAnthropic('/v1/messages', body)?.body.error.message ?? null;
};

const schema = (properties: object = {}) => ({ type: 'object', properties });
const tool = (name = 'f', more: object = {}) => ({ name, input_schema: schema(), ...more });
const tools = (...list: object[]) => ({ tools: list });
const closed = (more: object = {}) => ({ type: 'object', additionalProperties: false, properties: {}, ...more });
const format = (value: unknown) => ({ output_config: { format: { type: 'json_schema', schema: value } } });
const on = (model: string, more: object) => ({ model, ...more });

test.each<[string, object, object, string]>([
  [
    'names',
    tools(tool('f-1_G')),
    tools(tool('f.g')),
    "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
  ],
  ['each name once', tools(tool(), tool('g')), tools(tool(), tool()), 'tools: Tool names must be unique.'],
  ['a schema', tools(tool()), tools({ name: 'f' }), 'tools.0.custom.input_schema: Field required'],
  ['a typed schema', tools(tool()), tools(tool('f', { input_schema: {} })), 'tools.0.custom.input_schema.type: Field required'],
  [
    'an object',
    tools(tool()),
    tools(tool('f', { input_schema: { type: 'string' } })),
    "tools.0.custom.input_schema.type: Input should be 'object'",
  ],
  [
    'no choice at the top',
    tools(tool('f', { input_schema: schema({ a: { anyOf: [{ type: 'string' }] } }) })),
    tools(tool('f', { input_schema: { type: 'object', anyOf: [{}] } })),
    'tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level',
  ],
  [
    'a true JSON schema',
    tools(tool('f', { input_schema: schema({ a: { type: 'string' } }) })),
    tools(tool('f', { input_schema: schema({ a: { type: 'STRING' } }) })),
    'tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12). Learn more about tool use at https://docs.claude.com/en/docs/tool-use.',
  ],
  [
    'its own form',
    tools({ ...tool(), type: 'custom' }),
    tools({ type: 'function', function: {} }),
    "tools.0: Input tag 'function' found using 'type' does not match any of the expected tags: 'custom'",
  ],
  [
    'no null description',
    tools(tool('f', { description: '' })),
    tools(tool('f', { description: null })),
    'tools.0.custom.description: Input should be a valid string',
  ],
  [
    'closed objects when strict',
    tools(tool('f', { strict: true, input_schema: closed() })),
    tools(tool('f', { strict: true })),
    "tools.0.custom.input_schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
  ],
  [
    'plain names of members',
    tools(tool('f', { input_schema: schema({ 'a.b-c': {} }) })),
    tools(tool('f', { input_schema: schema({ 'a b': {} }) })),
    "tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'",
  ],
  [
    'a model that can be strict',
    tools(tool('f', { strict: true, input_schema: closed() })),
    on('claude-sonnet-4-0', tools(tool('f', { strict: true, input_schema: closed() }))),
    'tools.0.custom.strict: strict tools are not supported by this model',
  ],
  [
    'one that is there from the start',
    tools(tool('f', { defer_loading: true }), tool('g')),
    tools(tool('f', { defer_loading: true })),
    'At least one tool must have defer_loading=false. All tools cannot be deferred.',
  ],
  ['names as text', tools(tool()), tools(tool(5 as never)), 'tools.0.custom.name: Input should be a valid string'],
  [
    'a tool for a choice',
    { tool_choice: { type: 'none' } },
    { tool_choice: { type: 'auto' } },
    'tool_choice may only be specified while providing tools.',
  ],
  [
    'the chosen tool',
    { ...tools(tool()), tool_choice: { type: 'tool', name: 'f' } },
    { ...tools(tool()), tool_choice: { type: 'tool', name: 'g' } },
    "Tool 'g' not found in provided tools",
  ],
  [
    'a choice as an object',
    { ...tools(tool()), tool_choice: { type: 'any' } },
    { ...tools(tool()), tool_choice: 'any' },
    'tool_choice: Input should be a valid dictionary or object to extract fields from',
  ],
  [
    'one call at a time inside the choice',
    { ...tools(tool()), tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    { ...tools(tool()), disable_parallel_tool_use: true },
    'disable_parallel_tool_use: Extra inputs are not permitted',
  ],
  [
    'no such member without tools',
    { ...tools(tool()), tool_choice: { type: 'none' } },
    { ...tools(tool()), tool_choice: { type: 'none', disable_parallel_tool_use: true } },
    'tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted',
  ],
  [
    'no force on the newest',
    on('claude-opus-5', { ...tools(tool()), tool_choice: { type: 'any' } }),
    on('claude-opus-5-5', { ...tools(tool()), tool_choice: { type: 'any' } }),
    'tool_choice: type "tool" and "any" are not supported for this model.',
  ],
])('tools need %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)?.slice(0, message.length)).toBe(message);
});

const path = 'output_config.format.schema';
test.each<[string, object, object, string]>([
  [
    'a level of the model',
    on('claude-opus-4-6', { output_config: { effort: 'max' } }),
    on('claude-opus-4-6', { output_config: { effort: 'xhigh' } }),
    "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.",
  ],
  [
    'a level',
    on('claude-opus-5', { output_config: { effort: null } }),
    on('claude-opus-5', { output_config: { effort: 'minimal' } }),
    "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
  ],
  [
    'a model with effort',
    on('claude-opus-4-5', { output_config: { effort: 'low' } }),
    { output_config: { effort: 'low' } },
    'This model does not support the effort parameter.',
  ],
  [
    'closed objects',
    format(closed()),
    format({ type: 'object', properties: {} }),
    `${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`,
  ],
  [
    'closed objects inside',
    format(closed({ properties: { a: closed() } })),
    format(closed({ properties: { a: { type: 'object' } } })),
    `${path}.properties.a: For 'object' type, 'additionalProperties' must be explicitly set to false`,
  ],
  [
    'no bounds',
    format(closed({ properties: { a: { type: 'integer', description: 'd' } } })),
    format(closed({ properties: { a: { type: 'integer', minimum: 1, maximum: 2 } } })),
    `${path}.properties.a: For 'integer' type, properties maximum, minimum are not supported`,
  ],
  [
    'no recursion',
    format(closed({ properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: closed() } })),
    format(
      closed({ properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: closed({ properties: { b: { $ref: '#/$defs/A' } } }) } }),
    ),
    `${path}.properties.a.properties.b: Recursive schemas are not supported`,
  ],
  [
    'references within the schema',
    format(closed({ properties: { a: { $ref: '#/$defs/A' } }, $defs: { A: { type: 'string' } } })),
    format(closed({ properties: { a: { $ref: 'https://a.test/b' } } })),
    `${path}.properties.a: External references are not supported`,
  ],
  [
    'small least sizes',
    format(closed({ properties: { a: { type: 'array', items: { type: 'string' }, minItems: 1 } } })),
    format(closed({ properties: { a: { type: 'array', items: { type: 'string' }, minItems: 2 } } })),
    `${path}.properties.a: For 'array' type, 'minItems' values other than 0 or 1 are not supported`,
  ],
  [
    'anyOf',
    format(closed({ properties: { a: { anyOf: [{ type: 'string' }] } } })),
    format(closed({ properties: { a: { oneOf: [{ type: 'string' }] } } })),
    `${path}.properties.a: Schema type 'oneOf' is not supported`,
  ],
  [
    'its own form',
    format(closed()),
    { output_config: { format: { type: 'json_object' } } },
    "output_config.format: Input tag 'json_object' found using 'type' does not match any of the expected tags: 'json_schema'",
  ],
  [
    'a model that keeps to it',
    format(closed()),
    on('claude-sonnet-4-0', format(closed())),
    'output_config.format: this model does not support output format.',
  ],
])('output needs %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)).toBe(message);
});

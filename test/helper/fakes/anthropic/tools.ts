import { cacheControl } from './blocks.ts';
import { type AnthropicError, invalid } from './errors.ts';
import {
  type Check,
  dictionary,
  fields,
  flag,
  integer,
  isObject,
  listOf,
  nullable,
  oneOf,
  pattern,
  tagged,
  text,
} from './fields.ts';
import type { AnthropicModel } from './models.ts';
import { closedSchema } from './output.ts';

const shared = {
  cache_control: cacheControl,
  defer_loading: flag,
  allowed_callers: listOf(text),
  strict: flag,
};
const examples = { input_examples: listOf(dictionary) };
const domains = {
  allowed_domains: nullable(listOf(text)),
  blocked_domains: nullable(listOf(text)),
  max_uses: nullable(integer(1)),
};
const location = { user_location: nullable(dictionary) };
const fetching = {
  ...domains,
  citations: nullable(dictionary),
  max_content_tokens: nullable(integer(1)),
  url_sources: nullable(dictionary),
};

const named = (name: string, more: Readonly<Record<string, Check>> = {}) =>
  fields({ name: oneOf(name) }, { ...shared, ...more }, 'type');

const custom = fields(
  { name: pattern(/^[a-zA-Z0-9_-]{1,128}$/), input_schema: dictionary },
  { ...shared, ...examples, description: text, eager_input_streaming: nullable(flag) },
  'type',
);

/** The tools of the API by the name of their version. */
const tool = tagged(
  {
    custom,
    bash_20250124: named('bash', examples),
    text_editor_20250124: named('str_replace_editor', examples),
    text_editor_20250429: named('str_replace_based_edit_tool', examples),
    text_editor_20250728: named('str_replace_based_edit_tool', { ...examples, max_characters: nullable(integer(1)) }),
    memory_20250818: named('memory', examples),
    code_execution_20250522: named('code_execution'),
    code_execution_20250825: named('code_execution'),
    code_execution_20260120: named('code_execution'),
    code_execution_20260521: named('code_execution'),
    web_search_20250305: named('web_search', { ...domains, ...location }),
    web_search_20260209: named('web_search', { ...domains, ...location }),
    web_search_20260318: named('web_search', { ...domains, ...location, response_inclusion: text }),
    web_fetch_20250910: named('web_fetch', fetching),
    web_fetch_20260209: named('web_fetch', fetching),
    web_fetch_20260309: named('web_fetch', { ...fetching, use_cache: flag }),
    web_fetch_20260318: named('web_fetch', { ...fetching, use_cache: flag, response_inclusion: text }),
    tool_search_tool_bm25_20251119: named('tool_search_tool_bm25'),
    tool_search_tool_regex_20251119: named('tool_search_tool_regex'),
    advisor_20260301: fields(
      { name: oneOf('advisor'), model: text },
      { ...shared, caching: cacheControl, max_tokens: nullable(integer(1)), max_uses: nullable(integer(1)) },
      'type',
    ),
  },
  'custom',
);

export const toolsCheck: Check = listOf(tool);

const parallel = { disable_parallel_tool_use: flag };
export const toolChoiceCheck: Check = tagged({
  auto: fields({}, parallel, 'type'),
  any: fields({}, parallel, 'type'),
  tool: fields({ name: text }, parallel, 'type'),
  none: fields({}, {}, 'type'),
});

/** What goes beyond the shape of tools and of the choice. */
export function checkTools(body: Record<string, unknown>, model: AnthropicModel, counting: boolean): AnthropicError | null {
  const tools = (body.tools as Record<string, unknown>[] | undefined) ?? [];
  const names = new Set<string>();
  for (const [index, entry] of tools.entries()) {
    const wrong = entry.input_schema === undefined ? null : checkSchema(entry, `tools.${index}.custom`, model);
    if (wrong !== null) return invalid(wrong);
    if (names.has(String(entry.name))) return invalid('tools: Tool names must be unique.');
    names.add(String(entry.name));
  }
  if (tools.length > 0 && tools.every((entry) => entry.defer_loading === true)) {
    return invalid('At least one tool must have defer_loading=false. All tools cannot be deferred.');
  }
  const choice = body.tool_choice as { type: string; name?: string } | undefined;
  if (choice === undefined) return null;
  if (tools.length === 0 && choice.type !== 'none') return invalid('tool_choice may only be specified while providing tools.');
  if (choice.type === 'tool' && !names.has(String(choice.name)))
    return invalid(`Tool '${choice.name}' not found in provided tools`);
  const forced = choice.type === 'any' || choice.type === 'tool';
  if (forced && !model.forcedTools) return invalid('tool_choice: type "tool" and "any" are not supported for this model.');
  // Counted with a forced choice beside adaptive thinking (recorded); only the manual form excludes it.
  const thinking = body.thinking as { type?: string } | undefined;
  if (forced && thinking?.type === 'enabled' && !counting)
    return invalid('Thinking may not be enabled when tool_choice forces tool use.');
  return null;
}

function checkSchema(entry: Record<string, unknown>, path: string, model: AnthropicModel): string | null {
  const schema = entry.input_schema as Record<string, unknown>;
  if (schema.type === undefined) return `${path}.input_schema.type: Field required`;
  if (schema.type !== 'object') return `${path}.input_schema.type: Input should be 'object'`;
  if (['oneOf', 'allOf', 'anyOf'].some((name) => schema[name] !== undefined)) {
    return `${path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level`;
  }
  if (!wellFormed(schema)) {
    return (
      `${path}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 ` +
      '(https://json-schema.org/draft/2020-12). Learn more about tool use at https://docs.claude.com/en/docs/tool-use.'
    );
  }
  for (const name of Object.keys((schema.properties as Record<string, unknown> | undefined) ?? {})) {
    if (/^[a-zA-Z0-9_.-]{1,64}$/.test(name)) continue;
    return `${path}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'`;
  }
  if (entry.strict !== true) return null;
  if (!model.structured) return `${path}.strict: strict tools are not supported by this model`;
  return closedSchema(schema, `${path}.input_schema`);
}

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];

/** As much of the meta-schema as translations get wrong: type names, `required`, `properties`, `enum`, nested schemas. */
function wellFormed(schema: unknown): boolean {
  if (typeof schema === 'boolean') return true;
  if (!isObject(schema)) return false;
  const { type, required, properties, items, enum: values } = schema;
  if (type !== undefined && !(Array.isArray(type) ? type : [type]).every((name) => types.includes(String(name)))) return false;
  if (required !== undefined && !(Array.isArray(required) && required.every((name) => typeof name === 'string'))) return false;
  if (values !== undefined && !Array.isArray(values)) return false;
  if (properties !== undefined && !(isObject(properties) && Object.values(properties).every(wellFormed))) return false;
  if (items !== undefined && !wellFormed(items)) return false;
  for (const name of ['anyOf', 'oneOf', 'allOf']) {
    const branches = schema[name];
    if (branches !== undefined && !(Array.isArray(branches) && branches.length > 0 && branches.every(wellFormed))) return false;
  }
  return true;
}

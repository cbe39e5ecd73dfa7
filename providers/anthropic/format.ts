import type { EncodeNotes } from '../provider.ts';
import type { ChatRequest, OutputFormat } from '../unified.ts';
import { isObject } from '../wire/json.ts';
import { inputSchema } from './input-schema.ts';
import type { ModelRules } from './models.ts';
import { closedSchema } from './schema.ts';

/** A tool whose input is the answer. */
export interface FormatTool {
  readonly name: string;
  readonly description: string;
  readonly schema: Record<string, unknown>;
}

export interface FormatPlan {
  /** `output_config.format`. */
  readonly format: Readonly<Record<string, unknown>> | null;
  readonly tool: FormatTool | null;
}

const NONE: FormatPlan = { format: null, tool: null };

/**
 * How an answer in JSON is asked for. A schema goes into `output_config.format` where the model has that and the schema can be
 * said in it. Otherwise, and for any JSON object, a tool that has to be called takes the answer; its input is the text the
 * client gets. Where the caller wants a call of one of its own tools there is no text that could have a form.
 */
export function planFormat(request: ChatRequest, rules: ModelRules, notes: EncodeNotes): FormatPlan {
  const { output, toolChoice } = request;
  if (output === undefined || output.type === 'text') return NONE;
  const mustCall =
    (request.tools?.length ?? 0) > 0 &&
    (toolChoice?.mode === 'required' || toolChoice?.mode === 'named' || (toolChoice?.mode === 'allowed' && toolChoice.required));
  if (mustCall) return NONE;
  const wanted = output.type === 'json_schema' ? output.schema : undefined;
  const schema = rules.structuredOutput && isObject(wanted) ? closedSchema(wanted) : null;
  if (schema !== null) return { format: { type: 'json_schema', schema: described(schema, output) }, tool: null };
  if (rules.forcedTools && isObjectSchema(wanted)) return { format: null, tool: formatTool(request, output, wanted) };
  notes.unsupported(
    'response_format',
    wanted === undefined
      ? 'This model has no JSON mode without a schema. Send `response_format` with `json_schema`, or name another model.'
      : 'This model cannot answer by this schema: describe an object, close every object in it, and leave out recursion and open maps.',
  );
  return NONE;
}

/** A tool's input is an object; the API takes no choice of schemas at its top. */
function isObjectSchema(schema: unknown): boolean {
  if (schema === undefined) return true;
  if (!isObject(schema) || ['anyOf', 'oneOf', 'allOf', '$ref'].some((key) => key in schema)) return false;
  return schema.type === undefined || schema.type === 'object';
}

function formatTool({ tools }: ChatRequest, output: OutputFormat, schema: unknown): FormatTool {
  const taken = new Set((tools ?? []).map((tool) => (tool.kind === 'foreign' ? '' : tool.name)));
  let name = 'answer';
  while (taken.has(name)) name += '_';
  const purpose = output.type === 'json_schema' && output.description !== undefined ? ` ${output.description}` : '';
  const description = `Takes the whole answer to the user, as the conversation asks for it. Call it once, instead of writing a text.${purpose}`;
  return { name, description, schema: inputSchema(schema).schema };
}

function described(schema: Record<string, unknown>, output: OutputFormat): Record<string, unknown> {
  const description = output.type === 'json_schema' ? output.description : undefined;
  return description === undefined || 'description' in schema ? schema : { ...schema, description };
}

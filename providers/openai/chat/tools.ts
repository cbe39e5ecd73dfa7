import type { OutputFormat, Tool, ToolChoice, ToolReference } from '../../unified.ts';
import { isObject, type JsonObject, refuse } from '../../wire/json.ts';
import { carried, DIALECT, overlay, own, residue } from './carry.ts';
import { controlOf } from './parts.ts';

/** One element of `tools`; a type this dialect's model does not know becomes a foreign tool. */
export function decodeTool(raw: unknown): Tool {
  const tool = isObject(raw) ? readTool(raw) : null;
  if (tool === null) return { kind: 'foreign', dialect: DIALECT, value: raw };
  return { ...tool, ...carried(residue(raw as JsonObject, writeTool(tool))) };
}

type OwnTool = Exclude<Tool, { readonly kind: 'foreign' }>;

function readTool(raw: JsonObject): OwnTool | null {
  const body = raw.type === 'function' ? raw.function : raw.type === 'custom' ? raw.custom : null;
  if (!isObject(body) || typeof body.name !== 'string') return null;
  const described = typeof body.description === 'string' ? { description: body.description } : {};
  if (raw.type === 'custom') {
    return { kind: 'custom', name: body.name, ...described, ...('format' in body ? { format: body.format } : {}) };
  }
  const strict = typeof body.strict === 'boolean' || body.strict === null ? { strict: body.strict } : {};
  return {
    kind: 'function',
    name: body.name,
    ...described,
    ...('parameters' in body ? { parameters: body.parameters } : {}),
    ...strict,
    ...controlOf(raw.cache_control ?? body.cache_control),
  };
}

/** An element of `tools`. Throws `TranslationError` for a tool that only another dialect knows. */
export function encodeTool(tool: Tool): unknown {
  if (tool.kind !== 'foreign') return overlay(writeTool(tool), own(tool.extensions));
  if (tool.dialect === DIALECT) return tool.value;
  return refuse(`This provider cannot take a tool that only the "${tool.dialect}" dialect knows.`, 'tools');
}

function writeTool(tool: OwnTool): Record<string, unknown> {
  const described = tool.description === undefined ? {} : { description: tool.description };
  if (tool.kind === 'custom') {
    return { type: 'custom', custom: { name: tool.name, ...described, ...('format' in tool ? { format: tool.format } : {}) } };
  }
  return {
    type: 'function',
    function: {
      name: tool.name,
      ...described,
      ...('parameters' in tool ? { parameters: tool.parameters } : {}),
      ...(tool.strict === undefined ? {} : { strict: tool.strict }),
    },
  };
}

/** `tool_choice`; undefined for a form that stays this dialect's own. */
export function decodeToolChoice(raw: unknown): ToolChoice | undefined {
  if (raw === 'auto' || raw === 'none' || raw === 'required') return { mode: raw };
  if (!isObject(raw)) return undefined;
  if (raw.type === 'allowed_tools' && isObject(raw.allowed_tools) && Array.isArray(raw.allowed_tools.tools)) {
    const tools = raw.allowed_tools.tools.map(referenceOf);
    if (!tools.every((tool) => tool !== null)) return undefined;
    return { mode: 'allowed', required: raw.allowed_tools.mode === 'required', tools };
  }
  const tool = referenceOf(raw);
  return tool === null ? undefined : { mode: 'named', tool };
}

function referenceOf(raw: unknown): ToolReference | null {
  if (!isObject(raw) || (raw.type !== 'function' && raw.type !== 'custom')) return null;
  const body = raw[raw.type];
  return isObject(body) && typeof body.name === 'string' ? { kind: raw.type, name: body.name } : null;
}

export function encodeToolChoice(choice: ToolChoice): unknown {
  if (choice.mode === 'named') return writeReference(choice.tool);
  if (choice.mode !== 'allowed') return choice.mode;
  return {
    type: 'allowed_tools',
    allowed_tools: { mode: choice.required ? 'required' : 'auto', tools: choice.tools.map(writeReference) },
  };
}

function writeReference(tool: ToolReference): Record<string, unknown> {
  return { type: tool.kind, [tool.kind]: { name: tool.name } };
}

/** `response_format`; undefined for a form that stays this dialect's own (grammars of compatible servers). */
export function decodeOutput(raw: unknown): OutputFormat | undefined {
  if (!isObject(raw)) return undefined;
  if (raw.type === 'text') return { type: 'text' };
  if (raw.type === 'json_object') return { type: 'json' };
  const format = raw.json_schema;
  if (raw.type !== 'json_schema' || !isObject(format) || typeof format.name !== 'string') return undefined;
  return {
    type: 'json_schema',
    name: format.name,
    ...(typeof format.description === 'string' ? { description: format.description } : {}),
    ...('schema' in format ? { schema: format.schema } : {}),
    ...(typeof format.strict === 'boolean' || format.strict === null ? { strict: format.strict } : {}),
  };
}

export function encodeOutput(output: OutputFormat): unknown {
  if (output.type === 'text') return { type: 'text' };
  if (output.type === 'json') return { type: 'json_object' };
  const { type, ...format } = output;
  return { type, json_schema: format };
}

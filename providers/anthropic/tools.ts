import type { EncodeNotes } from '../provider.ts';
import type { ChatRequest, FunctionTool, Tool, ToolReference } from '../unified.ts';
import { refuse } from '../wire/json.ts';
import type { Block, CacheMarks } from './dialect.ts';
import type { FormatTool } from './format.ts';
import { inputSchema } from './input-schema.ts';
import type { ModelRules } from './models.ts';
import { closedSchema } from './schema.ts';

export interface ToolPlan {
  readonly tools: readonly Block[];
  readonly choice: Record<string, unknown> | null;
  /** The answer has to be a call. */
  readonly forced: boolean;
}

interface Circumstances {
  readonly rules: ModelRules;
  /** Tools in the API's own words, behind the caller's functions. */
  readonly native: readonly Block[];
  /** Takes the answer in the form that was asked for. */
  readonly format: FormatTool | null;
  readonly marks: CacheMarks;
  readonly notes: EncodeNotes;
}

/**
 * Tools and the choice among them. A choice that allows some of the tools sends those only, as the API has no such choice, but
 * for the one that has to be called: there the list stays as it is, and with it what is cached of it. Throws `TranslationError`
 * naming a tool that cannot be sent.
 */
export function planTools(request: ChatRequest, { rules, native, format, marks, notes }: Circumstances): ToolPlan {
  const allowed = allowedNames(request);
  const tools: Block[] = [];
  (request.tools ?? []).forEach((tool, index) => {
    const block = toolBlock(tool, `tools[${index}]`, rules, notes);
    if (allowed !== null && !allowed.has(block.name as string)) return;
    if (tool.kind === 'function' && tool.cache !== undefined) marks.set(block, tool.cache);
    tools.push(block);
  });
  tools.push(...native.map((tool) => ({ ...tool })));
  let choice = choiceOf(request, tools.length > 0);
  if (tools.length === 0 && format === null) {
    tools.push(...calledBefore(request));
    if (tools.length > 0) choice = { type: 'none' };
  }
  if (format !== null) {
    tools.push({ name: format.name, description: format.description, input_schema: format.schema });
    if (choice === null || choice.type === 'auto')
      choice = tools.length > 1 ? { type: 'any' } : { type: 'tool', name: format.name };
    else if (choice.type === 'none') choice = { type: 'tool', name: format.name };
  }
  if (isForced(choice) && !rules.forcedTools) {
    notes.unsupported(
      'tool_choice',
      'This model cannot be made to call a tool. Send `tool_choice: "auto"` and say in the prompt when to call it, or name another model.',
    );
    choice = null;
  }
  if (request.parallelToolCalls === false && tools.length > 0 && choice?.type !== 'none') {
    choice = { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true };
  }
  return { tools, choice, forced: isForced(choice) };
}

/** Calls in the conversation have to be of tools that are there ("must define tools"); these may not be called any more. */
function calledBefore({ messages }: ChatRequest): readonly Block[] {
  const names = new Set<string>();
  for (const { parts } of messages) for (const part of parts) if (part.type === 'tool_call') names.add(part.name);
  return [...names].map((name) => ({ name, input_schema: inputSchema(undefined).schema }));
}

function isForced(choice: Record<string, unknown> | null): boolean {
  return choice?.type === 'any' || choice?.type === 'tool';
}

/** The names a choice allows; null when it allows all, or names the one to be called. */
function allowedNames({ toolChoice }: ChatRequest): ReadonlySet<string> | null {
  if (toolChoice?.mode !== 'allowed' || (toolChoice.required && toolChoice.tools.length === 1)) return null;
  return new Set(toolChoice.tools.map(({ name }) => name));
}

/** Null for the model's own choice, which is what the API does unasked; without tools there is none. */
function choiceOf({ toolChoice }: ChatRequest, hasTools: boolean): Record<string, unknown> | null {
  if (!hasTools || toolChoice === undefined) return null;
  switch (toolChoice.mode) {
    case 'none':
      return { type: 'none' };
    case 'required':
      return { type: 'any' };
    case 'named':
      return named(toolChoice.tool);
    case 'allowed':
      if (!toolChoice.required) return null;
      return toolChoice.tools.length === 1 ? named(toolChoice.tools[0]!) : { type: 'any' };
    default:
      return null;
  }
}

function named({ name }: ToolReference): Record<string, unknown> {
  return { type: 'tool', name };
}

function toolBlock(tool: Tool, param: string, rules: ModelRules, notes: EncodeNotes): Block {
  if (tool.kind === 'custom') {
    return refuse('This provider has no custom tools. Send a function tool with one string parameter instead.', param);
  }
  if (tool.kind === 'foreign') {
    return refuse('This provider cannot take this kind of tool. Its own tools are sent in `anthropic.tools`.', param);
  }
  const described = tool.description === undefined ? {} : { description: tool.description };
  return { name: tool.name, ...described, ...schemaOf(tool, rules, notes) };
}

/** `strict` only with a schema that can be enforced: the API refuses others. */
function schemaOf(tool: FunctionTool, rules: ModelRules, notes: EncodeNotes): Record<string, unknown> {
  const { schema, looser } = inputSchema(tool.parameters);
  if (looser) notes.dropped('tools.function.parameters');
  if (tool.strict !== true) return { input_schema: schema };
  const closed = rules.structuredOutput ? closedSchema(schema) : null;
  if (closed === null) notes.dropped('tools.function.strict');
  return closed === null ? { input_schema: schema } : { input_schema: closed, strict: true };
}

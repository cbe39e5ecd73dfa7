import { badRequest, type Refusal } from './reply.ts';
import { isObject, type JsonObject, pieces, textOf } from './text.ts';

/** A tool the caller offers. */
export interface OfferedTool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly parameters: unknown;
}

/** What the sandbox reads of a call, the same for both ways of asking. */
export interface Prompt {
  /** Text of the last user message. */
  readonly said: string;
  /** Content of the last message when it is a tool's result, else null. */
  readonly toolResult: string | null;
  /** Tools that may be called, the named ones first; empty for `tool_choice: "none"`. */
  readonly tools: readonly OfferedTool[];
  /** Call all of them. */
  readonly parallel: boolean;
  readonly output: { readonly type: 'text' | 'json' } | { readonly type: 'schema'; readonly schema: unknown };
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly choices: number;
  readonly stream: boolean;
  readonly streamUsage: boolean;
  /** Pieces of text in all messages, at least 1. */
  readonly tokens: number;
}

function toolOf(value: unknown): OfferedTool | null {
  if (!isObject(value)) return null;
  const kind = value.type === 'custom' ? 'custom' : 'function';
  // Chat completions nest the definition, the Responses API does not.
  const definition = isObject(value[kind]) ? value[kind] : value;
  return typeof definition.name === 'string' ? { kind, name: definition.name, parameters: definition.parameters } : null;
}

function allowedTools(body: JsonObject): readonly OfferedTool[] {
  const offered = (Array.isArray(body.tools) ? body.tools : []).map(toolOf).filter((tool) => tool !== null);
  const choice = body.tool_choice;
  if (choice === 'none') return [];
  if (!isObject(choice)) return offered;
  const allowed = isObject(choice.allowed_tools) ? choice.allowed_tools : choice;
  const named = Array.isArray(allowed.tools) ? allowed.tools.map(toolOf) : [toolOf(choice)];
  const chosen = offered.filter((tool) => named.some((one) => one?.name === tool.name));
  return chosen.length > 0 ? chosen : offered;
}

function outputOf(format: unknown): Prompt['output'] {
  if (!isObject(format)) return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json' };
  if (format.type !== 'json_schema') return { type: 'text' };
  const definition = isObject(format.json_schema) ? format.json_schema : format;
  return { type: 'schema', schema: definition.schema };
}

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 ? value : undefined;

function common(body: JsonObject): Pick<Prompt, 'tools' | 'parallel' | 'stream' | 'maxTokens'> {
  return {
    tools: allowedTools(body),
    parallel: body.parallel_tool_calls === true,
    stream: body.stream === true,
    maxTokens: count(body.max_completion_tokens ?? body.max_output_tokens ?? body.max_tokens) ?? Number.POSITIVE_INFINITY,
  };
}

const tokensOf = (texts: readonly string[]): number =>
  Math.max(
    1,
    texts.reduce((sum, text) => sum + pieces(text).length, 0),
  );

/** Reads a chat completions request. */
export function chatPrompt(body: JsonObject): Prompt | Refusal {
  if (!Array.isArray(body.messages) || body.messages.length === 0) {
    return badRequest("'messages' has to be a list with at least one message.", 'messages', 'missing_required_parameter');
  }
  const choices = body.n === undefined || body.n === null ? 1 : count(body.n);
  if (choices === undefined || choices > 128) return badRequest("'n' has to be an integer from 1 to 128.", 'n');
  const messages = body.messages.filter(isObject);
  const last = messages.at(-1);
  const stop = typeof body.stop === 'string' ? [body.stop] : Array.isArray(body.stop) ? body.stop : [];
  return {
    ...common(body),
    said: textOf(messages.findLast(({ role }) => role === 'user')?.content),
    toolResult: last?.role === 'tool' || last?.role === 'function' ? textOf(last.content) : null,
    output: outputOf(body.response_format),
    stop: stop.filter((text): text is string => typeof text === 'string' && text !== ''),
    choices,
    streamUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
    tokens: tokensOf(messages.map(({ content }) => textOf(content))),
  };
}

/** Reads a Responses API request. */
export function responsesPrompt(body: JsonObject): Prompt | Refusal {
  const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : body.input;
  if (!Array.isArray(items) || items.length === 0) {
    return badRequest("'input' has to be a text or a list with at least one item.", 'input', 'missing_required_parameter');
  }
  const known = items.filter(isObject);
  const last = known.at(-1);
  const isResult = last?.type === 'function_call_output' || last?.type === 'custom_tool_call_output';
  return {
    ...common(body),
    said: textOf(known.findLast(({ role }) => role === 'user')?.content),
    toolResult: isResult ? textOf(last.output) : null,
    output: outputOf(isObject(body.text) ? body.text.format : undefined),
    stop: [],
    choices: 1,
    streamUsage: true,
    tokens: tokensOf([textOf(body.instructions), ...known.map((item) => textOf(item.content ?? item.output))]),
  };
}

import type { ChatRequest, Sampling } from '../../unified.ts';
import { isObject, type JsonObject } from '../../wire/json.ts';
import { DIALECT, overlay, own, residue } from './carry.ts';
import { decodeMessage, encodeMessage } from './messages.ts';
import { decodeOutput, decodeTool, decodeToolChoice, encodeOutput, encodeTool, encodeToolChoice } from './tools.ts';

const isNumber = (value: unknown): boolean => typeof value === 'number';
const isText = (value: unknown): boolean => typeof value === 'string';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isTextList = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isRecordOf = (test: (value: unknown) => boolean) => (value: unknown) => isObject(value) && Object.values(value).every(test);
const isAny = (value: unknown): boolean => value !== null;

type Row<Key> = readonly [wire: string, key: Key, test: (value: unknown) => boolean];

/** Members that mean the same under another name (openai-openapi `CreateChatCompletionRequest`). */
const FIELDS: readonly Row<keyof ChatRequest>[] = [
  ['parallel_tool_calls', 'parallelToolCalls', isFlag],
  ['max_completion_tokens', 'maxOutputTokens', isNumber],
  ['n', 'choices', isNumber],
  ['reasoning_effort', 'reasoningEffort', isText],
  ['verbosity', 'verbosity', isText],
  ['modalities', 'modalities', isTextList],
  ['audio', 'audio', isAny],
  ['prediction', 'prediction', isAny],
  ['user', 'user', isText],
  ['safety_identifier', 'safetyIdentifier', isText],
  ['service_tier', 'serviceTier', isText],
  ['metadata', 'metadata', isRecordOf(isText)],
  ['prompt_cache_key', 'promptCacheKey', isText],
];

const SAMPLING: readonly Row<keyof Sampling>[] = [
  ['temperature', 'temperature', isNumber],
  ['top_p', 'topP', isNumber],
  ['top_k', 'topK', isNumber],
  ['frequency_penalty', 'frequencyPenalty', isNumber],
  ['presence_penalty', 'presencePenalty', isNumber],
  ['seed', 'seed', isNumber],
  ['stop', 'stop', isTextList],
  ['logit_bias', 'logitBias', isRecordOf(isNumber)],
];

/** Exact by construction, element by element. */
const SETTLED = ['messages', 'tools', 'stream_options'];

/** A chat completions body, all 37 documented fields and any other. Throws `TranslationError` for messages that are no objects. */
export function decodeRequest(body: JsonObject): ChatRequest {
  const toolChoice = decodeToolChoice(body.tool_choice);
  const output = decodeOutput(body.response_format);
  const request: ChatRequest = {
    model: typeof body.model === 'string' ? body.model : '',
    messages: Array.isArray(body.messages) ? body.messages.map(decodeMessage) : [],
    ...(Array.isArray(body.tools) ? { tools: body.tools.map(decodeTool) } : {}),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(output === undefined ? {} : { output }),
    sampling: decodeSampling(body),
    // The deprecated name of the same limit; `max_completion_tokens` wins when both are there.
    ...(typeof body.max_tokens === 'number' ? { maxOutputTokens: body.max_tokens } : {}),
    ...pick(FIELDS, body),
    stream: body.stream === true,
    streamUsage: isObject(body.stream_options) && body.stream_options.include_usage === true,
  };
  const extra = residue(body, writeRequest(request), SETTLED);
  const { stream_options: options } = body;
  if (isObject(options)) extra.stream_options = { ...options };
  return { ...request, extensions: { [DIALECT]: extra } };
}

function decodeSampling(body: JsonObject): Sampling {
  const top = typeof body.top_logprobs === 'number' ? { top: body.top_logprobs } : {};
  return {
    ...pick(SAMPLING, body),
    ...(typeof body.stop === 'string' ? { stop: [body.stop] } : {}),
    ...(body.logprobs === true ? { logprobs: top } : {}),
  };
}

/** Throws `TranslationError` for parts and tools that this dialect cannot say. */
export function encodeRequest(request: ChatRequest): Record<string, unknown> {
  const extra = own(request.extensions);
  const written = overlay(writeRequest(request), extra);
  // These three are decided by the request as it is now, not by the form it came in.
  written.model = request.model;
  if (request.stream) written.stream = true;
  else if (written.stream === true) delete written.stream;
  if (request.stream && request.streamUsage) {
    written.stream_options = { ...(isObject(extra?.stream_options) ? extra.stream_options : {}), include_usage: true };
  }
  return written;
}

function writeRequest(request: ChatRequest): Record<string, unknown> {
  const { sampling } = request;
  return {
    model: request.model,
    messages: request.messages.flatMap(encodeMessage),
    ...(request.tools === undefined ? {} : { tools: request.tools.map(encodeTool) }),
    ...(request.toolChoice === undefined ? {} : { tool_choice: encodeToolChoice(request.toolChoice) }),
    ...(request.output === undefined ? {} : { response_format: encodeOutput(request.output) }),
    ...unpick(FIELDS, request),
    ...unpick(SAMPLING, sampling),
    ...(sampling.logprobs === undefined ? {} : { logprobs: true }),
    ...(sampling.logprobs?.top === undefined ? {} : { top_logprobs: sampling.logprobs.top }),
    ...(request.stream ? { stream: true } : {}),
    ...(request.streamUsage ? { stream_options: { include_usage: true } } : {}),
  };
}

/** The members of `body` named in the table and of the right form, by their unified names. */
function pick<Key extends string>(table: readonly Row<Key>[], body: JsonObject): Record<string, never> {
  const entries = table.filter(([wire, , test]) => Object.hasOwn(body, wire) && test(body[wire]));
  return Object.fromEntries(entries.map(([wire, key]) => [key, body[wire]])) as Record<string, never>;
}

function unpick<Key extends string>(
  table: readonly Row<Key>[],
  values: { readonly [K in Key]?: unknown },
): Record<string, unknown> {
  return Object.fromEntries(table.filter(([, key]) => values[key] !== undefined).map(([wire, key]) => [wire, values[key]]));
}

import type { ChatRequest } from '../../unified.ts';
import { isObject, type JsonObject } from '../../wire/json.ts';

/**
 * Every documented field of a chat completions request (openai-openapi `CreateChatCompletionRequest`) with the values that ask
 * for nothing: what the API does without the field.
 */
export const fields: Readonly<Record<string, readonly unknown[]>> = {
  messages: [],
  model: [],
  audio: [],
  frequency_penalty: [0],
  function_call: ['none', 'auto'],
  functions: [],
  logit_bias: [],
  logprobs: [false],
  max_completion_tokens: [],
  max_tokens: [],
  metadata: [],
  modalities: [['text']],
  moderation: [],
  n: [1],
  parallel_tool_calls: [true],
  prediction: [],
  presence_penalty: [0],
  prompt_cache_key: [],
  prompt_cache_options: [],
  prompt_cache_retention: [],
  reasoning_effort: [],
  response_format: [{ type: 'text' }],
  safety_identifier: [],
  seed: [],
  service_tier: ['auto'],
  stop: [],
  store: [false],
  stream: [],
  stream_options: [],
  temperature: [],
  tool_choice: ['auto'],
  tools: [],
  top_logprobs: [0],
  top_p: [],
  user: [''],
  verbosity: ['medium'],
  web_search_options: [],
};

/** `tool_choice` and `response_format` have forms (grammars, tools of one server) that mean something to their own server only. */
export function unread(body: JsonObject, request: ChatRequest): readonly string[] {
  return [
    ...(body.tool_choice !== undefined && request.toolChoice === undefined ? ['tool_choice'] : []),
    ...(body.response_format !== undefined && request.output === undefined ? ['response_format'] : []),
  ];
}

/** A turn with the deprecated `function_call` or role `function`, which have no ids to tell calls apart. */
export function unreadMessage(body: JsonObject): string | null {
  if (!Array.isArray(body.messages)) return null;
  for (const [at, message] of body.messages.entries()) {
    if (!isObject(message)) continue;
    if (isObject(message.function_call)) return `messages[${at}].function_call`;
    if (message.role === 'function') return `messages[${at}].role`;
  }
  return null;
}

/** Ids of the tool calls in the assistant's turns. */
export function toolCallIds(body: JsonObject): readonly string[] {
  const ids: string[] = [];
  if (!Array.isArray(body.messages)) return ids;
  for (const message of body.messages) {
    if (!isObject(message) || !Array.isArray(message.tool_calls)) continue;
    for (const call of message.tool_calls) if (isObject(call) && typeof call.id === 'string') ids.push(call.id);
  }
  return ids;
}

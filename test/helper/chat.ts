import { type AnswerOptions, json, sse } from './replies.ts';
import type { Script } from './upstream.ts';

// Bodies of the chat, embeddings and error dialect as the public API documents them.

export interface ChatStreamOptions extends AnswerOptions {
  readonly text?: readonly string[];
  readonly model?: string;
  readonly finish?: string | null;
  readonly usage?: Readonly<Record<string, unknown>> | null;
  /** Send `data: [DONE]`. */
  readonly done?: boolean;
}

/** `data:` line of one chunk with this delta. */
export function chunk(delta: unknown, finish: string | null = null, index = 0, model = 'up-1'): string {
  return `data: ${JSON.stringify({
    id: 'chatcmpl-7Qx',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model,
    choices: [{ index, delta, logprobs: null, finish_reason: finish }],
  })}`;
}

/** `data:` line of the usage chunk. */
export function usageChunk(usage: Readonly<Record<string, unknown>> = plainUsage): string {
  return `data: ${JSON.stringify({ id: 'chatcmpl-7Qx', object: 'chat.completion.chunk', created: 1_790_000_000, model: 'up-1', choices: [], usage })}`;
}

export const plainUsage = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 };

/** Events of one streamed answer. */
export function chatEvents(options: ChatStreamOptions = {}): string[] {
  const model = options.model ?? 'up-1';
  const events = [chunk({ role: 'assistant', content: '' }, null, 0, model)];
  for (const text of options.text ?? ['Hello', ' there']) events.push(chunk({ content: text }, null, 0, model));
  if (options.finish !== null) events.push(chunk({}, options.finish ?? 'stop', 0, model));
  if (options.usage !== null) events.push(usageChunk(options.usage ?? plainUsage));
  if (options.done !== false) events.push('data: [DONE]');
  return events;
}

/** A streamed chat answer. */
export function chatStream(options: ChatStreamOptions = {}): Script {
  return sse(chatEvents(options), options);
}

/** A chat answer as one JSON document. */
export function chatBody(content = 'Hello there', extra: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    id: 'chatcmpl-7Qx',
    object: 'chat.completion',
    created: 1_790_000_000,
    model: 'up-1',
    choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: plainUsage,
    ...extra,
  };
}

/** An error in the envelope of the API. */
export function errorBody(
  message: string,
  type = 'server_error',
  code: string | null = null,
  param: string | null = null,
): unknown {
  return { error: { message, type, param, code } };
}

/** Answers chat requests as asked: JSON, or a stream when `stream` is true. */
export const chat: Script = (call, wire) => {
  const streaming = (call.json as { stream?: unknown } | undefined)?.stream === true;
  return streaming ? chatStream()(call, wire) : json(200, chatBody())(call, wire);
};

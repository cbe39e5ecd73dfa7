import type { Quantities } from '../unified.ts';
import { isObject, type JsonObject } from '../wire/json.ts';
import { QuantityReader, quantityOf } from '../wire/quantities.ts';

/**
 * `usage` of a chat completion (protocol: openai-openapi `CompletionUsage`) as quantities; null when it is absent, null or
 * without a readable `prompt_tokens`. Cached tokens are inside `prompt_tokens`, reasoning tokens inside `completion_tokens`.
 */
export function readChatUsage(usage: unknown): Quantities | null {
  if (!isObject(usage) || quantityOf(usage.prompt_tokens) === null) return null;
  const input = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  const output = isObject(usage.completion_tokens_details) ? usage.completion_tokens_details : {};
  return (
    new QuantityReader()
      .take('input', usage.prompt_tokens)
      // Mistral and DeepSeek have names of their own for it, Mistral no other (recorded).
      .take('cached', input.cached_tokens ?? usage.num_cached_tokens ?? usage.prompt_cache_hit_tokens)
      .take('cache_write_5m', input.cache_write_tokens)
      .take('input_audio', input.audio_tokens)
      .take('output', usage.completion_tokens)
      .take('reasoning', output.reasoning_tokens)
      .take('output_audio', output.audio_tokens)
      .take('accepted_prediction', output.accepted_prediction_tokens)
      .take('rejected_prediction', output.rejected_prediction_tokens)
      .done()
  );
}

/** The reverse; totals are computed, a details object is there only when it has something in it. */
export function writeChatUsage(quantities: Quantities): Record<string, unknown> {
  const input = details({
    cached_tokens: quantities.cached,
    audio_tokens: quantities.input_audio,
    cache_write_tokens: cacheWrites(quantities),
  });
  const output = details({
    reasoning_tokens: quantities.reasoning,
    audio_tokens: quantities.output_audio,
    accepted_prediction_tokens: quantities.accepted_prediction,
    rejected_prediction_tokens: quantities.rejected_prediction,
  });
  return {
    prompt_tokens: quantities.input ?? 0,
    completion_tokens: quantities.output ?? 0,
    total_tokens: (quantities.input ?? 0) + (quantities.output ?? 0),
    ...(input === null ? {} : { prompt_tokens_details: input }),
    ...(output === null ? {} : { completion_tokens_details: output }),
  };
}

/** `usage` of an embeddings answer. */
export function readEmbeddingsUsage(usage: unknown): Quantities | null {
  if (!isObject(usage) || quantityOf(usage.prompt_tokens) === null) return null;
  return new QuantityReader().take('input', usage.prompt_tokens).done();
}

/** `usage` of a Responses API answer (openai-openapi `ResponseUsage`). */
export function readResponsesUsage(usage: unknown): Quantities | null {
  if (!isObject(usage) || quantityOf(usage.input_tokens) === null) return null;
  const input = isObject(usage.input_tokens_details) ? usage.input_tokens_details : {};
  const output = isObject(usage.output_tokens_details) ? usage.output_tokens_details : {};
  return new QuantityReader()
    .take('input', usage.input_tokens)
    .take('cached', input.cached_tokens)
    .take('cache_write_5m', input.cache_write_tokens)
    .take('output', usage.output_tokens)
    .take('reasoning', output.reasoning_tokens)
    .done();
}

/** Where a chat chunk or answer of the compatible servers keeps its usage: top level, Groq's `x_groq`, Moonshot's choice. */
export function findChatUsage(document: JsonObject): unknown {
  if (isObject(document.usage)) return document.usage;
  if (isObject(document.x_groq) && isObject(document.x_groq.usage)) return document.x_groq.usage;
  const choice = Array.isArray(document.choices) ? document.choices[0] : undefined;
  return isObject(choice) && isObject(choice.usage) ? choice.usage : undefined;
}

function cacheWrites(quantities: Quantities): number | undefined {
  if (quantities.cache_write_5m === undefined && quantities.cache_write_1h === undefined) return undefined;
  return (quantities.cache_write_5m ?? 0) + (quantities.cache_write_1h ?? 0);
}

function details(values: Readonly<Record<string, number | undefined>>): Record<string, number> | null {
  const present = Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return present.length === 0 ? null : Object.fromEntries(present);
}

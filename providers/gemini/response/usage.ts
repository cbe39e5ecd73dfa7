import type { Quantities } from '../../unified.ts';
import { isObject, type JsonObject } from '../../wire/json.ts';
import { QuantityReader, quantityOf } from '../../wire/quantities.ts';

/** `MediaModality`; Vertex AI sends the number with `enum-encoding=int`. */
const IMAGE: ReadonlySet<unknown> = new Set(['IMAGE', 2]);
const VIDEO: ReadonlySet<unknown> = new Set(['VIDEO', 3]);
const AUDIO: ReadonlySet<unknown> = new Set(['AUDIO', 4]);

/**
 * `usageMetadata` as quantities; null while it has no counts (Vertex AI sends only the traffic type with most events). Read is
 * the prompt, the cached part of it included, and what the provider's tools brought in; generated are candidates and thoughts,
 * which the API counts apart. Where the generated tokens are not named they are what is left of the total.
 */
export function readUsage(usage: unknown): Quantities | null {
  if (!isObject(usage)) return null;
  const prompt = count(usage, 'promptTokenCount', 'prompt_token_count');
  const total = count(usage, 'totalTokenCount', 'total_token_count');
  if (prompt === null && total === null) return null;
  const tools = count(usage, 'toolUsePromptTokenCount', 'tool_use_prompt_token_count') ?? 0;
  const candidates = count(usage, 'candidatesTokenCount', 'candidates_token_count');
  const thoughts = count(usage, 'thoughtsTokenCount', 'thoughts_token_count');
  const input = (prompt ?? 0) + tools;
  const output =
    candidates === null && thoughts === null ? Math.max(0, (total ?? 0) - input) : (candidates ?? 0) + (thoughts ?? 0);
  return new QuantityReader()
    .take('input', input)
    .take('cached', count(usage, 'cachedContentTokenCount', 'cached_content_token_count'))
    .take('input_audio', tokensOf(AUDIO, usage.promptTokensDetails, usage.toolUsePromptTokensDetails))
    .take('cached_audio', tokensOf(AUDIO, usage.cacheTokensDetails))
    .take('output', output)
    .take('reasoning', thoughts)
    .take('output_audio', tokensOf(AUDIO, usage.candidatesTokensDetails))
    .take('output_image', tokensOf(IMAGE, usage.candidatesTokensDetails))
    .take('output_video', tokensOf(VIDEO, usage.candidatesTokensDetails))
    .done();
}

function count(usage: JsonObject, camel: string, snake: string): number | null {
  return quantityOf(usage[camel] ?? usage[snake]);
}

/** Tokens of one modality in lists of `ModalityTokenCount`; null for none. */
function tokensOf(modality: ReadonlySet<unknown>, ...lists: readonly unknown[]): number | null {
  let sum: number | null = null;
  for (const list of lists) {
    if (!Array.isArray(list)) continue;
    for (const entry of list.slice(0, 16)) {
      if (isObject(entry) && modality.has(entry.modality)) sum = (sum ?? 0) + (quantityOf(entry.tokenCount) ?? 0);
    }
  }
  return sum;
}

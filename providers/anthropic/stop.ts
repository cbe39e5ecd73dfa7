import type { FinishReason } from '../unified.ts';
import { isObject, textOf } from '../wire/json.ts';

/** `stop_reason` (SDK 1.12, `StopReason`). */
const REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
  // A long turn with the vendor's own tools, to be continued by sending it back.
  pause_turn: 'stop',
};

/** Why the answer ended; null while it has not. `asText`: the call that ended it is the answer's text. */
export function finishReason(stopReason: unknown, asText: boolean): FinishReason | null {
  const word = textOf(stopReason);
  if (word === null) return null;
  if (word === 'tool_use' && asText) return 'stop';
  return Object.hasOwn(REASONS, word) ? REASONS[word]! : 'stop';
}

/** What the API says of a refusal, for people; null when it says nothing. */
export function refusalText(stopDetails: unknown): string | null {
  return isObject(stopDetails) ? textOf(stopDetails.explanation) : null;
}

import type { FinishReason } from '../../unified.ts';

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  function_call: 'function_call',
  // Spellings of compatible servers: Mistral, Together, Hugging Face, older vLLM.
  model_length: 'length',
  max_tokens: 'length',
  eos: 'stop',
  eos_token: 'stop',
  end_turn: 'stop',
  tool_use: 'tool_calls',
  safety: 'content_filter',
};

/** A `finish_reason` in the words of the API; one that is unknown means the model stopped. Null for what is no reason. */
export function finishReason(value: unknown): FinishReason | null {
  if (typeof value !== 'string' || value === '') return null;
  const known = value.toLowerCase();
  return Object.hasOwn(FINISH_REASONS, known) ? FINISH_REASONS[known]! : 'stop';
}

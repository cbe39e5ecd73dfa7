import type { FieldTable } from '../chat.ts';

/** What becomes of every documented field of a chat completions request here; why is said where it is not plain. */
export const fields: FieldTable = {
  messages: 'mapped',
  model: 'mapped',
  stream: 'mapped',
  stream_options: 'mapped',
  audio: 'mapped',
  frequency_penalty: 'mapped',
  // The deprecated forms of `tool_choice` and `tools`.
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'refused',
  logprobs: 'mapped',
  max_completion_tokens: 'mapped',
  max_tokens: 'mapped',
  metadata: 'dropped',
  modalities: 'mapped',
  // Asks for a judgement of the input and for blocking: an answer without it is not what was asked for.
  moderation: 'refused',
  n: 'mapped',
  parallel_tool_calls: 'mapped',
  // Makes the same answer come faster.
  prediction: 'dropped',
  presence_penalty: 'mapped',
  prompt_cache_key: 'dropped',
  prompt_cache_options: 'dropped',
  prompt_cache_retention: 'dropped',
  reasoning_effort: 'mapped',
  response_format: 'mapped',
  safety_identifier: 'dropped',
  seed: 'mapped',
  service_tier: 'mapped',
  stop: 'mapped',
  // Here a switch of the same name keeps answers for the provider's own evaluation.
  store: 'dropped',
  temperature: 'mapped',
  tool_choice: 'mapped',
  tools: 'mapped',
  // No field of OpenAI's, but sent by many clients.
  top_k: 'mapped',
  top_logprobs: 'mapped',
  top_p: 'mapped',
  user: 'dropped',
  // A matter of style that the model is not told.
  verbosity: 'dropped',
  web_search_options: 'mapped',
};

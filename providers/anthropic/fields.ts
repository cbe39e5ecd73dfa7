import type { FieldTable } from '../provider.ts';

/** What becomes of each field of a chat completions request; `top_k` is no documented one, but clients of this vendor send it. */
export const fields: FieldTable = {
  messages: 'mapped',
  model: 'mapped',
  audio: 'refused',
  frequency_penalty: 'refused',
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'refused',
  logprobs: 'refused',
  max_completion_tokens: 'mapped',
  max_tokens: 'mapped',
  // Only stored with the answer.
  metadata: 'dropped',
  modalities: 'refused',
  moderation: 'refused',
  n: 'refused',
  parallel_tool_calls: 'mapped',
  // Faster at best.
  prediction: 'dropped',
  presence_penalty: 'refused',
  // Caching is asked for by `cache_control`.
  prompt_cache_key: 'dropped',
  prompt_cache_options: 'dropped',
  prompt_cache_retention: 'dropped',
  reasoning_effort: 'mapped',
  response_format: 'mapped',
  safety_identifier: 'mapped',
  // Best effort where it is known, too.
  seed: 'dropped',
  service_tier: 'mapped',
  stop: 'mapped',
  store: 'dropped',
  stream: 'mapped',
  stream_options: 'mapped',
  temperature: 'mapped',
  tool_choice: 'mapped',
  tools: 'mapped',
  top_k: 'mapped',
  top_logprobs: 'refused',
  top_p: 'mapped',
  user: 'mapped',
  verbosity: 'dropped',
  web_search_options: 'refused',
};

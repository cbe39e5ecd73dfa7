import { greeting, usage } from './mock/script.mjs';

// What each dialect of an upstream does with what the official clients can ask for, as the clients see it:
//
//   yes          it has its effect; what the upstream was asked is in the answer (mock/script.mjs) and compared
//   refused X    400 with `param: X`, before anything is sent
//   dropped X    answered without it, and `x-postern-warnings` names X
//   none         nothing of the kind is spoken to it; the client is told with 400 and `param: model`
//
// Both official clients go through all of it: dialects.mjs and dialects.py have a check for every row.

export const dialects = ['openai', 'gemini', 'anthropic'];

/**
 * A model of each upstream for every purpose. The name is `provider/model`; the providers are called as their dialects. A target
 * that answered 429 rests: each script has its own, `limited` and a suffix.
 */
export const models = {
  openai: { chat: 'gpt-5.4-mini', reasoning: 'gpt-5.6-sol', embeddings: 'text-embedding-3-small', limited: 'gpt-4o' },
  gemini: {
    chat: 'gemini-2.5-flash',
    reasoning: 'gemini-3.5-flash',
    embeddings: 'gemini-embedding-001',
    limited: 'gemini-2.5-pro',
  },
  anthropic: {
    chat: 'claude-haiku-4-5',
    reasoning: 'claude-sonnet-4-6',
    embeddings: 'claude-haiku-4-5',
    limited: 'claude-opus-4-6',
  },
};

const everywhere = { openai: 'yes', gemini: 'yes', anthropic: 'yes' };
const notAnthropic = (outcome) => ({ ...everywhere, anthropic: outcome });

/** Each row is a function of that name in dialects.mjs and dialects.py. */
export const features = {
  chat: everywhere,
  chat_stream: everywhere,
  stream_usage: everywhere,
  instructions: everywhere,
  tools: everywhere,
  tools_stream: everywhere,
  tools_parallel: everywhere,
  tools_parallel_stream: everywhere,
  tools_without_arguments: everywhere,
  tool_loop: everywhere,
  tool_loop_stream: everywhere,
  tool_loop_reasoning: everywhere,
  tool_loop_reasoning_stream: everywhere,
  tool_loop_elsewhere: everywhere,
  tool_choice: everywhere,
  parallel_tool_calls: everywhere,
  structured_output: everywhere,
  structured_output_stream: everywhere,
  json_object: everywhere,
  image_data_url: everywhere,
  image_url: everywhere,
  file_pdf: everywhere,
  audio_input: notAnthropic('refused messages'),
  reasoning: everywhere,
  reasoning_stream: everywhere,
  length: everywhere,
  usage_details: everywhere,
  usage_details_stream: everywhere,
  content_filter: everywhere,
  several_answers: notAnthropic('refused n'),
  several_answers_stream: notAnthropic('refused n'),
  logprobs: notAnthropic('refused logprobs'),
  embeddings: notAnthropic('none'),
  embeddings_base64: notAnthropic('none'),
  embeddings_batch: notAnthropic('none'),
  embeddings_dimensions: notAnthropic('none'),
  embeddings_tokens: { openai: 'yes', gemini: 'refused input', anthropic: 'none' },
  responses: { openai: 'none', gemini: 'none', anthropic: 'none' },
  models: everywhere,
  wrong_key: everywhere,
  unknown_model: everywhere,
  unknown_upstream_model: everywhere,
  upstream_bad_request: everywhere,
  upstream_bad_key: everywhere,
  upstream_rate_limit: everywhere,
  upstream_overloaded: everywhere,
  cut_stream: everywhere,
  abort_stream: everywhere,
  abort: everywhere,
};

const row = (send, see, outcomes = everywhere) => ({ send, see, outcomes });

const onlyOpenai = (name, anthropic = `dropped ${name}`) => ({ openai: 'yes', gemini: `dropped ${name}`, anthropic });
const refused = (name) => ({ openai: 'yes', gemini: `refused ${name}`, anthropic: `refused ${name}` });

/** Fields of a chat request: what is sent, what has to arrive (in the words of mock/readers.mjs), what becomes of it. */
export const fields = {
  temperature: row({ temperature: 0.5 }, { temperature: 0.5 }),
  top_p: row({ top_p: 0.25 }, { top_p: 0.25 }),
  top_k: row({ top_k: 20 }, { top_k: 20 }),
  max_completion_tokens: row({ max_completion_tokens: 50 }, { max: 50 }),
  max_tokens: row({ max_tokens: 50 }, { max: 50 }),
  stop: row({ stop: ['END', 'FIN'] }, { stop: ['END', 'FIN'] }),
  seed: row({ seed: 42 }, { seed: 42 }, notAnthropic('dropped seed')),
  // Gemini's models from 2.5 on take no penalties.
  frequency_penalty: row({ frequency_penalty: 0.5 }, { frequency_penalty: 0.5 }, refused('frequency_penalty')),
  presence_penalty: row({ presence_penalty: 0.5 }, { presence_penalty: 0.5 }, refused('presence_penalty')),
  logit_bias: row({ logit_bias: { 50256: -100 } }, {}, refused('logit_bias')),
  functions: row({ functions: [{ name: 'get_time' }] }, {}, refused('functions')),
  moderation: row({ moderation: { model: 'omni-moderation-latest' } }, {}, refused('moderation')),
  audio_output: row({ modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } }, {}, refused('modalities')),
  web_search_options: row({ web_search_options: { search_context_size: 'low' } }, {}, notAnthropic('refused web_search_options')),
  user: row({ user: 'u-1' }, {}, onlyOpenai('user', 'yes')),
  safety_identifier: row({ safety_identifier: 'u-1' }, {}, onlyOpenai('safety_identifier', 'yes')),
  metadata: row({ metadata: { a: 'b' } }, {}, onlyOpenai('metadata')),
  store: row({ store: true }, {}, onlyOpenai('store')),
  verbosity: row({ verbosity: 'low' }, {}, onlyOpenai('verbosity')),
  prediction: row({ prediction: { type: 'content', content: 'Hi' } }, {}, onlyOpenai('prediction')),
  prompt_cache_key: row({ prompt_cache_key: 'k' }, {}, onlyOpenai('prompt_cache_key')),
  unknown_field: row({ chat_template_kwargs: { a: 1 } }, {}, onlyOpenai('chat_template_kwargs')),
  google: row({ google: { thinking_config: { thinking_budget: 2000 } } }, { budget: 2000 }, notAnthropic('dropped google')),
  extra_body: row(
    { extra_body: { google: { thinking_config: { thinking_budget: 2000 } } } },
    { budget: 2000 },
    notAnthropic('dropped extra_body'),
  ),
  thinking: row(
    { thinking: { type: 'enabled', budget_tokens: 2000 }, max_completion_tokens: 4000 },
    { budget: 2000 },
    { ...everywhere, gemini: 'dropped thinking' },
  ),
  nulls: row({ temperature: null, tools: null, response_format: null, stop: null, logit_bias: null, n: null }, {}),
  neutral: row({ n: 1, logprobs: false, frequency_penalty: 0, presence_penalty: 0, store: false, logit_bias: {} }, {}),
};

/**
 * What `count` costs, as OpenAI counts: cached tokens inside the prompt, reasoning inside the completion. Gemini counts reasoning
 * beside the answer, Anthropic cached tokens (5 read, 2 written) beside the prompt.
 */
export const details = {
  openai: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, cached: 5, reasoning: 3 },
  gemini: { prompt_tokens: 11, completion_tokens: 10, total_tokens: 21, cached: 5, reasoning: 3 },
  anthropic: { prompt_tokens: 18, completion_tokens: 7, total_tokens: 25, cached: 5, reasoning: 0 },
};

/** Everything a script has to know beside the address of the gateway, as its second argument. */
export const plan = JSON.stringify({ dialects, models, features, fields, details, greeting, usage });

import { type Static, Type } from '@sinclair/typebox';
import { GatewayOptions } from './gateway-options.ts';
import { Maybe, MaybeObject, Nullable } from './nullable.ts';

// POST /v1/chat/completions (openai-openapi `CreateChatCompletionRequest`, 37 fields). Open: unknown fields are the provider's.
// Closed are only the forms and bounds that the API itself refuses; words that grow with every model stay plain strings.

const open = { additionalProperties: true } as const;
const text = (description: string) => Maybe(Type.String({ description }));
const flag = (description: string) => Maybe(Type.Boolean({ description }));
const tokens = (description: string) => Maybe(Type.Integer({ minimum: 1, maximum: 10_000_000, description }));
const penalty = (description: string) => Maybe(Type.Number({ minimum: -2, maximum: 2, description }));

/** The most specific branch comes first: the first error reported is the first branch's. */
const MessageSchema = Type.Object(
  {
    role: Type.String({ minLength: 1, maxLength: 64, description: 'developer, system, user, assistant, tool, function' }),
    content: Type.Optional(
      Type.Union([Type.Array(Type.Object({ type: Type.String() }, open)), Type.String(), Type.Null()], {
        description: 'text, parts, or null on an assistant turn of tool calls',
      }),
    ),
    name: text('participant'),
    tool_calls: Maybe(Type.Array(Type.Object({}, open), { description: 'calls the assistant made' })),
    tool_call_id: text('the call a tool message answers'),
  },
  open,
);

export const ChatRequestSchema = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'a name of the catalogue, or provider/model' }),
    messages: Type.Array(MessageSchema, { minItems: 1, description: 'the conversation so far' }),
    audio: MaybeObject('voice and format of spoken answers'),
    frequency_penalty: penalty('against repetition by count'),
    function_call: Type.Optional(
      Type.Union([Type.Object({ name: Type.String() }, open), Type.String(), Type.Null()], {
        description: 'deprecated: tool_choice',
      }),
    ),
    functions: Maybe(Type.Array(Type.Object({ name: Type.String() }, open), { maxItems: 128, description: 'deprecated: tools' })),
    logit_bias: Maybe(Type.Record(Type.String(), Type.Number(), { description: 'token id -> bias, -100 to 100' })),
    logprobs: flag('return log probabilities'),
    max_completion_tokens: tokens('upper bound on generated tokens, reasoning included'),
    max_tokens: tokens('deprecated: max_completion_tokens'),
    metadata: Maybe(
      Type.Record(Type.String(), Type.String({ maxLength: 512 }), { maxProperties: 16, description: 'stored with the answer' }),
    ),
    modalities: Maybe(Type.Array(Type.String(), { description: 'text, audio' })),
    moderation: MaybeObject('moderation of input and output'),
    n: Maybe(Type.Integer({ minimum: 1, maximum: 128, description: 'how many answers' })),
    parallel_tool_calls: flag('allow several tool calls in one turn'),
    prediction: MaybeObject('text the answer is expected to repeat'),
    presence_penalty: penalty('against repetition by presence'),
    prompt_cache_key: text('groups requests that share a prefix'),
    prompt_cache_options: MaybeObject('mode and time to live of prompt caching'),
    prompt_cache_retention: text('deprecated: prompt_cache_options'),
    reasoning_effort: text('none, minimal, low, medium, high, xhigh, max'),
    response_format: Maybe(Type.Object({ type: Type.String() }, { ...open, description: 'text, json_object, json_schema' })),
    safety_identifier: Maybe(Type.String({ maxLength: 64, description: 'stable hash of the end user' })),
    seed: Maybe(
      Type.Integer({
        // 64 bits signed; the digits pass as sent, whatever JSON.parse makes of them.
        minimum: -(2 ** 63),
        maximum: 2 ** 63,
        description: 'for repeatable sampling',
      }),
    ),
    service_tier: text('auto, default, flex, scale, priority'),
    stop: Type.Optional(
      Type.Union([Type.Array(Type.String(), { maxItems: 4 }), Type.String(), Type.Null()], {
        description: 'up to 4 sequences that end the answer',
      }),
    ),
    store: flag('keep the answer at the provider'),
    stream: flag('answer as server-sent events'),
    stream_options: Maybe(
      Type.Object(
        { include_usage: flag('send usage before the end'), include_obfuscation: flag('pad chunks to a random length') },
        { ...open, description: 'options of a stream' },
      ),
    ),
    temperature: Maybe(Type.Number({ minimum: 0, maximum: 2, description: 'randomness' })),
    tool_choice: Type.Optional(
      Type.Union([Type.Object({ type: Type.String() }, open), Type.String(), Type.Null()], {
        description: 'none, auto, required, or one named tool',
      }),
    ),
    tools: Maybe(
      Type.Array(Type.Object({ type: Type.Optional(Type.String()) }, open), { description: 'what the model may call' }),
    ),
    top_logprobs: Maybe(Type.Integer({ minimum: 0, maximum: 20, description: 'alternatives per token' })),
    top_p: Maybe(Type.Number({ minimum: 0, maximum: 1, description: 'nucleus sampling' })),
    user: text('deprecated: safety_identifier'),
    verbosity: text('low, medium, high'),
    web_search_options: MaybeObject('web search of search models'),
    gateway: GatewayOptions,
  },
  { ...open, description: 'A chat completion request' },
);
export type ChatRequestBody = Static<typeof ChatRequestSchema>;

const count = (description: string) => Type.Integer({ minimum: 0, description });

const UsageSchema = Type.Object(
  {
    prompt_tokens: count('everything read, cached tokens included'),
    completion_tokens: count('everything generated, reasoning included'),
    total_tokens: count('the sum'),
    prompt_tokens_details: MaybeObject('cached_tokens, cache_write_tokens, audio_tokens'),
    completion_tokens_details: MaybeObject('reasoning_tokens, audio_tokens, accepted and rejected prediction tokens'),
  },
  open,
);

const FinishReason = Nullable(Type.String({ description: 'stop, length, tool_calls, content_filter, function_call' }));

/** What the API answers; documentation, as provider answers pass without being serialised again. */
export const ChatResponseSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion'),
    created: Type.Integer({ description: 'Unix seconds' }),
    model: Type.String({ description: 'what the provider says answered' }),
    choices: Type.Array(
      Type.Object(
        {
          index: count('number of the answer'),
          message: Type.Object(
            {
              role: Type.Literal('assistant'),
              content: Nullable(Type.String()),
              refusal: Maybe(Type.String()),
              tool_calls: Type.Optional(Type.Array(Type.Object({}, open))),
            },
            open,
          ),
          logprobs: MaybeObject('of content and refusal tokens'),
          finish_reason: FinishReason,
        },
        open,
      ),
    ),
    usage: Type.Optional(UsageSchema),
  },
  { ...open, description: 'A chat completion' },
);
export type ChatResponseBody = Static<typeof ChatResponseSchema>;

/** One event of a streamed answer. */
export const ChatChunkSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion.chunk'),
    created: Type.Integer({ description: 'Unix seconds' }),
    model: Type.String(),
    choices: Type.Array(
      Type.Object(
        { index: count('number of the answer'), delta: Type.Object({}, open), finish_reason: FinishReason },
        { ...open, description: 'empty in the usage chunk' },
      ),
    ),
    usage: Maybe(UsageSchema),
  },
  { ...open, description: 'A chunk of a streamed chat completion' },
);
export type ChatChunkBody = Static<typeof ChatChunkSchema>;

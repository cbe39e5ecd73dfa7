import { type Static, Type } from '@sinclair/typebox';
import { GatewayOptions } from './gateway-options.ts';
import { Maybe, MaybeObject } from './nullable.ts';

// POST /v1/responses (openai-openapi `CreateResponse`). Only what the gateway reads, and the bounds that guard money, are spelt
// out; everything else is the provider's.

const open = { additionalProperties: true } as const;
const flag = (description: string) => Maybe(Type.Boolean({ description }));

export const ResponsesRequestSchema = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'a name of the catalogue, or provider/model' }),
    input: Type.Optional(
      Type.Union([Type.Array(Type.Object({}, open)), Type.String(), Type.Null()], { description: 'a text or a list of items' }),
    ),
    instructions: Maybe(Type.String({ description: 'system text' })),
    stream: flag('answer as server-sent events'),
    store: flag('keep the answer at the provider'),
    background: flag('answer later'),
    previous_response_id: Maybe(Type.String({ description: 'continue a stored answer' })),
    max_output_tokens: Maybe(Type.Integer({ minimum: 1, maximum: 10_000_000, description: 'upper bound on generated tokens' })),
    max_tool_calls: Maybe(Type.Integer({ minimum: 1, maximum: 100_000, description: 'upper bound on built-in tool calls' })),
    parallel_tool_calls: flag('allow several tool calls in one turn'),
    temperature: Maybe(Type.Number({ minimum: 0, maximum: 2, description: 'randomness' })),
    top_p: Maybe(Type.Number({ minimum: 0, maximum: 1, description: 'nucleus sampling' })),
    top_logprobs: Maybe(Type.Integer({ minimum: 0, maximum: 20, description: 'alternatives per token' })),
    tools: Maybe(
      Type.Array(Type.Object({ type: Type.Optional(Type.String()) }, open), { description: 'what the model may call' }),
    ),
    text: MaybeObject('format and verbosity of text'),
    reasoning: MaybeObject('effort and summary of reasoning'),
    metadata: Maybe(
      Type.Record(Type.String(), Type.String({ maxLength: 512 }), { maxProperties: 16, description: 'stored with the answer' }),
    ),
    service_tier: Maybe(Type.String({ description: 'auto, default, flex, priority' })),
    gateway: GatewayOptions,
  },
  { ...open, description: 'A Responses API request' },
);
export type ResponsesRequestBody = Static<typeof ResponsesRequestSchema>;

export const ResponsesResponseSchema = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('response'),
    created_at: Type.Number({ description: 'Unix seconds' }),
    status: Type.String({ description: 'completed, incomplete, failed, in_progress, queued, cancelled' }),
    model: Type.String(),
    output: Type.Array(Type.Object({ type: Type.String() }, open)),
    usage: MaybeObject('input_tokens, output_tokens and their details'),
  },
  { ...open, description: 'A response' },
);
export type ResponsesResponseBody = Static<typeof ResponsesResponseSchema>;

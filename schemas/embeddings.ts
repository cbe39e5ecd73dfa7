import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { GatewayOptions } from './gateway-options.ts';
import { Maybe } from './nullable.ts';

// POST /v1/embeddings (openai-openapi `CreateEmbeddingRequest`).

const open = { additionalProperties: true } as const;
const token = Type.Integer({ minimum: 0, maximum: 0xffff_ffff });

const ListOf = <T extends TSchema>(item: T) => Type.Array(item, { minItems: 1, maxItems: 2048 });
const text = Type.String({ minLength: 1 });

export const EmbeddingsRequestSchema = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'a name of the catalogue, or provider/model' }),
    input: Type.Union([ListOf(text), ListOf(token), ListOf(Type.Array(token, { minItems: 1, maxItems: 2_000_000 })), text], {
      description: 'a text, texts, tokens, or lists of tokens; none of them empty',
    }),
    dimensions: Maybe(Type.Integer({ minimum: 1, maximum: 65_536, description: 'length of the vectors' })),
    encoding_format: Maybe(Type.String({ enum: ['float', 'base64', null], description: 'float or base64' })),
    user: Maybe(Type.String({ description: 'end user' })),
    gateway: GatewayOptions,
  },
  { ...open, description: 'An embeddings request' },
);
export type EmbeddingsRequestBody = Static<typeof EmbeddingsRequestSchema>;

export const EmbeddingsResponseSchema = Type.Object(
  {
    object: Type.Literal('list'),
    model: Type.String(),
    data: Type.Array(
      Type.Object(
        {
          object: Type.Literal('embedding'),
          index: Type.Integer({ minimum: 0 }),
          embedding: Type.Union([Type.Array(Type.Number()), Type.String()], {
            description: 'numbers, or little-endian floats as base64',
          }),
        },
        open,
      ),
    ),
    usage: Type.Optional(
      Type.Object({ prompt_tokens: Type.Integer({ minimum: 0 }), total_tokens: Type.Integer({ minimum: 0 }) }, open),
    ),
  },
  { ...open, description: 'Embeddings' },
);
export type EmbeddingsResponseBody = Static<typeof EmbeddingsResponseSchema>;

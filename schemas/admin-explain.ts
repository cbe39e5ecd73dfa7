import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { DecisionSchema } from './decision.ts';

const Known = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const DryRunRequestSchema = Type.Object(
  {
    operation: Type.Optional(
      Type.Union(
        (['chat', 'embeddings', 'responses'] as const).map((each) => Type.Literal(each)),
        { description: 'absent: chat' },
      ),
    ),
    body: Type.Object({}, { additionalProperties: true, description: 'what a client would send, with `gateway`' }),
    provider_key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 64,
        description: 'name of a provider that it would bring a key of its own for (`auth.mode` client or hybrid); never the key',
      }),
    ),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'id of the key it would come with (`key_…`); absent: one that may do anything auth.options allows',
      }),
    ),
  },
  { additionalProperties: false, description: 'A call that somebody could make' },
);

export const DryRunSchema = Type.Object(
  {
    target: Known(Type.String({ description: 'what would be asked first' })),
    order: Type.Array(
      Type.Object({
        target: Type.String(),
        group: Type.String({ description: 'the model it is a target of' }),
        cost_usd: Known(Type.String({ description: 'estimated, with an answer as long as usual; null: its price is unknown' })),
      }),
      { description: 'how failover would go on if each of them failed at once and nothing else happened; at most 50' },
    ),
    max_attempts: Type.Integer({ description: 'of these, so many would be asked' }),
    refused: Type.Array(Type.Object({ target: Type.String(), message: Type.String() }), {
      description: 'targets that cannot be asked what the call asks',
    }),
    waits_for: Type.Array(Type.String(), { description: 'targets at their limit that it would wait for' }),
    route: Known(
      Type.Object({
        model: Type.String(),
        groups: Type.Array(
          Type.Object({
            name: Type.String(),
            strategy: Type.String(),
            cause: Type.String({ description: 'what makes it take its turn: exhausted, context_length, content_policy' }),
            targets: Type.Array(Type.String()),
            targets_left_out: Type.Integer(),
          }),
        ),
      }),
    ),
    estimate: Known(
      Type.Object({
        input_tokens: Type.Integer(),
        output_tokens: Known(Type.Integer({ description: 'asked for at most' })),
        cost_usd: Known(Type.String({ description: 'at the first target' })),
      }),
    ),
    warnings: Type.Array(Type.String(), { description: 'what the answer would have in x-postern-warnings' }),
    error: Known(
      Type.Object(
        {
          status: Type.Integer(),
          message: Type.String(),
          type: Type.String(),
          param: Known(Type.String()),
          code: Known(Type.String()),
          retry_after: Known(Type.Integer({ description: 'seconds' })),
        },
        { description: 'what its caller would be told instead of an answer' },
      ),
    ),
    decision: Known(DecisionSchema),
  },
  { description: 'What would become of a call now.' },
);
export type DryRunBody = Static<typeof DryRunSchema>;

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { ListOf, PageQuerySchema } from './admin.ts';
import { DecisionSchema } from './decision.ts';

const Known = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ExchangeParamsSchema = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64, description: 'x-postern-exchange-id of the answer' }),
});

export const AttemptSchema = Type.Object({
  row: Type.Integer({ description: 'id in the ledger' }),
  attempt: Type.Integer({ description: '1 for the first send; 0 for what the call made the gateway send beside it' }),
  operation: Type.String(),
  provider: Type.String(),
  model: Type.String({ description: 'upstream model' }),
  state: Type.Union([Type.Literal('open'), Type.Literal('settled')]),
  outcome: Known(Type.String({ description: 'ok, failed, cancelled, unknown' })),
  reason: Known(Type.String()),
  status: Known(Type.Integer({ description: 'what the caller was, or would have been, told' })),
  upstream_status: Known(Type.Integer({ description: '0: there was no answer' })),
  started_at: Type.Number({ description: 'unix seconds' }),
  duration: Known(Type.Number({ description: 'seconds' })),
  first_content: Known(Type.Number({ description: 'seconds from the send to the first content' })),
  usage: Known(Type.Record(Type.String(), Type.Integer(), { description: 'quantities by kind' })),
  usage_source: Known(Type.String({ description: 'provider, estimated, none' })),
  cost_usd: Known(Type.String({ description: 'decimal; null: the price is unknown' })),
  price: Known(Type.Object({ source: Type.String(), version: Known(Type.String()) })),
});

export const ExchangeSchema = Type.Object(
  {
    id: Type.String(),
    request_id: Known(Type.String()),
    key: Known(Type.String({ description: "id of the caller's key" })),
    model: Known(Type.String({ description: 'what the caller named' })),
    created_at: Type.Integer({ description: 'unix seconds' }),
    state: Type.Union([Type.Literal('open'), Type.Literal('settled')], { description: 'open: it is under way' }),
    attempts: Type.Array(AttemptSchema),
    cost_usd: Known(Type.String({ description: 'of the attempts that are settled; null where one is unknown' })),
    decision: Known(DecisionSchema),
  },
  { description: 'One call, its attempts and why their targets were chosen.' },
);
export type ExchangeBody = Static<typeof ExchangeSchema>;

export const ExchangeQuerySchema = Type.Object(
  {
    ...PageQuerySchema.properties,
    model: Type.Optional(Type.String({ maxLength: 512, description: 'what the caller named' })),
    provider: Type.Optional(Type.String({ maxLength: 64, description: 'one that was asked' })),
    outcome: Type.Optional(Type.Union(['ok', 'failed', 'cancelled'].map((each) => Type.Literal(each)))),
    after: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,10}$', description: 'unix seconds: only calls that began then or later' }),
    ),
  },
  { additionalProperties: false },
);

export const ExchangeListSchema = ListOf(
  Type.Object({
    id: Type.String(),
    request_id: Type.String(),
    key: Known(Type.String()),
    model: Known(Type.String()),
    created_at: Type.Integer({ description: 'unix seconds' }),
    operation: Type.String(),
    target: Known(Type.String({ description: 'asked last' })),
    attempts: Type.Integer(),
    outcome: Known(Type.String({ description: 'ok, failed, cancelled' })),
    reason: Known(Type.String()),
    status: Known(Type.Integer({ description: 'what the caller got; 499: it left first' })),
    duration: Known(Type.Number({ description: 'seconds' })),
    cost_usd: Known(Type.String()),
  }),
  'Calls whose decision is kept, those that ended last first.',
);

import { type Static, type TSchema, Type } from '@sinclair/typebox';

// Why the targets of one call were chosen, as operators and, where it is allowed, callers see it. Every member is always there;
// what is not known, or not known yet, is null.

const Known = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const ms = (description: string) => Type.Number({ description: `${description}, milliseconds after the call began` });

const PriceSchema = Type.Object(
  { input: Type.Number(), output: Known(Type.Number()) },
  { description: 'USD per million tokens, below every tier' },
);

const DecisionTargetSchema = Type.Object({
  target: Type.String({ description: '`provider/model`' }),
  weight: Type.Number(),
  price: Known(PriceSchema),
  excluded: Known(
    Type.String({
      description:
        'why it was left out: operation, cannot_take, too_long, not_allowed, too_expensive, other_space, tried, same_provider, breaker, probe, rest, keys, full, recovering; null: it was a candidate',
    }),
  ),
  in_flight: Known(Type.Number({ description: 'requests under way' })),
  latency_ms: Known(Type.Number({ description: 'to the first content, peak EWMA' })),
  uptime: Known(Type.Number({ description: 'share of the latest attempts that did not fail through it' })),
  cache_share: Known(Type.Number({ description: 'share of the input tokens that it had cached' })),
  output_tokens: Known(Type.Number({ description: 'of its usual answer' })),
  share: Known(Type.Number({ description: 'part of its share that it gets while it comes back' })),
  score: Known(
    Type.Number({ description: 'what the strategy compares, lower is better; null where it goes by shares or order' }),
  ),
});

const DecisionChoiceSchema = Type.Object({
  at_ms: ms('when'),
  group: Type.String({ description: 'the model whose targets these are' }),
  strategy: Type.String(),
  cause: Type.String({ description: 'what made the group take its turn: exhausted, context_length, content_policy' }),
  purpose: Type.String({ description: 'first, failover, retry, hedge' }),
  chosen: Known(Type.String()),
  decided_by: Known(Type.String({ description: 'only (there was one), order (of the caller), affinity, strategy' })),
  targets: Type.Array(DecisionTargetSchema, { description: 'at most 50 and the chosen one, in the order of the file' }),
  targets_left_out: Type.Integer(),
});

const DecisionAttemptSchema = Type.Object({
  row: Type.Integer({ description: 'id in the ledger' }),
  target: Type.String(),
  purpose: Type.String({ description: 'first, failover, retry, hedge' }),
  key: Type.String({ description: "name of the provider's API key" }),
  sent_ms: ms('when it was sent'),
  first_byte_ms: Known(ms('when its answer began')),
  first_content_ms: Known(ms('when the model began')),
  ended_ms: Known(ms('when it was over')),
  outcome: Known(Type.String({ description: 'ok, failed, cancelled' })),
  reason: Known(Type.String()),
});

const NeedsSchema = Type.Object({
  input_tokens: Type.Integer({ description: 'estimated' }),
  output_tokens: Known(Type.Integer({ description: 'asked for at most' })),
  input: Type.Array(Type.String(), { description: 'media it holds beside text' }),
  output: Type.Array(Type.String(), { description: 'media it wants generated' }),
  tools: Type.Boolean(),
  structured_output: Type.Boolean(),
});

const DecisionLimitSchema = Type.Object(
  {
    rule: Type.String({ description: 'budget, or the name of the rate limit' }),
    scope: Type.String({ description: 'whose: key, team, model, ip, global' }),
    unit: Type.String({ description: 'requests, tokens, usd' }),
    period: Type.String({ description: 'minute, concurrent, hour, day, week, month, total' }),
    limit: Type.String({ description: 'decimal' }),
    left: Type.String({ description: 'decimal' }),
    asked: Type.String({ description: 'decimal: what the call might have used' }),
  },
  { description: 'the limit that the call, or a further attempt of it, was refused by' },
);

export const DecisionSchema = Type.Object(
  {
    version: Type.Integer({ description: 'of this form' }),
    exchange: Type.String({ description: 'the id of the call; empty in a dry run' }),
    request_id: Type.String(),
    created_at: Type.Number({ description: 'unix seconds' }),
    key: Known(Type.String({ description: "id of the caller's key" })),
    config_version: Type.String(),
    operation: Type.String(),
    stream: Type.Boolean(),
    model: Known(Type.String({ description: 'what the caller named' })),
    needs: Known(NeedsSchema),
    options: Known(
      Type.Record(Type.String(), Type.Unknown(), { description: 'what the caller set in the body object `gateway`' }),
    ),
    fallback: Known(Type.String({ description: 'the chain of other models that was entered: context_length, content_policy' })),
    queued_ms: Type.Number({ description: 'waited for a target at its limit' }),
    choices: Type.Array(DecisionChoiceSchema, { description: 'one per look at a group of targets, at most 20' }),
    choices_left_out: Type.Integer(),
    attempts: Type.Array(DecisionAttemptSchema),
    outcome: Known(Type.String({ description: 'ok, failed, cancelled; null while the call is under way' })),
    reason: Known(Type.String()),
    status: Known(Type.Integer({ description: 'what the caller got; 499: it left first' })),
    duration_ms: Known(Type.Number()),
    cost_usd: Known(Type.String({ description: 'of all attempts; null: unknown' })),
    limit: Known(DecisionLimitSchema),
  },
  { description: 'Why the targets of a call were chosen' },
);
export type DecisionBody = Static<typeof DecisionSchema>;

import { type Static, Type } from '@sinclair/typebox';
import { closed, Duration, Optional } from './config-units.ts';

// How much may be used: rate limits and budgets of a key, a team, everyone together, one address, one model.

const count = (description: string) => Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000_000, description }));

/** What may be used in a minute, in a day, and at once. Absent: no limit. */
export const RateLimitsSchema = Type.Object(
  {
    requests_per_minute: count('calls in a minute'),
    tokens_per_minute: count('tokens, read and generated, in a minute'),
    requests_per_day: count('calls in a day'),
    tokens_per_day: count('tokens, read and generated, in a day'),
    concurrent_requests: count('calls under way at once'),
  },
  closed,
);
export type RateLimits = Static<typeof RateLimitsSchema>;

export const periods = ['hour', 'day', 'week', 'month', 'total'] as const;
/** Of a budget: a calendar period of UTC, weeks from Monday; `total` never begins anew. */
export type Period = (typeof periods)[number];

/** What may be spent in a period: exactly one of the three amounts. */
export const BudgetSchema = Type.Object(
  {
    // Integer nano-USD of it are exact in a double.
    amount_usd: Optional(Type.Number({ minimum: 0, maximum: 9_000_000, description: 'USD' })),
    tokens: count('tokens, read and generated'),
    requests: count('calls'),
    period: Type.Union(
      periods.map((period) => Type.Literal(period)),
      { description: 'calendar period in UTC, weeks from Monday; total: for ever' },
    ),
  },
  closed,
);
export type Budget = Static<typeof BudgetSchema>;

export const BudgetListSchema = Type.Array(BudgetSchema, { maxItems: 16, description: 'what may be spent; all of them hold' });

/** What anyone may use who has the limits: a key, or a team with all its keys together. */
export const AllowanceFields = {
  rate_limits: Optional(RateLimitsSchema),
  budgets: Optional(BudgetListSchema),
};

export const LimitAlgorithmSchema = Type.Union(
  [Type.Literal('sliding_window'), Type.Literal('fixed_window'), Type.Literal('token_bucket')],
  { description: 'how the limits by the minute are counted' },
);
export type LimitAlgorithm = Static<typeof LimitAlgorithmSchema>;

/** Members of `limits` besides the queue. */
export const LimitsFields = {
  algorithm: LimitAlgorithmSchema,
  global: RateLimitsSchema,
  per_ip: RateLimitsSchema,
  models: Type.Record(Type.String(), RateLimitsSchema, {
    description: 'model name, or a pattern that ends in * -> what all callers may use of it together',
  }),
  assumed_output_tokens: Type.Integer({
    minimum: 1,
    description: 'tokens an answer is taken to need where the call does not limit it, until it has ended',
  }),
};

export const BudgetsSchema = Type.Object(
  {
    global: BudgetListSchema,
    alert_at: Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 10 }), {
      description: 'shares of a budget at which an alert is sent, such as 0.8',
    }),
  },
  closed,
);

export const AlertsSchema = Type.Object(
  {
    webhooks: Type.Array(
      Type.Object(
        {
          url: Type.String({ format: 'base-url', secret: true, description: 'alerts are posted here as JSON' }),
          secret: Optional(Type.String({ minLength: 16, secret: true, description: 'signs what is posted (HMAC-SHA-256)' })),
        },
        closed,
      ),
    ),
    timeout: Duration('a webhook has to answer within'),
  },
  closed,
);

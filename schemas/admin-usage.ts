import { Type } from '@sinclair/typebox';
import { ListOf, PageQuerySchema } from './admin.ts';
import { AttemptSchema } from './admin-exchanges.ts';

const Amount = Type.String({ description: 'USD, decimal, exact to the nano-USD; what has no known price is not in it' });

const sums = {
  requests: Type.Integer({ description: 'calls' }),
  attempts: Type.Integer({ description: 'sends to providers; what the gateway sends beside calls is among them' }),
  prompt_tokens: Type.Integer({ description: 'read, cached ones among them' }),
  completion_tokens: Type.Integer({ description: 'generated, reasoning among them' }),
  cached_tokens: Type.Integer(),
  reasoning_tokens: Type.Integer(),
  cost_usd: Amount,
  unpriced_attempts: Type.Integer({ description: 'attempts whose cost is unknown' }),
};

const day = '[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])';
const time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?Z';
const Time = (description: string) => Type.Optional(Type.String({ pattern: `^([0-9]{1,11}|${day}(T${time})?)$`, description }));
const Format = Type.Optional(
  Type.Union([Type.Literal('json'), Type.Literal('csv')], { description: 'wins over the header accept' }),
);

export const UsageQuerySchema = Type.Object(
  {
    from: Time('unix seconds or ISO date, UTC; default: the beginning of the month'),
    to: Time('the same, not included; default: now'),
    group_by: Type.Optional(
      Type.String({
        maxLength: 160,
        description: 'any of key, team, model, provider, day, and one metadata.<name>; commas between',
      }),
    ),
    limit: Type.Optional(
      Type.String({ pattern: '^0{0,5}([1-9][0-9]{0,3}|10000)$', description: 'rows of a page, 1 to 10000; default 1000' }),
    ),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 12_288, description: 'next_cursor of the page before' })),
    format: Format,
  },
  { additionalProperties: false },
);

export const UsageSchema = Type.Object(
  {
    from: Type.Integer({
      description: 'beginning of what was summed, unix seconds: of an hour, or of a day UTC where hours are not kept',
    }),
    to: Type.Integer({ description: 'its end, not included' }),
    group_by: Type.Array(Type.String()),
    data: Type.Array(
      Type.Object(sums, {
        additionalProperties: true,
        description: 'one group: a member for each name of group_by, null where a call has none of it',
      }),
    ),
    total: Type.Object(sums, { description: 'of all groups, on whatever page' }),
    next_cursor: Type.Union([Type.String(), Type.Null()]),
  },
  { description: 'Sums over attempts that have ended, by the time at which their calls were let in.' },
);

export const AttemptsQuerySchema = Type.Object(
  {
    ...PageQuerySchema.properties,
    key: Type.Optional(Type.String({ maxLength: 128, description: 'id of a key' })),
    team: Type.Optional(Type.String({ maxLength: 128, description: 'id of a team' })),
    model: Type.Optional(Type.String({ maxLength: 512, description: 'what the caller named' })),
    provider: Type.Optional(Type.String({ maxLength: 64 })),
    outcome: Type.Optional(Type.Union(['ok', 'failed', 'cancelled', 'unknown'].map((each) => Type.Literal(each)))),
    from: Time('unix seconds or ISO date, UTC: attempts that began then or later'),
    to: Time('the same: attempts that began before'),
    format: Format,
  },
  { additionalProperties: false },
);

const Known = Type.Union([Type.String(), Type.Null()]);

export const AttemptListSchema = ListOf(
  Type.Object({
    exchange: Type.String(),
    request_id: Type.String(),
    key: Known,
    team: Known,
    credential: Type.String({
      description: "operator: the provider was asked with the operator's key; caller: with the caller's",
    }),
    asked_model: Type.String({ description: 'what the caller named' }),
    metadata: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
    ...AttemptSchema.properties,
  }),
  'Attempts, the newest first.',
);

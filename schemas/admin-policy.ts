import { type TSchema, Type } from '@sinclair/typebox';
import { ErrorEnvelopeSchema } from './error.ts';
import { BudgetListSchema, RateLimitsSchema } from './limits-config.ts';

// What keys and teams have in common in the admin API. Times are unix seconds; in a PATCH null clears what it names.

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** A key may be named like the others; a team may not. */
export const NameSchema = Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f\\u007f]+$' });

export const IdParamsSchema = Type.Object({ id: Type.String({ minLength: 1, maxLength: 140 }) });

export const IfMatchSchema = Type.Object({
  'if-match': Type.Optional(Type.String({ description: 'ETag of what is to be changed; 412 when it has changed since' })),
});

const namesOf = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 256, uniqueItems: true, description });

export const ModelsSchema = namesOf('model names, or patterns that end in *; null: all');
export const ProvidersSchema = namesOf('providers of the configuration; null: all');

export const MetadataSchema = Type.Record(
  // `__proto__` and its like are no labels.
  Type.String({ pattern: '^(?!__proto__$|constructor$|prototype$)[A-Za-z0-9_.-]{1,64}$' }),
  Type.String({ maxLength: 512 }),
  { maxProperties: 16, additionalProperties: false, description: 'labels: of a key, stored with each of its calls; null: none' },
);

/** What a key or a team is made of, all of it optional. */
export const PolicyFields = {
  models: Type.Optional(Nullable(ModelsSchema)),
  providers: Type.Optional(Nullable(ProvidersSchema)),
  rate_limits: Type.Optional(Nullable(RateLimitsSchema)),
  budgets: Type.Optional(Nullable(BudgetListSchema)),
  metadata: Type.Optional(Nullable(MetadataSchema)),
};

const Amount = Type.Union([Type.Integer(), Type.String()], { description: 'a number; USD as a decimal string' });

/** How one limit stands now. */
export const StandingSchema = Type.Object({
  scope: Type.Union([Type.Literal('key'), Type.Literal('team')]),
  rule: Type.String({ description: '`budget`, or the member of rate_limits' }),
  unit: Type.Union([Type.Literal('requests'), Type.Literal('tokens'), Type.Literal('usd')]),
  period: Type.String({ description: 'minute, concurrent, or the calendar period' }),
  limit: Amount,
  used: Amount,
  held: Amount,
  reset_at: Nullable(Type.Integer({ description: 'null where nothing is used, or it never begins anew' })),
});

/** Of a key with its team, or of a team; in answers about one of them alone. */
export const StandingsSchema = Type.Optional(
  Type.Array(StandingSchema, { description: 'how each limit stands now; absent in lists, and while nobody can say' }),
);

/** Answers of their own, beside the bad request and the missing credential that every admin route has. */
const failing = (description: string): object => ({
  description,
  content: { 'application/json': { schema: ErrorEnvelopeSchema } },
});
export const policyFailures = {
  404: failing('There is none of this id, or the admin key is of another team.'),
  409: failing('It is written in the configuration, in use, there already, or being changed by someone else.'),
  412: failing('It was changed since; `If-Match` names an older version.'),
  503: failing('The store of keys does not answer; nothing can be changed now.'),
};

import { type TSchema, Type } from '@sinclair/typebox';

import { TargetHealthSchema } from './health.ts';
import { AbilitiesSchema, PricesSchema } from './models.ts';

// The admin API. Times are unix seconds; lists are `{data, next_cursor}` in the order of their ids.

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Query of every list. A string, because query values are not coerced. */
export const PageQuerySchema = Type.Object(
  {
    limit: Type.Optional(
      Type.String({ pattern: '^0{0,6}([1-9][0-9]?|1[0-9]{2}|200)$', description: 'page size, 1 to 200; default 50' }),
    ),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'next_cursor of the page before' })),
  },
  { additionalProperties: false },
);

export const ListOf = <T extends TSchema>(item: T, description: string) =>
  Type.Object(
    { data: Type.Array(item), next_cursor: Nullable(Type.String({ description: 'null on the last page' })) },
    { description },
  );

export const AdminConfigSchema = Type.Object(
  {
    version: Type.String({ description: 'changes whenever the effective configuration does; also the ETag' }),
    loaded_at: Type.Integer({ description: 'unix seconds' }),
    files: Type.Array(Type.String(), { description: 'read, in order; a later one wins' }),
    data: Type.Record(Type.String(), Type.Unknown(), {
      description: 'effective configuration, written as in a file; secrets as {"set": true}',
    }),
    origins: Type.Record(Type.String(), Type.String(), { description: 'path of a setting -> where it came from' }),
  },
  { description: 'The configuration in force.' },
);

export const AdminModelSchema = Type.Object({
  id: Type.String({ description: 'what callers send as "model"' }),
  source: Type.Union([Type.Literal('configured'), Type.Literal('provider'), Type.Literal('upstream')]),
  owned_by: Type.String(),
  created_at: Nullable(Type.Integer({ description: 'unix seconds; null when unknown' })),
  ...AbilitiesSchema.properties,
  context_window: Nullable(Type.Integer({ description: 'tokens; null when unknown' })),
  prices: Type.Optional(Nullable(PricesSchema)),
  strategy: Nullable(Type.String()),
  fallbacks: Type.Array(Type.String()),
  targets: Type.Array(
    Type.Object({
      provider: Type.String(),
      model: Type.String({ description: 'upstream model id' }),
      weight: Type.Number(),
      dimensions: Nullable(Type.Integer()),
      prices: Nullable(PricesSchema),
      health: Nullable(TargetHealthSchema),
    }),
    { description: 'of a configured model; empty for the others' },
  ),
});

export const AdminModelListSchema = ListOf(AdminModelSchema, 'Every model a caller may name.');

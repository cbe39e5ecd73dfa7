import { type TSchema, Type } from '@sinclair/typebox';
import { ListOf, PageQuerySchema } from './admin.ts';

// Prompt prefixes that upstreams keep, in the admin API.

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const ContextCacheQuerySchema = Type.Object(
  {
    ...PageQuerySchema.properties,
    provider: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'name in the configuration; absent: all' })),
    upstream: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description: 'true: what the upstream keeps for the credential of `provider`, whoever made it',
      }),
    ),
  },
  { additionalProperties: false },
);

export const ContextCacheParamsSchema = Type.Object({
  provider: Type.String({ minLength: 1, maxLength: 64, description: 'name in the configuration' }),
  '*': Type.String({
    minLength: 1,
    maxLength: 512,
    pattern: '^[A-Za-z0-9_.:/~-]+$',
    description: 'digest or name; slashes as they are or as %2F',
  }),
});

export const ContextCacheSchema = Type.Object({
  id: Type.String({ description: 'provider and digest, or name where there is no digest' }),
  provider: Type.String(),
  credential: Nullable(
    Type.String({ description: "the provider's key it is kept for; null where this process did not make it" }),
  ),
  model: Type.String({ description: 'upstream model id' }),
  name: Nullable(Type.String({ description: "the upstream's name; null unless it is kept" })),
  digest: Nullable(Type.String({ description: 'of its contents; null where this process did not make it' })),
  state: Type.Union([Type.Literal('creating'), Type.Literal('kept'), Type.Literal('rejected')]),
  tokens: Type.Integer(),
  created_at: Nullable(Type.Integer({ description: 'unix seconds; null when unknown' })),
  expires_at: Nullable(Type.Integer({ description: 'unix seconds; of a rejected one: when it may be tried again' })),
  hits: Type.Integer({ description: 'answers that used it' }),
  tokens_saved: Type.Integer({ description: 'cached tokens that the upstream reported for those' }),
});

export const ContextCacheListSchema = ListOf(ContextCacheSchema, 'Prompt prefixes kept at upstreams.');

export const ContextCacheDeletedSchema = Type.Object(
  { id: Type.String({ description: 'as in the list' }), deleted: Type.Literal(true) },
  { description: 'It is gone, here and at the upstream.' },
);

import { Type } from '@sinclair/typebox';
import { ListOf } from './admin.ts';

// Keys of providers that are added while the gateway runs. What was written is never shown again.

export const ProviderKeysParamsSchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64, description: 'of the provider in the configuration' }),
});

export const ProviderKeyParamsSchema = Type.Object({
  ...ProviderKeysParamsSchema.properties,
  id: Type.String({ pattern: '^pkey_[0-9a-f]{24}$', description: 'pkey_…' }),
});

export const NewProviderKeySchema = Type.Object(
  {
    key: Type.String({ minLength: 1, maxLength: 4096, description: 'the API key; kept encrypted, never shown again' }),
    name: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,64}$',
        description: 'what it is called in health, logs and decisions; absent: its id',
      }),
    ),
    weight: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1_000_000,
        description: 'share of the calls, 1 when absent; 0: only when no other key works',
      }),
    ),
  },
  { additionalProperties: false },
);

export const ProviderKeySchema = Type.Object({
  id: Type.String({ description: 'pkey_…' }),
  provider: Type.String(),
  name: Type.String(),
  weight: Type.Number(),
  created_at: Type.Integer({ description: 'unix seconds' }),
});

export const ProviderKeyCreatedSchema = Type.Object(ProviderKeySchema.properties, { description: 'It is used from now on.' });

export const ProviderKeyListSchema = ListOf(ProviderKeySchema, 'Keys of a provider that were added here, without their secrets.');

export const ProviderKeyRemovedSchema = Type.Null({ description: 'It is used for no further call.' });

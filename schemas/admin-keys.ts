import { type Static, Type } from '@sinclair/typebox';
import { ListOf, PageQuerySchema } from './admin.ts';
import { NameSchema, Nullable, PolicyFields, StandingsSchema } from './admin-policy.ts';
import { gatewayOptions } from './gateway-options.ts';
import { BudgetListSchema, RateLimitsSchema } from './limits-config.ts';

// Keys and admin keys in the admin API. Times are unix seconds.

const closed = { additionalProperties: false } as const;
/** The last second of the year 9999. */
const Time = (description: string) => Type.Integer({ minimum: 0, maximum: 253_402_300_799, description });
const Team = Type.String({ minLength: 1, maxLength: 140, description: 'id or name of a team' });

const KeyFields = {
  team: Type.Optional(Nullable(Team)),
  ...PolicyFields,
  options: Type.Optional(
    Nullable(
      Type.Array(Type.Union(gatewayOptions.map((option) => Type.Literal(option))), {
        uniqueItems: true,
        description: 'what its callers may set in the body object `gateway`; null: auth.options',
      }),
    ),
  ),
  expires_at: Type.Optional(Nullable(Time('not taken from then on'))),
  log: Type.Optional(Type.Boolean({ description: 'false: no access log line for its calls' })),
  disabled: Type.Optional(Type.Boolean({ description: 'true: not taken' })),
};

export const NewKeySchema = Type.Object(
  {
    name: NameSchema,
    ...KeyFields,
    key: Type.Optional(
      Type.String({ minLength: 20, maxLength: 512, description: 'a secret of any form to be taken over; absent: one is made' }),
    ),
    sha256: Type.Optional(
      Type.String({ minLength: 43, maxLength: 64, description: 'SHA-256 of a secret to be taken over, hex or base64' }),
    ),
  },
  closed,
);

export const KeyPatchSchema = Type.Object({ name: Type.Optional(NameSchema), ...KeyFields }, closed);

export const RotationSchema = Type.Object(
  {
    overlap_seconds: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 2_592_000, description: 'how long the secret until now is taken too; default 0' }),
    ),
  },
  closed,
);

const KeyBodyFields = {
  id: Type.String({ description: '`key_…`' }),
  name: Type.String(),
  team: Nullable(Type.String({ description: '`team_…`' })),
  source: Type.Union([Type.Literal('config'), Type.Literal('api')], { description: 'config: cannot be changed here' }),
  status: Type.Union([Type.Literal('active'), Type.Literal('disabled'), Type.Literal('expired'), Type.Literal('team_missing')]),
  hint: Nullable(Type.String({ description: 'how the secret begins; null where it is not known' })),
  models: Nullable(Type.Array(Type.String())),
  providers: Nullable(Type.Array(Type.String())),
  options: Nullable(Type.Array(Type.String())),
  rate_limits: RateLimitsSchema,
  budgets: BudgetListSchema,
  metadata: Nullable(Type.Record(Type.String(), Type.String())),
  log: Type.Boolean(),
  disabled: Type.Boolean(),
  effective: Type.Object(
    { models: Nullable(Type.Array(Type.String())), providers: Nullable(Type.Array(Type.String())) },
    { description: 'what the key and its team both allow' },
  ),
  created_at: Nullable(Type.Integer()),
  updated_at: Nullable(Type.Integer()),
  created_by: Nullable(Type.String({ description: 'name of the admin key' })),
  expires_at: Nullable(Type.Integer()),
  previous_secret_until: Nullable(Type.Integer({ description: 'until when the secret before the last rotation is taken too' })),
  usage: StandingsSchema,
};

export const KeySchema = Type.Object(KeyBodyFields, { description: 'A key. Its secret is shown once, when it is made.' });
export type KeyBody = Static<typeof KeySchema>;

export const MadeKeySchema = Type.Object(
  {
    ...KeyBodyFields,
    key: Nullable(Type.String({ description: 'the secret, shown only now; null where it was brought along' })),
  },
  { description: 'A key with its new secret.' },
);

export const KeyListSchema = ListOf(KeySchema, 'Keys of the configuration and of the admin API.');

export const KeyQuerySchema = Type.Object({ ...PageQuerySchema.properties, team: Type.Optional(Team) }, closed);

export const NewAdminKeySchema = Type.Object(
  {
    name: NameSchema,
    role: Type.Union([Type.Literal('read'), Type.Literal('team')], {
      description: 'read: looks at everything and changes nothing; team: the keys of its team and their usage',
    }),
    team: Type.Optional(Nullable(Team)),
    expires_at: Type.Optional(Nullable(Time('not taken from then on'))),
  },
  closed,
);

const AdminKeyFields = {
  id: Type.String({ description: '`admin_…`' }),
  name: Type.String(),
  role: Type.Union([Type.Literal('read'), Type.Literal('team')]),
  team: Nullable(Type.String()),
  hint: Nullable(Type.String({ description: 'how the secret begins' })),
  created_at: Type.Integer(),
  expires_at: Nullable(Type.Integer()),
};

export const AdminKeySchema = Type.Object(AdminKeyFields, { description: 'An admin key.' });
export type AdminKeyBody = Static<typeof AdminKeySchema>;

export const MadeAdminKeySchema = Type.Object(
  { ...AdminKeyFields, key: Type.String({ description: 'the secret, shown only now' }) },
  { description: 'An admin key with its secret.' },
);

export const AdminKeyListSchema = ListOf(AdminKeySchema, 'Admin keys that were made through the admin API.');

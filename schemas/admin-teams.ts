import { type Static, Type } from '@sinclair/typebox';
import { ListOf } from './admin.ts';
import { NameSchema, Nullable, PolicyFields, StandingsSchema } from './admin-policy.ts';
import { BudgetListSchema, RateLimitsSchema } from './limits-config.ts';

// Teams in the admin API. Times are unix seconds.

const closed = { additionalProperties: false } as const;

export const NewTeamSchema = Type.Object({ name: NameSchema, ...PolicyFields }, closed);

export const TeamPatchSchema = Type.Object({ name: Type.Optional(NameSchema), ...PolicyFields }, closed);

export const TeamSchema = Type.Object(
  {
    id: Type.String({ description: '`team_…`' }),
    name: Type.String(),
    source: Type.Union([Type.Literal('config'), Type.Literal('api')], { description: 'config: cannot be changed here' }),
    models: Nullable(Type.Array(Type.String())),
    providers: Nullable(Type.Array(Type.String())),
    rate_limits: RateLimitsSchema,
    budgets: BudgetListSchema,
    metadata: Nullable(Type.Record(Type.String(), Type.String())),
    created_at: Nullable(Type.Integer()),
    updated_at: Nullable(Type.Integer()),
    usage: StandingsSchema,
  },
  { description: 'A team: what it may use holds for all its keys together.' },
);
export type TeamBody = Static<typeof TeamSchema>;

export const TeamListSchema = ListOf(TeamSchema, 'Teams of the configuration and of the admin API.');

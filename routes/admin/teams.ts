import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import { etagOf } from '../../plugins/admin/etag.ts';
import { NotFoundError } from '../../plugins/errors/index.ts';
import type { Identity, TeamInfo } from '../../plugins/identity/index.ts';
import { PageQuerySchema } from '../../schemas/admin.ts';
import { IdParamsSchema, IfMatchSchema, policyFailures } from '../../schemas/admin-policy.ts';
import { NewTeamSchema, type TeamBody, TeamListSchema, TeamPatchSchema, TeamSchema } from '../../schemas/admin-teams.ts';
import { type Standing, usageOf } from './standing.ts';

export interface AdminTeamsOptions {
  readonly identity: Pick<Identity, 'teams' | 'team' | 'changes'>;
  /** Absent: nothing is shown of it. */
  readonly standing?: Standing;
}

const shown = (team: TeamInfo): TeamBody => ({
  id: team.id,
  name: team.name,
  source: team.source,
  models: team.models === null ? null : [...team.models],
  providers: team.providers === null ? null : [...team.providers],
  rate_limits: team.rateLimits,
  budgets: [...team.budgets],
  metadata: team.metadata,
  created_at: team.createdAt,
  updated_at: team.updatedAt,
});

const changeable = { tags: ['admin'], params: IdParamsSchema, headers: IfMatchSchema };

/** `/admin/v1/teams`. An admin of one team sees it and changes nothing of it. */
export const adminTeamRoutes: FastifyPluginAsyncTypebox<AdminTeamsOptions> = async (app, { identity, standing }) => {
  const { changes } = identity;

  app.get(
    '/admin/v1/teams',
    {
      config: { auth: 'admin', action: 'teams.list', teamScoped: true },
      schema: {
        summary: 'Teams',
        description: 'Of the configuration and of the admin API.',
        tags: ['admin'],
        querystring: PageQuerySchema,
        response: { 200: TeamListSchema },
      },
    },
    async (request, reply) => {
      const { team: own } = request.adminScope;
      const teams = identity.teams().filter(({ id }) => own === null || id === own);
      void reply.header('cache-control', 'no-store');
      const { data, next_cursor } = paginate(teams, request.query, ({ id }) => id);
      return { data: data.map(shown), next_cursor };
    },
  );

  app.post(
    '/admin/v1/teams',
    {
      config: { auth: 'admin', action: 'teams.create' },
      schema: {
        summary: 'Make a team',
        description: 'What it may use holds for all its keys together.',
        tags: ['admin'],
        body: NewTeamSchema,
        response: { 201: TeamSchema, 409: policyFailures[409], 503: policyFailures[503] },
      },
    },
    async (request, reply) => {
      const info = await changes.createTeam(request.body);
      request.auditTarget = info.id;
      void reply.code(201).header('etag', etagOf(info.version)).header('cache-control', 'no-store');
      return shown(info);
    },
  );

  app.get(
    '/admin/v1/teams/:id',
    {
      config: { auth: 'admin', action: 'teams.get', teamScoped: true },
      schema: {
        summary: 'One team',
        tags: ['admin'],
        params: IdParamsSchema,
        response: { 200: TeamSchema, 404: policyFailures[404] },
      },
    },
    async (request, reply) => {
      const { team: own } = request.adminScope;
      const team = own === null || own === request.params.id ? identity.team(request.params.id) : null;
      if (team === null) throw new NotFoundError('There is no team of this id.', 'team_not_found');
      void reply.header('etag', etagOf(team.version)).header('cache-control', 'no-store');
      return { ...shown(team), ...(await usageOf(standing, team.allowance === null ? [] : [team.allowance])) };
    },
  );

  app.patch(
    '/admin/v1/teams/:id',
    {
      config: { auth: 'admin', action: 'teams.update' },
      schema: {
        summary: 'Change a team',
        description:
          'What the body names; null takes it away. In force for its keys with the next call, on other replicas within 2 s.',
        ...changeable,
        body: TeamPatchSchema,
        response: { 200: TeamSchema, ...policyFailures },
      },
    },
    async (request, reply) => {
      const info = await changes.updateTeam(request.params.id, request.body, request.headers['if-match']);
      void reply.header('etag', etagOf(info.version)).header('cache-control', 'no-store');
      return shown(info);
    },
  );

  app.delete(
    '/admin/v1/teams/:id',
    {
      config: { auth: 'admin', action: 'teams.delete' },
      schema: {
        summary: 'Remove a team',
        description: '409 while it has keys or admin keys.',
        ...changeable,
        response: { 204: Type.Null({ description: 'It is gone.' }), ...policyFailures },
      },
    },
    async (request, reply) => {
      await changes.removeTeam(request.params.id, request.headers['if-match']);
      return reply
        .code(204)
        .header('cache-control', 'no-store')
        .send(undefined as unknown as null);
    },
  );
};

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import type { AdminKeyInfo, Identity } from '../../plugins/identity/index.ts';
import { PageQuerySchema } from '../../schemas/admin.ts';
import { type AdminKeyBody, AdminKeyListSchema, MadeAdminKeySchema, NewAdminKeySchema } from '../../schemas/admin-keys.ts';
import { IdParamsSchema, policyFailures } from '../../schemas/admin-policy.ts';

export interface AdminAdminKeysOptions {
  readonly identity: Pick<Identity, 'adminKeys' | 'changes'>;
}

const shown = ({ id, name, role, team, hint, createdAt, expiresAt }: AdminKeyInfo): AdminKeyBody => ({
  id,
  name,
  role,
  team,
  hint,
  created_at: createdAt,
  expires_at: expiresAt,
});

/** `/admin/v1/admin_keys`. */
export const adminAdminKeyRoutes: FastifyPluginAsyncTypebox<AdminAdminKeysOptions> = async (app, { identity }) => {
  app.get(
    '/admin/v1/admin_keys',
    {
      config: { auth: 'admin', action: 'admin_keys.list' },
      schema: {
        summary: 'Admin keys',
        description: 'Those beside ADMIN_API_KEY.',
        tags: ['admin'],
        querystring: PageQuerySchema,
        response: { 200: AdminKeyListSchema },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      const { data, next_cursor } = paginate(identity.adminKeys(), request.query, ({ id }) => id);
      return { data: data.map(shown), next_cursor };
    },
  );

  app.post(
    '/admin/v1/admin_keys',
    {
      config: { auth: 'admin', action: 'admin_keys.create' },
      schema: {
        summary: 'Make an admin key',
        description: 'One that may do less than ADMIN_API_KEY. Its secret is in this answer and nowhere else.',
        tags: ['admin'],
        body: NewAdminKeySchema,
        response: { 201: MadeAdminKeySchema, 409: policyFailures[409], 503: policyFailures[503] },
      },
    },
    async (request, reply) => {
      const { info, secret } = await identity.changes.createAdminKey(request.body, request.adminScope.name);
      request.auditTarget = info.id;
      void reply.code(201).header('cache-control', 'no-store');
      return { ...shown(info), key: secret! };
    },
  );

  app.delete(
    '/admin/v1/admin_keys/:id',
    {
      config: { auth: 'admin', action: 'admin_keys.delete' },
      schema: {
        summary: 'Revoke an admin key',
        tags: ['admin'],
        params: IdParamsSchema,
        response: {
          204: Type.Null({ description: 'It is gone.' }),
          404: policyFailures[404],
          409: policyFailures[409],
          503: policyFailures[503],
        },
      },
    },
    async (request, reply) => {
      await identity.changes.removeAdminKey(request.params.id);
      return reply
        .code(204)
        .header('cache-control', 'no-store')
        .send(undefined as unknown as null);
    },
  );
};

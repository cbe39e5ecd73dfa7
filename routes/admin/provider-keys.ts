import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import type { ProviderKeyInfo, StoredProviderKeys } from '../../plugins/records/provider-keys.ts';
import { PageQuerySchema } from '../../schemas/admin.ts';
import {
  NewProviderKeySchema,
  ProviderKeyCreatedSchema,
  ProviderKeyListSchema,
  ProviderKeyParamsSchema,
  ProviderKeyRemovedSchema,
  type ProviderKeySchema,
  ProviderKeysParamsSchema,
} from '../../schemas/admin-provider-keys.ts';

export interface AdminProviderKeysOptions {
  readonly providerKeys: StoredProviderKeys;
}

const shown = ({ id, provider, name, weight, createdAt }: ProviderKeyInfo): Static<typeof ProviderKeySchema> => ({
  id,
  provider,
  name,
  weight,
  created_at: createdAt,
});

/** `/admin/v1/providers/{name}/keys`. */
export const adminProviderKeyRoutes: FastifyPluginAsyncTypebox<AdminProviderKeysOptions> = async (app, { providerKeys }) => {
  app.post(
    '/admin/v1/providers/:name/keys',
    {
      config: { auth: 'admin', action: 'provider_keys.create' },
      schema: {
        summary: 'Add a key of a provider',
        description: 'Calls are spread over it and the other keys at once, here and on every replica within two seconds.',
        tags: ['admin'],
        params: ProviderKeysParamsSchema,
        body: NewProviderKeySchema,
        response: { 201: ProviderKeyCreatedSchema },
      },
    },
    async (request, reply) => {
      const made = await providerKeys.create(request.params.name, request.body);
      void reply.code(201).header('cache-control', 'no-store');
      return shown(made);
    },
  );

  app.get(
    '/admin/v1/providers/:name/keys',
    {
      config: { auth: 'admin', action: 'provider_keys.list' },
      schema: {
        summary: 'Keys of a provider that were added here',
        description: 'Those of the configuration are not among them.',
        tags: ['admin'],
        params: ProviderKeysParamsSchema,
        querystring: PageQuerySchema,
        response: { 200: ProviderKeyListSchema },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return paginate(providerKeys.list(request.params.name).map(shown), request.query, ({ id }) => id);
    },
  );

  app.delete(
    '/admin/v1/providers/:name/keys/:id',
    {
      config: { auth: 'admin', action: 'provider_keys.delete' },
      schema: {
        summary: 'Remove a key of a provider',
        description:
          'No further call is sent with it, here at once and on every replica within two seconds; calls under way finish.',
        tags: ['admin'],
        params: ProviderKeyParamsSchema,
        response: { 204: ProviderKeyRemovedSchema },
      },
    },
    async (request, reply) => {
      await providerKeys.remove(request.params.name, request.params.id);
      return reply.code(204).send(null);
    },
  );
};

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import type { CatalogueModel, Router, TargetHealth } from '../../plugins/router/types.ts';
import { AdminModelListSchema, type AdminModelSchema, PageQuerySchema } from '../../schemas/admin.ts';
import type { Config } from '../../schemas/config.ts';
import { targetHealth } from '../health.ts';

export interface AdminModelsOptions {
  readonly router: Pick<Router, 'models' | 'health'>;
  readonly config: () => Config;
}

type AdminModel = Static<typeof AdminModelSchema>;

function describe(model: CatalogueModel, config: Config, health: ReadonlyMap<string, TargetHealth>): AdminModel {
  const entry = model.source === 'configured' ? config.models[model.id] : undefined;
  return {
    id: model.id,
    source: model.source,
    owned_by: model.ownedBy,
    created_at: model.created > 0 ? model.created : null,
    context_window: model.contextWindow ?? null,
    strategy: entry === undefined ? null : (entry.strategy ?? 'weighted'),
    fallbacks: [...(entry?.fallbacks ?? [])],
    targets: (entry?.targets ?? []).map((target) => {
      const known = health.get(`${target.provider}/${target.model}`);
      return {
        provider: target.provider,
        model: target.model,
        weight: target.weight ?? 1,
        dimensions: target.dimensions ?? null,
        health: known === undefined ? null : targetHealth(known),
      };
    }),
  };
}

/** `GET /admin/v1/models`. */
export const adminModelRoutes: FastifyPluginAsyncTypebox<AdminModelsOptions> = async (app, options) => {
  app.get(
    '/admin/v1/models',
    {
      config: { auth: 'admin', action: 'models.list' },
      schema: {
        summary: 'Models',
        description: 'Every model a caller may name, with the targets of those written in the configuration.',
        tags: ['admin'],
        querystring: PageQuerySchema,
        response: { 200: AdminModelListSchema },
      },
    },
    async (request, reply) => {
      const page = paginate(options.router.models(), request.query, (model) => model.id);
      const health = new Map(options.router.health().map((each) => [each.target, each]));
      const config = options.config();
      void reply.header('cache-control', 'no-store');
      return { data: page.data.map((model) => describe(model, config, health)), next_cursor: page.next_cursor };
    },
  );
};

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import type { CatalogueModel, DescribedModel, Router, TargetHealth } from '../../plugins/router/types.ts';
import { AdminModelListSchema, type AdminModelSchema, PageQuerySchema } from '../../schemas/admin.ts';
import type { Config } from '../../schemas/config.ts';
import { targetHealth } from '../health.ts';
import { abilitiesOf, type PriceOf, pricesOf, shownPrices } from '../model-detail.ts';

export interface AdminModelsOptions {
  readonly router: Pick<Router, 'models' | 'model' | 'health'>;
  readonly priceOf: PriceOf;
  readonly config: () => Config;
}

type AdminModel = Static<typeof AdminModelSchema>;

function describe(
  model: CatalogueModel,
  detail: DescribedModel | null,
  config: Config,
  health: ReadonlyMap<string, TargetHealth>,
  priceOf: PriceOf,
): AdminModel {
  const entry = model.source === 'configured' ? config.models[model.id] : undefined;
  const costs = new Map(detail?.targets.map((target) => [target.id, shownPrices(priceOf(target))]));
  const { targets: _each, ...prices } = detail === null ? {} : pricesOf(detail, priceOf);
  return {
    id: model.id,
    source: model.source,
    owned_by: model.ownedBy,
    created_at: model.created > 0 ? model.created : null,
    ...abilitiesOf(detail ?? model),
    context_window: (detail ?? model).contextWindow ?? null,
    ...prices,
    strategy: entry === undefined ? null : (entry.strategy ?? 'weighted'),
    fallbacks: [...(entry?.fallbacks ?? [])],
    targets: (entry?.targets ?? []).map((target) => {
      const id = `${target.provider}/${target.model}`;
      const known = health.get(id);
      return {
        provider: target.provider,
        model: target.model,
        weight: target.weight ?? 1,
        dimensions: target.dimensions ?? null,
        prices: costs.get(id) ?? null,
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
      const data = page.data.map((model) => describe(model, options.router.model(model.id), config, health, options.priceOf));
      return { data, next_cursor: page.next_cursor };
    },
  );
};

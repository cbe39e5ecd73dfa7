import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { allows } from '../../plugins/auth/index.ts';
import { ModelNotFoundError } from '../../plugins/errors/index.ts';
import type { Exchange } from '../../plugins/exchange/index.ts';
import { usableProviders } from '../../plugins/relay/bound-key.ts';
import type { CatalogueModel, Route, Router } from '../../plugins/router/index.ts';
import { type Model, ModelDetailSchema, ModelListSchema } from '../../schemas/models.ts';
import { abilitiesOf, pricesOf } from '../model-detail.ts';
import { errorResponses } from './responses-of.ts';

const listed = ({ id, created, ownedBy }: CatalogueModel): Model => ({ id, object: 'model', created, owned_by: ownedBy });

/** Names of the providers that this caller may use; null for all. */
const providersOf = ({ principal, callerKey }: Exchange, router: Router): readonly string[] | null =>
  usableProviders(router, principal, callerKey);

/** Whether a model has a target at one of these providers, or its fallbacks have. */
const reaches = ({ groups }: Route, providers: readonly string[]): boolean =>
  groups.some(({ targets }) => targets.some(({ provider }) => providers.includes(provider.name)));

/** The same for a model of the list. */
function isAmong(providers: readonly string[] | null, { id, source }: CatalogueModel, router: Router): boolean {
  if (providers === null) return true;
  return source === 'configured' ? reaches(router.resolve(id), providers) : providers.includes(id.slice(0, id.indexOf('/')));
}

/** `GET /v1/models` and `GET /v1/models/{id}`; an id may hold slashes, encoded or not. */
export const modelsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/v1/models',
    {
      config: { auth: 'key', operation: 'models' },
      schema: {
        summary: 'Models',
        tags: ['inference'],
        response: { 200: ModelListSchema, 401: errorResponses[401] },
      },
    },
    async (request) => {
      const { principal } = request.exchange;
      const providers = providersOf(request.exchange, app.router);
      const models = app.router.models().filter((model) => allows(principal, model.id) && isAmong(providers, model, app.router));
      return { object: 'list' as const, data: models.map(listed) };
    },
  );

  app.get(
    '/v1/models/*',
    {
      config: { auth: 'key', operation: 'models' },
      schema: {
        summary: 'Model',
        description: 'With its limits, abilities and prices as far as they are known.',
        tags: ['inference'],
        params: Type.Object({ '*': Type.String({ description: 'model id' }) }),
        response: { 200: ModelDetailSchema, 401: errorResponses[401], 404: errorResponses[404] },
      },
    },
    async (request) => {
      const id = request.params['*'];
      const model = allows(request.exchange.principal, id) ? app.router.model(id) : null;
      const providers = providersOf(request.exchange, app.router);
      if (model === null || (providers !== null && !reaches(app.router.resolve(id), providers))) {
        throw new ModelNotFoundError(`The model \`${id.slice(0, 100)}\` does not exist here. GET /v1/models lists what does.`);
      }
      const targets = model.targets.filter(({ provider }) => providers === null || providers.includes(provider.name));
      const prices = pricesOf({ ...model, targets }, (target) => app.usage.price(target));
      return { ...listed(model), ...abilitiesOf(model), ...prices };
    },
  );
};

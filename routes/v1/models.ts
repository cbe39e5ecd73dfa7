import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { allows } from '../../plugins/auth/index.ts';
import { ModelNotFoundError } from '../../plugins/errors/index.ts';
import type { CatalogueModel } from '../../plugins/router/index.ts';
import { type Model, ModelDetailSchema, ModelListSchema } from '../../schemas/models.ts';
import { abilitiesOf, pricesOf } from '../model-detail.ts';
import { errorResponses } from './responses-of.ts';

const listed = ({ id, created, ownedBy }: CatalogueModel): Model => ({ id, object: 'model', created, owned_by: ownedBy });

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
      const models = app.router.models().filter((model) => allows(principal, model.id));
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
      if (model === null) {
        throw new ModelNotFoundError(`The model \`${id.slice(0, 100)}\` does not exist here. GET /v1/models lists what does.`);
      }
      return { ...listed(model), ...abilitiesOf(model), ...pricesOf(model, (target) => app.usage.price(target)) };
    },
  );
};

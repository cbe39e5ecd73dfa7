import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { allows } from '../../plugins/auth/index.ts';
import { ModelNotFoundError } from '../../plugins/errors/index.ts';
import type { CatalogueModel } from '../../plugins/router/index.ts';
import { ModelListSchema, ModelSchema } from '../../schemas/models.ts';
import { errorResponses } from './responses-of.ts';

const shown = (model: CatalogueModel) => ({
  id: model.id,
  object: 'model' as const,
  created: model.created,
  owned_by: model.ownedBy,
  ...(model.contextWindow === undefined ? {} : { context_window: model.contextWindow }),
});

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
      return { object: 'list' as const, data: models.map(shown) };
    },
  );

  app.get(
    '/v1/models/*',
    {
      config: { auth: 'key', operation: 'models' },
      schema: {
        summary: 'Model',
        tags: ['inference'],
        params: Type.Object({ '*': Type.String({ description: 'model id' }) }),
        response: { 200: ModelSchema, 401: errorResponses[401], 404: errorResponses[404] },
      },
    },
    async (request) => {
      const id = request.params['*'];
      const model = allows(request.exchange.principal, id) ? app.router.model(id) : null;
      if (model === null) {
        throw new ModelNotFoundError(`The model \`${id.slice(0, 100)}\` does not exist here. GET /v1/models lists what does.`);
      }
      return shown(model);
    },
  );
};

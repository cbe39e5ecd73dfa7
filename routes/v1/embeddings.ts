import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientDialect } from '../../providers/index.ts';
import { EmbeddingsRequestSchema, EmbeddingsResponseSchema } from '../../schemas/embeddings.ts';
import { errorResponses, providerShaped } from './responses-of.ts';

/** `POST /v1/embeddings`. */
export const embeddingsRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/embeddings',
    {
      config: { auth: 'key', operation: 'embeddings' },
      schema: {
        summary: 'Embeddings',
        tags: ['inference'],
        body: EmbeddingsRequestSchema,
        response: { 200: providerShaped(EmbeddingsResponseSchema, false), ...errorResponses },
      },
      serializerCompiler: () => JSON.stringify,
    },
    (request, reply) => app.relay.answer(request, reply, 'embeddings', clientDialect),
  );
};

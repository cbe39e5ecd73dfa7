import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientDialect } from '../../providers/index.ts';
import { ResponsesRequestSchema, ResponsesResponseSchema } from '../../schemas/responses.ts';
import { errorResponses, providerShaped } from './responses-of.ts';

/** `POST /v1/responses`, for providers that speak it themselves. */
export const responsesRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/responses',
    {
      config: { auth: 'key', operation: 'responses' },
      schema: {
        summary: 'Response',
        description: 'Passed through to providers that offer the Responses API; for others the answer is 400.',
        tags: ['inference'],
        body: ResponsesRequestSchema,
        response: { 200: providerShaped(ResponsesResponseSchema), ...errorResponses },
      },
      serializerCompiler: () => JSON.stringify,
    },
    (request, reply) => app.relay.answer(request, reply, 'responses', clientDialect),
  );
};

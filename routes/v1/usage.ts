import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { UsageQuerySchema, UsageSchema } from '../../schemas/admin-usage.ts';
import { answerUsage, jsonOrCsv } from '../ledger-answers.ts';
import { errorResponses } from './responses-of.ts';

/** `GET /v1/usage`: what the calling key has used, and nobody else's. */
export const usageRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/v1/usage',
    {
      config: { auth: 'key', operation: 'usage' },
      schema: {
        summary: 'Usage of the calling key',
        description: 'As GET /admin/v1/usage, for this key alone.',
        tags: ['inference'],
        querystring: UsageQuerySchema,
        response: { 200: jsonOrCsv(UsageSchema, 'Sums by group.'), 400: errorResponses[400], 401: errorResponses[401] },
      },
    },
    (request, reply) => answerUsage(app.usage, request, reply, { team: null, key: request.exchange.principal.keyId ?? '' }),
  );
};

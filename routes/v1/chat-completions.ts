import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { clientDialect } from '../../providers/index.ts';
import { ChatRequestSchema, ChatResponseSchema } from '../../schemas/chat.ts';
import { errorResponses, providerShaped } from './responses-of.ts';

/** `POST /v1/chat/completions`. */
export const chatCompletionsRoute: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    '/v1/chat/completions',
    {
      config: { auth: 'key', operation: 'chat' },
      schema: {
        summary: 'Chat completion',
        tags: ['inference'],
        body: ChatRequestSchema,
        response: { 200: providerShaped(ChatResponseSchema), ...errorResponses },
      },
      serializerCompiler: () => JSON.stringify,
    },
    (request, reply) => app.relay.answer(request, reply, 'chat', clientDialect),
  );
};

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { TSchema } from '@sinclair/typebox';
import { principalOf } from '../../plugins/auth/key-ring.ts';
import { toGatewayError } from '../../plugins/errors/envelope.ts';
import { NotFoundError } from '../../plugins/errors/index.ts';
import { anonymous, type Principal } from '../../plugins/exchange/index.ts';
import { refusedRun } from '../../plugins/explain/dry-run.ts';
import type { Explain } from '../../plugins/explain/index.ts';
import { bodyLimits } from '../../plugins/http-server.ts';
import { clientDialect } from '../../providers/index.ts';
import type { Operation } from '../../providers/provider.ts';
import { DryRunRequestSchema, DryRunSchema } from '../../schemas/admin-explain.ts';
import { ChatRequestSchema } from '../../schemas/chat.ts';
import type { Config } from '../../schemas/config.ts';
import { EmbeddingsRequestSchema } from '../../schemas/embeddings.ts';
import { ResponsesRequestSchema } from '../../schemas/responses.ts';

export interface AdminExplainOptions {
  readonly explain: Pick<Explain, 'dryRun'>;
  readonly config: () => Config;
}

const schemas: Readonly<Record<Operation, TSchema>> = {
  chat: ChatRequestSchema,
  embeddings: EmbeddingsRequestSchema,
  responses: ResponsesRequestSchema,
};

function principal(key: string | undefined, keys: Config['keys']): Principal {
  if (key === undefined) return anonymous;
  const name = key.replace(/^key_/, '');
  if (key.startsWith('key_') && Object.hasOwn(keys, name)) return principalOf(name, keys[name]!);
  throw new NotFoundError(
    'There is no key of this id; it is `key_` and the name the key has in the configuration (never the key itself).',
    'key_not_found',
  );
}

/** `POST /admin/v1/explain`. */
export const adminExplainRoutes: FastifyPluginAsyncTypebox<AdminExplainOptions> = async (app, { explain, config }) => {
  app.post(
    '/admin/v1/explain',
    {
      config: { auth: 'admin', action: 'explain' },
      bodyLimit: bodyLimits.explain,
      schema: {
        summary: 'What would become of a call',
        description:
          'The target that would be asked, how failover would go on, and why; or the error that its caller would get. Nothing is sent and nothing changes.',
        tags: ['admin'],
        body: DryRunRequestSchema,
        response: { 200: DryRunSchema },
      },
    },
    async (request, reply) => {
      const { operation = 'chat', body, key } = request.body;
      const asked = { principal: principal(key, config().keys), operation, dialect: clientDialect, body };
      void reply.header('cache-control', 'no-store');
      const isValid = request.compileValidationSchema(schemas[operation], 'body');
      if (isValid(body)) return explain.dryRun(asked);
      const { errors } = isValid as { readonly errors?: readonly object[] | null };
      return refusedRun(toGatewayError({ code: 'FST_ERR_VALIDATION', validation: errors ?? [], validationContext: 'body' }));
    },
  );
};

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { TSchema } from '@sinclair/typebox';
import { ValidationError } from '../../plugins/errors/classes.ts';
import { toGatewayError } from '../../plugins/errors/envelope.ts';
import { NotFoundError } from '../../plugins/errors/index.ts';
import { anonymous, type CallerKey, type Principal } from '../../plugins/exchange/index.ts';
import { refusedRun } from '../../plugins/explain/dry-run.ts';
import type { Explain } from '../../plugins/explain/index.ts';
import { bodyLimits } from '../../plugins/http-server.ts';
import type { Identity } from '../../plugins/identity/index.ts';
import { clientDialect } from '../../providers/index.ts';
import type { Operation } from '../../providers/provider.ts';
import { DryRunRequestSchema, DryRunSchema } from '../../schemas/admin-explain.ts';
import { ChatRequestSchema } from '../../schemas/chat.ts';
import type { Config } from '../../schemas/config.ts';
import { EmbeddingsRequestSchema } from '../../schemas/embeddings.ts';
import { ResponsesRequestSchema } from '../../schemas/responses.ts';

export interface AdminExplainOptions {
  readonly explain: Pick<Explain, 'dryRun'>;
  readonly identity: Pick<Identity, 'key'>;
  readonly config: () => Config;
}

const schemas: Readonly<Record<Operation, TSchema>> = {
  chat: ChatRequestSchema,
  embeddings: EmbeddingsRequestSchema,
  responses: ResponsesRequestSchema,
};

function principal(key: string | undefined, identity: Pick<Identity, 'key'>): Principal {
  if (key === undefined) return anonymous;
  const found = identity.key(key);
  if (found !== null) return found.principal;
  throw new NotFoundError(
    'There is no key of this id; GET /admin/v1/keys lists them (never send the key itself).',
    'key_not_found',
  );
}

/** The provider's key that the caller would bring; the dry run asks for whom, not for its value. Throws `ValidationError`. */
function callerKey(provider: string | undefined, mode: Config['auth']['mode']): CallerKey | null {
  if (mode === 'client') return { provider: provider ?? null, secret: '' };
  if (provider === undefined) return null;
  if (mode === 'hybrid') return { provider, secret: '' };
  throw new ValidationError('This gateway takes no provider keys of callers (auth.mode).', 'provider_key');
}

/** `POST /admin/v1/explain`. */
export const adminExplainRoutes: FastifyPluginAsyncTypebox<AdminExplainOptions> = async (app, { explain, identity, config }) => {
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
      const { operation = 'chat', body, key, provider_key } = request.body;
      const brought = callerKey(provider_key, config().auth.mode);
      const asked = { principal: principal(key, identity), callerKey: brought, operation, dialect: clientDialect, body };
      void reply.header('cache-control', 'no-store');
      const isValid = request.compileValidationSchema(schemas[operation], 'body');
      if (isValid(body)) return explain.dryRun(asked);
      const { errors } = isValid as { readonly errors?: readonly object[] | null };
      return refusedRun(toGatewayError({ code: 'FST_ERR_VALIDATION', validation: errors ?? [], validationContext: 'body' }));
    },
  );
};

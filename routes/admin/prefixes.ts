import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Static } from '@sinclair/typebox';
import { paginate } from '../../plugins/admin/cursor.ts';
import { NotFoundError, ProviderError, ValidationError } from '../../plugins/errors/index.ts';
import { type PrefixEntry, type Prefixes, UpstreamRefusal } from '../../plugins/prefixes/index.ts';
import type { Router } from '../../plugins/router/types.ts';
import type { KeptPrefix } from '../../providers/provider.ts';
import {
  ContextCacheDeletedSchema,
  ContextCacheListSchema,
  ContextCacheParamsSchema,
  ContextCacheQuerySchema,
  type ContextCacheSchema,
} from '../../schemas/admin-context-caches.ts';

export interface AdminPrefixesOptions {
  readonly prefixes: Pick<Prefixes, 'list' | 'keptBy' | 'remove'>;
  readonly router: Pick<Router, 'providers'>;
}

type ContextCache = Static<typeof ContextCacheSchema>;

const seconds = (ms: number): number | null => (ms > 0 ? Math.floor(ms / 1000) : null);

function own({ provider, digest, createdAt, expiresAt, tokensSaved, ...entry }: PrefixEntry): ContextCache {
  return {
    ...entry,
    id: `${provider}/${digest}`,
    provider,
    digest,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    tokens_saved: tokensSaved,
  };
}

/** One that the upstream names, with what we know of it if it is ours. */
function theirs(provider: string, kept: KeptPrefix, ours: PrefixEntry | undefined): ContextCache {
  const { name, model, tokens, createdAt, expiresAt } = kept;
  return {
    id: `${provider}/${name}`,
    provider,
    credential: ours?.credential ?? null,
    model,
    name,
    digest: ours?.digest ?? null,
    state: 'kept',
    tokens,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    hits: ours?.hits ?? 0,
    tokens_saved: ours?.tokensSaved ?? 0,
  };
}

async function asking<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UpstreamRefusal)) throw error;
    const { reason, status } = error.failure;
    throw new ProviderError(502, 'server_error', 'upstream_error', `The provider did not do it (${reason}, status ${status}).`);
  }
}

/** `/admin/v1/context-caches`. */
export const adminPrefixRoutes: FastifyPluginAsyncTypebox<AdminPrefixesOptions> = async (app, { prefixes, router }) => {
  function known(provider: string): void {
    if (!router.providers.has(provider)) {
      throw new NotFoundError(`There is no provider \`${provider}\` in the configuration.`, 'provider_not_found');
    }
  }

  async function keptUpstream(provider: string | undefined): Promise<ContextCache[]> {
    if (provider === undefined) throw new ValidationError('upstream=true needs provider=<name>.', 'provider');
    const kept = await asking(prefixes.keptBy(provider));
    if (kept === null) throw new ValidationError('This provider keeps no prefixes that could be listed.', 'provider');
    const ours = new Map(prefixes.list().flatMap((each) => (each.provider === provider ? [[each.name, each]] : [])));
    return kept.map((each) => theirs(provider, each, ours.get(each.name)));
  }

  app.get(
    '/admin/v1/context-caches',
    {
      config: { auth: 'admin', action: 'context_caches.list' },
      schema: {
        summary: 'Prompt prefixes kept at upstreams',
        description:
          'Those of this process, with how often they were used. With `upstream=true` those of one provider, as it says.',
        tags: ['admin'],
        querystring: ContextCacheQuerySchema,
        response: { 200: ContextCacheListSchema },
      },
    },
    async (request, reply) => {
      const { provider, upstream, ...page } = request.query;
      if (provider !== undefined) known(provider);
      const all =
        upstream === 'true'
          ? await keptUpstream(provider)
          : prefixes.list().flatMap((each) => (provider === undefined || each.provider === provider ? [own(each)] : []));
      void reply.header('cache-control', 'no-store');
      // The same prefix may be kept for several keys.
      return paginate(all, page, ({ id, credential }) => (credential === null ? id : `${id} ${credential}`));
    },
  );

  app.delete(
    '/admin/v1/context-caches/:provider/*',
    {
      config: { auth: 'admin', action: 'context_caches.delete' },
      schema: {
        summary: 'Remove a kept prompt prefix',
        description: 'Here and at the upstream, whoever made it. Calls that would have used it go on without.',
        tags: ['admin'],
        params: ContextCacheParamsSchema,
        response: { 200: ContextCacheDeletedSchema },
      },
    },
    async (request) => {
      const { provider, '*': id } = request.params;
      known(provider);
      if (!(await asking(prefixes.remove(provider, id)))) {
        throw new NotFoundError('Nothing of this digest or name is kept for this provider.', 'context_cache_not_found');
      }
      return { id: `${provider}/${id}`, deleted: true as const };
    },
  );
};

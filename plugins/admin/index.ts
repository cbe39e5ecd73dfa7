import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { bearerToken } from '../auth/credential.ts';
import { type FailedAttemptsOptions, failedAttempts, tooManyFailures } from '../auth/failed-attempts.ts';
import { AuthenticationError, NotFoundError, UnavailableError } from '../errors/index.ts';
import { adminPrefix } from '../identity/token.ts';
import { audit, requestIdOf } from './audit.ts';
import { type AdminScope, checkScope, fullScope } from './scope.ts';

export type { AdminRole, AdminScope } from './scope.ts';

export interface AdminOptions {
  /** At least 20 characters; absent: the admin API is off. */
  readonly adminApiKey: string | undefined;
  readonly failedAttempts: FailedAttemptsOptions;
  /** Whose an admin key made through the API is; null for one that is unknown, expired or malformed. Absent: there are none. */
  readonly find?: (key: string) => AdminScope | null;
  /** Why such keys that are not found may nevertheless exist (`Identity.problem`); null while all of them are known. */
  readonly problem?: () => string | null;
}

/** `fastify.admin`. */
export interface Admin {
  readonly enabled: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    admin: Admin;
  }
}

export const shortestAdminKey = 20;

const switchedOff =
  'The admin API is off. Set ADMIN_API_KEY (at least 20 characters) or management.admin_api_key, restart, and send it as "Authorization: Bearer <key>".';
const refused =
  'This needs an admin key: send the value of ADMIN_API_KEY, or an admin key made with it, as "Authorization: Bearer <key>". Gateway keys are not accepted here.';

const notNow =
  'The store of admin keys cannot be read, and this one is not known without it. Try again, or use the value of ADMIN_API_KEY.';

const digestOf = (key: string): Buffer => hash('sha256', key, 'buffer');

/**
 * Guards every route of the management listener whose `config.auth` is `admin`, by the matched route, and every other path
 * below `/admin`: 404 while no admin key is set, 401 without one (429 after too many), 403 for one that may not do this, audit lines
 * for what is done with it. Sets `request.adminScope`.
 * Throws at registration for a key that is too short.
 */
export default fp<AdminOptions>(
  async (app, options) => {
    const key = options.adminApiKey;
    if (key !== undefined && key.length < shortestAdminKey) {
      throw new Error(
        `management.admin_api_key (ADMIN_API_KEY) is shorter than ${shortestAdminKey} characters: use "openssl rand -hex 32".`,
      );
    }
    app.decorate('admin', { enabled: key !== undefined } satisfies Admin);
    app.decorateRequest('adminScope', null as unknown as AdminScope);
    app.decorateRequest('auditTarget', null);
    const guard = key === undefined ? off : guardWith(key);

    app.addHook('onRequest', async (request, reply) => {
      if (request.routeOptions.config.auth === 'admin') await guard(request, reply);
    });

    // Paths below /admin that no route has: nothing there tells a stranger which ones exist.
    for (const url of ['/admin', '/admin/*']) {
      app.route({
        method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
        url,
        config: { auth: 'admin', teamScoped: true },
        schema: { hide: true },
        handler: (_request, reply) => reply.callNotFound(),
      });
    }

    async function off(): Promise<void> {
      throw new NotFoundError(switchedOff);
    }

    function scopeOf(token: string, expected: Buffer): AdminScope | null {
      return timingSafeEqual(digestOf(token), expected) ? fullScope : (options.find?.(token) ?? null);
    }

    function guardWith(secret: string): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
      const expected = digestOf(secret);
      const countFailure = failedAttempts(app, options.failedAttempts);
      return async (request, reply) => {
        const requestId = requestIdOf(request);
        void reply.header('x-request-id', requestId);
        const token = bearerToken(request.headers);
        const scope = token === null ? null : scopeOf(token, expected);
        if (scope !== null) {
          request.adminScope = scope;
          audit(request, reply, requestId);
          checkScope(scope, request);
          return;
        }
        // It may be good where nobody can look it up: a 401 would make its holder throw it away.
        if (token?.startsWith(adminPrefix) && (options.problem?.() ?? null) !== null) {
          throw new UnavailableError(notNow, 'state_unavailable');
        }
        const { allowed, retryAfterMs } = await countFailure(request);
        if (!allowed) throw tooManyFailures(retryAfterMs);
        request.log.warn(
          { audit: true, who: null, action: request.method, target: null, outcome: 'refused' },
          'admin request refused',
        );
        throw new AuthenticationError(refused);
      };
    }
  },
  { name: 'admin', fastify: '5.x', dependencies: ['errors', '@fastify/rate-limit'] },
);

import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { AuthenticationError, PermissionError } from '../errors/index.ts';
import { anonymous, type Principal } from '../exchange/exchange.ts';
import { presentedKey } from './credential.ts';
import { type FailedAttemptsOptions, failedAttempts, tooManyFailures } from './failed-attempts.ts';
import { KeyRing } from './key-ring.ts';
import { isLoopbackHost } from './loopback-host.ts';

export { allows } from './permission.ts';

export type AuthMode = NonNullable<Config['auth']['mode']>;

export interface AuthOptions {
  /** Fixed at boot: losing the last key never opens the door. */
  readonly mode: AuthMode;
  /**
   * Why no key is asked: `derived` because none is configured (loopback only, with a loopback `Host`), `explicit` because
   * the operator said so. Null in mode `gateway`.
   */
  readonly keyless: 'derived' | 'explicit' | null;
  readonly keys: Config['keys'];
  readonly failedAttempts: FailedAttemptsOptions;
}

/** `fastify.auth`. */
export interface Auth {
  readonly mode: AuthMode;
  /**
   * Who calls. Synchronous when the call is let in; otherwise rejects with `AuthenticationError` (401), `RateLimitError`
   * (429, too many failures of this address) or `PermissionError` (403 `host_not_allowed`). Never throws synchronously.
   */
  authenticate(request: FastifyRequest): Principal | Promise<Principal>;
}

declare module 'fastify' {
  interface FastifyInstance {
    auth: Auth;
  }
}

const unknownKey =
  'The API key is not one of this gateway\'s. Check the key in your client; the operator lists the valid ones under "keys" in the configuration or in GATEWAY_API_KEYS.';
const absentKey =
  'This gateway needs an API key. Send it as "Authorization: Bearer <key>" (or "x-api-key: <key>"); SDKs do so when you pass it as their API key.';
const foreignHost =
  'This gateway runs without keys, so it only answers requests whose Host is this machine (localhost, 127.0.0.1, [::1]). ' +
  'Call it by one of those names, set GATEWAY_API_KEYS so that callers need a key, or set auth.mode: none to serve everyone who can reach it.';

export default fp<AuthOptions>(
  async (app, options) => {
    const authenticate = options.mode !== 'none' ? byKey() : options.keyless === 'derived' ? byHost() : () => anonymous;
    app.decorate('auth', { mode: options.mode, authenticate } satisfies Auth);

    function byKey(): Auth['authenticate'] {
      const ring = new KeyRing(options.keys);
      const countFailure = failedAttempts(app, options.failedAttempts);
      const refuse = async (request: FastifyRequest, message: string): Promise<never> => {
        const { allowed, retryAfterMs } = await countFailure(request);
        throw allowed ? new AuthenticationError(message) : tooManyFailures(retryAfterMs);
      };
      return (request) => {
        const key = presentedKey(request.headers);
        if (key === null) return refuse(request, absentKey);
        return ring.find(key) ?? refuse(request, unknownKey);
      };
    }

    function byHost(): Auth['authenticate'] {
      // Nothing but a local process reaches a unix socket, and browsers do not.
      let unixSocket = false;
      app.server.once('listening', () => {
        unixSocket = typeof app.server.address() === 'string';
      });
      // Not `request.host`: behind a trusted proxy that is X-Forwarded-Host.
      return (request) =>
        unixSocket || isLoopbackHost(request.headers.host)
          ? anonymous
          : Promise.reject(new PermissionError(foreignHost, 'host_not_allowed'));
    }
  },
  { name: 'auth', fastify: '5.x', dependencies: ['@fastify/rate-limit'] },
);

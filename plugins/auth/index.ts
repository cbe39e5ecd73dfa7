import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../../schemas/config.ts';
import { AuthenticationError, PermissionError, UnavailableError } from '../errors/index.ts';
import { anonymous, type CallerKey, type Principal } from '../exchange/exchange.ts';
import type { Identity } from '../identity/contract.ts';
import { ClientPrincipals, clientCallerKey, clientSecret, gatewayKey, hybridCallerKey, noCallerKey } from './client-key.ts';
import { presentedKey } from './credential.ts';
import { type FailedAttemptsOptions, failedAttempts, tooManyFailures } from './failed-attempts.ts';
import { isLoopbackHost } from './loopback-host.ts';

export { allows } from './permission.ts';

export type AuthMode = NonNullable<Config['auth']['mode']>;

export interface AuthOptions {
  /** Fixed at boot: losing the last key never opens the door. */
  readonly mode: AuthMode;
  /**
   * Why no key is asked: `derived` because none is configured (loopback only, with a loopback `Host`), `explicit` because
   * the operator said so. Null in every mode that asks for one.
   */
  readonly keyless: 'derived' | 'explicit' | null;
  /** Whose a gateway key is. */
  readonly identity: Pick<Identity, 'find' | 'problem'>;
  readonly failedAttempts: FailedAttemptsOptions;
  /** Mode `client`: the name of a caller by its key (`Identity.clientId`); absent: one that lasts as long as the process. */
  readonly clientId?: (secret: string) => string;
}

/** `fastify.auth`. */
export interface Auth {
  readonly mode: AuthMode;
  /**
   * Who calls. Synchronous when the call is let in; otherwise rejects with `AuthenticationError` (401), `RateLimitError`
   * (429, too many failures of this address) or `PermissionError` (403 `host_not_allowed`). Never throws synchronously.
   */
  authenticate(request: FastifyRequest): Principal | Promise<Principal>;
  /** The provider's key that the caller sent for this call; null for none. Throws `ValidationError`. Asked once it is known who calls. */
  callerKey(headers: IncomingHttpHeaders): CallerKey | null;
}

declare module 'fastify' {
  interface FastifyInstance {
    auth: Auth;
  }
}

const unknownKey =
  'The API key is not one of this gateway\'s. Check the key in your client; the operator lists or makes the valid ones (GATEWAY_API_KEYS, "keys" in the configuration, the admin API).';
const absentKey =
  'This gateway needs an API key. Send it as "Authorization: Bearer <key>" (or "x-api-key: <key>"); SDKs do so when you pass it as their API key.';
/** A key may be good where nobody can look it up: a 401 would make its holder throw it away. */
const notNow = (): UnavailableError =>
  new UnavailableError('The store of keys cannot be read, and this key is not known without it. Try again.', 'state_unavailable');
const foreignHost =
  'This gateway runs without keys, so it only answers requests whose Host is this machine (localhost, 127.0.0.1, [::1]). ' +
  'Call it by one of those names, set GATEWAY_API_KEYS so that callers need a key, or set auth.mode: none to serve everyone who can reach it.';

/** Names under a pepper that nobody keeps. */
function passingName(): (secret: string) => string {
  const pepper = randomBytes(32);
  return (secret) => `client_${createHmac('sha256', pepper).update(secret).digest('hex').slice(0, 16)}`;
}

export default fp<AuthOptions>(
  async (app, options) => {
    const { mode } = options;
    const keyless = options.keyless === 'derived' ? byHost : () => () => anonymous;
    const authenticate = (mode === 'client' ? byClient : mode === 'none' ? keyless : byKey)();
    const callerKey = mode === 'client' ? clientCallerKey : mode === 'hybrid' ? hybridCallerKey : noCallerKey;
    app.decorate('auth', { mode, authenticate, callerKey } satisfies Auth);

    /** Whoever has a key of a provider; whether it is one, the provider says. There is nothing to guess, so nothing is counted. */
    function byClient(): Auth['authenticate'] {
      const callers = new ClientPrincipals(options.clientId ?? passingName());
      return (request) => {
        try {
          const secret = clientSecret(request.headers);
          return options.identity.find(secret) === null
            ? callers.of(secret)
            : Promise.reject(new AuthenticationError(gatewayKey));
        } catch (error) {
          return Promise.reject(error);
        }
      };
    }

    function byKey(): Auth['authenticate'] {
      const { identity } = options;
      const countFailure = failedAttempts(app, options.failedAttempts);
      const refuse = async (request: FastifyRequest, message: string): Promise<never> => {
        const { allowed, retryAfterMs } = await countFailure(request);
        throw allowed ? new AuthenticationError(message) : tooManyFailures(retryAfterMs);
      };
      return (request) => {
        const key = presentedKey(request.headers);
        if (key === null) return refuse(request, absentKey);
        return identity.find(key) ?? (identity.problem() === null ? refuse(request, unknownKey) : Promise.reject(notNow()));
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

import fp from 'fastify-plugin';
import { GatewayError, ValidationError } from './errors/classes.ts';
import type { Exchange } from './exchange/index.ts';

// The header `idempotency-key`: of calls of one principal with one key, one at a time is sent. What a finished call answered is not
// kept, so a key is free again once its call has settled.

/** `fastify.idempotency`. */
export interface Idempotency {
  /** Keys of calls under way. */
  readonly size: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    idempotency: Idempotency;
  }
}

const header = 'idempotency-key';
/** Printable ASCII. */
const wellFormed = /^[\x20-\x7e]{1,255}$/;
/** The call under way may take minutes; asking again costs little. Milliseconds. */
const askAgainAfter = 1_000;

/** A call under way that goes by its key. Its body is held by the call anyway. */
interface Claim {
  readonly exchange: Exchange;
  readonly body: Buffer;
}

const inUse = (): GatewayError =>
  new GatewayError(
    409,
    'invalid_request_error',
    'idempotency_key_in_use',
    'A call with this idempotency-key is under way. Wait until it has ended; it is sent only once.',
    { param: header, shouldRetry: true, retryAfterMs: askAgainAfter },
  );

const reused = (): ValidationError =>
  new ValidationError(
    'A call with this idempotency-key and another body is under way. Use a new key for each different request.',
    header,
    'idempotency_key_reused',
  );

/** One for each principal and key; without a key of the gateway all callers are one. */
const nameOf = ({ principal }: Exchange, key: string): string => `${principal.keyId ?? ''}\n${key}`;

export default fp(
  async (app) => {
    /** No more than there are open exchanges. */
    const claims = new Map<string, Claim>();
    app.decorate('idempotency', {
      get size() {
        return claims.size;
      },
    } satisfies Idempotency as Idempotency);

    app.addHook('preHandler', (request, _reply, done) => {
      const key = request.headers[header];
      if (key === undefined || request.callBody === null || request.exchange === null) {
        done();
        return;
      }
      done(refusal(request.exchange, String(key), request.callBody.bytes) ?? undefined);
    });

    /** Null when the call may go on; it has the key then. */
    function refusal(exchange: Exchange, key: string, body: Buffer): GatewayError | null {
      if (!wellFormed.test(key)) {
        return new ValidationError('The header idempotency-key takes 1 to 255 characters of printable ASCII.', header);
      }
      const name = nameOf(exchange, key);
      const other = claims.get(name);
      if (other !== undefined) {
        return other.exchange.operation === exchange.operation && other.body.equals(body) ? inUse() : reused();
      }
      // Its caller left while the body came: nothing would free the key.
      if (!exchange.settled) claims.set(name, { exchange, body });
      return null;
    }

    app.exchanges.onSettled((exchange, request) => {
      if (claims.size === 0) return;
      const key = request.headers[header];
      if (key === undefined) return;
      const name = nameOf(exchange, String(key));
      if (claims.get(name)?.exchange === exchange) claims.delete(name);
    });
  },
  { name: 'idempotency', dependencies: ['exchange', 'body'], fastify: '5.x' },
);

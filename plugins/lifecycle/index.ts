import fp from 'fastify-plugin';
import { UnavailableError } from '../errors/classes.ts';

/** `fastify.lifecycle`: where the process is between start and exit. */
export interface Lifecycle {
  /** Readiness is false, calls are still taken. */
  draining: boolean;
  /** New calls are refused; those under way go on. */
  refusing: boolean;
}

declare module 'fastify' {
  interface FastifyInstance {
    lifecycle: Lifecycle;
  }
}

export interface LifecycleOptions {
  /** Calls under way together. */
  readonly maxInFlight: number;
}

/**
 * Refuses new calls with the reason: while too many are under way, and, on connections that are told to close, once the process
 * is on its way out.
 */
export default fp<LifecycleOptions>(
  async (app, options) => {
    const lifecycle: Lifecycle = { draining: false, refusing: false };
    app.decorate('lifecycle', lifecycle);
    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.operation === undefined) {
        done();
        return;
      }
      if (!lifecycle.refusing) {
        done(app.exchanges.open.size > options.maxInFlight ? full() : undefined);
        return;
      }
      void reply.header('connection', 'close');
      done(
        new UnavailableError(
          'This gateway is shutting down; send the request again and it will reach another one.',
          'gateway_draining',
        ),
      );
    });
  },
  { name: 'lifecycle', dependencies: ['errors', 'exchange'], fastify: '5.x' },
);

const full = (): UnavailableError =>
  new UnavailableError('Too many calls are under way; try again shortly.', 'gateway_overloaded');

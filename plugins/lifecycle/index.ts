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

/** Refuses new calls with the reason, on connections that are told to close, once the process is on its way out. */
export default fp(
  async (app) => {
    const lifecycle: Lifecycle = { draining: false, refusing: false };
    app.decorate('lifecycle', lifecycle);
    app.addHook('onRequest', (request, reply, done) => {
      if (!lifecycle.refusing || request.routeOptions.config.operation === undefined) {
        done();
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
  { name: 'lifecycle', dependencies: ['errors'], fastify: '5.x' },
);

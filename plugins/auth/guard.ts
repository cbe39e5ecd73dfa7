import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Principal } from '../exchange/index.ts';

/** What the call goes by from now on. Throws `ValidationError`. */
function admit(app: FastifyInstance, request: FastifyRequest, principal: Principal): void {
  request.exchange.principal = principal;
  request.exchange.callerKey = app.auth.callerKey(request.headers);
}

/** Lets a call pass once its principal is known; judged by the matched route, never by the path or the `Host` as sent. */
export default fp(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.config.auth !== 'key') {
        done();
        return;
      }
      const principal = app.auth.authenticate(request);
      if (principal instanceof Promise) {
        principal.then((late) => admit(app, request, late)).then(() => done(), done);
        return;
      }
      try {
        admit(app, request, principal);
      } catch (error) {
        done(error as Error);
        return;
      }
      done();
    });
  },
  { name: 'auth-guard', dependencies: ['auth', 'exchange'], fastify: '5.x' },
);

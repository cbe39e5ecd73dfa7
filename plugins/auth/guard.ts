import fp from 'fastify-plugin';

/** Lets a call pass once its principal is known; judged by the matched route, never by the path or the `Host` as sent. */
export default fp(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.routeOptions.config.auth !== 'key') {
        done();
        return;
      }
      const principal = app.auth.authenticate(request);
      if (!(principal instanceof Promise)) {
        request.exchange.principal = principal;
        done();
        return;
      }
      principal.then(
        (late) => {
          request.exchange.principal = late;
          done();
        },
        (error: Error) => done(error),
      );
    });
  },
  { name: 'auth-guard', dependencies: ['auth', 'exchange'], fastify: '5.x' },
);

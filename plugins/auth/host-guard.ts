import fp from 'fastify-plugin';
import { isLocal, type ListenAddress } from '../../config/listen.ts';
import { isLoopbackHost } from './loopback-host.ts';

const foreign =
  'This listener is for this machine only: call it as localhost, 127.0.0.1 or [::1], or let it listen elsewhere (MANAGEMENT_LISTEN).';

/**
 * A listener bound to loopback answers only requests whose `Host` is loopback too: a web page whose name was made to resolve
 * here (DNS rebinding) reads nothing. Other addresses, and unix sockets, are left alone.
 */
export default fp<{ readonly address: ListenAddress | string }>(
  async (app, options) => {
    const { address } = options;
    if (typeof address === 'string' || address.kind === 'unix' || !isLocal(address)) return;
    app.addHook('onRequest', (request, _reply, done) => {
      done(isLoopbackHost(request.headers.host) ? undefined : app.httpErrors.forbidden(foreign));
    });
  },
  { name: 'host-guard', dependencies: ['@fastify/sensible'], fastify: '5.x' },
);

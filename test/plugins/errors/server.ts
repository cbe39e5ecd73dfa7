import Fastify, { type FastifyInstance } from 'fastify';
import errors from '../../../plugins/errors/index.ts';
import { refuseOddRequests } from '../../../plugins/errors/socket.ts';
import { apiServerOptions } from '../../../plugins/http-server.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';

/** `server` settings of the configuration, milliseconds and bytes. */
export const serverSettings: Config['server'] = {
  listen: '127.0.0.1:0',
  workers: 1,
  body_limit: 1_000,
  bodies_in_flight: 100_000_000,
  max_in_flight: 1_000,
  max_header_size: 4_096,
  header_timeout: 10_000,
  body_timeout: 60_000,
  write_timeout: 60_000,
  keep_alive_timeout: 5_000,
  max_connections: 100,
  max_requests_per_socket: 0,
  keep_alive_comments: 0,
  trust_proxy: [],
  cors: { origins: [] },
  overload: { unready_above: 0, shed_above: 0, target: 0 },
  shutdown: { delay: 0, timeout: 1_000 },
};

/** A server as the gateway makes it, with the errors plugin; `plan` adds plugins and routes before it listens. */
export async function startServer(
  plan: (app: FastifyInstance) => unknown = () => {},
  changes: Partial<Config['server']> = {},
): Promise<{ app: FastifyInstance; url: string }> {
  const silent = Fastify().log;
  const options = apiServerOptions({ server: { ...serverSettings, ...changes } } as Config, silent);
  // Node looks for slow requests at this interval; tests do not wait for the real one.
  const app = Fastify({ ...options, http: { ...options.http, connectionsCheckingInterval: 25 } }) as unknown as FastifyInstance;
  whenDone(() => app.close());
  await app.register(errors, { notFound: (request) => `Nothing is at ${request.url.split('?', 1)[0]}.`, random: () => 0 });
  await plan(app);
  refuseOddRequests(app.server);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url };
}

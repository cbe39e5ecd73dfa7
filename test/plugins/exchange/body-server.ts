import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import body from '../../../plugins/body.ts';
import errors from '../../../plugins/errors/index.ts';
import exchange from '../../../plugins/exchange/index.ts';
import type { CallBody } from '../../../providers/provider.ts';
import type { Config } from '../../../schemas/config.ts';
import { whenDone } from '../../helper/cleanup.ts';

export const json = { 'content-type': 'application/json' };

/** The body plugin with a route that keeps what it got. */
export async function build(
  schema: object = {},
  logger: FastifyServerOptions['logger'] = false,
  inFlightLimit = 1_000_000,
): Promise<{ app: FastifyInstance; bodies: CallBody[] }> {
  const app = Fastify({
    logger,
    bodyLimit: 100_000,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  });
  whenDone(() => app.close());
  const bodies: CallBody[] = [];
  await app.register(errors, { notFound: () => 'not here' });
  await app.register(exchange, { config: () => ({}) as Config });
  await app.register(body, { limit: 100_000, inFlightLimit });
  app.post('/', { schema, config: { operation: 'test' } }, async (request) => {
    bodies.push(request.callBody);
    return {};
  });
  return { app, bodies };
}

/** Posts to it without a socket. */
export async function post(payload: string | Buffer | undefined, headers: Record<string, string> = json, schema: object = {}) {
  const { app, bodies } = await build(schema);
  const reply = await app.inject({ method: 'POST', url: '/', headers, ...(payload === undefined ? {} : { payload }) });
  const error =
    reply.statusCode === 200 ? null : (reply.json() as { error: { code: string; param: string | null; message: string } }).error;
  return { status: reply.statusCode, error, text: reply.body, received: bodies[0] };
}

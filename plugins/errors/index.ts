import { randomUUID } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { requestIdOf } from '../exchange/ids.ts';
import { NotFoundError } from './classes.ts';
import { envelope, errorHeaders, toGatewayError } from './envelope.ts';

export * from './classes.ts';

export interface ErrorsOptions {
  /** What a 404 tells the caller: where the API is. */
  readonly notFound: (request: FastifyRequest) => string;
  /** Numbers in [0, 1). */
  readonly random?: (() => number) | undefined;
}

/** Sends any failure in the envelope; faults of ours are logged with their cause, the caller sees none of it. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, random = Math.random): void {
  const failure = toGatewayError(error);
  if (failure.status === 500) request.log.error({ err: error }, 'request failed');
  const exchange = request.exchange;
  if (exchange && !exchange.settled) {
    exchange.outcome = 'failed';
    exchange.reason ??= failure.code;
  }
  // Before routing there is no exchange; the caller's own id still connects its log with this answer.
  if (!exchange) void reply.header('x-request-id', requestIdOf(request.headers['x-request-id']) ?? randomUUID());
  void reply.code(failure.status).headers(errorHeaders(failure, random)).send(envelope(failure));
}

/** `frameworkErrors` of the server: failures before routing, such as a URL that cannot be decoded. */
export function onFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendError(error, request, reply);
}

export default fp<ErrorsOptions>(
  async (app, options) => {
    const random = options.random ?? Math.random;
    app.setErrorHandler((error, request, reply) => sendError(error, request, reply, random));
    const refuse = (request: FastifyRequest, reply: FastifyReply): void =>
      sendError(new NotFoundError(options.notFound(request)), request, reply);
    app.setNotFoundHandler(refuse);
    // Before the body is read: up to `server.body_limit` of it was taken from anybody, and parsed, to be told the same.
    app.addHook('preParsing', (request, reply, payload, done) => {
      if (request.is404) refuse(request, reply);
      else done(null, payload);
    });
  },
  { name: 'errors', fastify: '5.x' },
);

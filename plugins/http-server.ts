import type { IncomingMessage, Server } from 'node:http';
import { type FastifyBaseLogger, type FastifyHttpOptions, LogController } from 'fastify';
import type { Config } from '../schemas/config.ts';
import { onFrameworkError } from './errors/index.ts';
import { onClientError } from './errors/socket.ts';

// What both HTTP servers are told. The framework's defaults are not a gateway's: no limit on how long a request may take to
// arrive, prompts rewritten by the validator, a request line logged twice.

/** How often Node looks for requests that arrive too slowly; its own 30 s would let each of them stay that much longer. */
const slowRequestCheckMs = 5_000;

/** Validation never changes what was sent. Our own schemas are not validated in turn: compiling the meta schema took 70 ms of the start. */
const validator = {
  customOptions: {
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: false,
    allErrors: false,
    strict: false,
    validateSchema: false,
  },
} as const;

function serverOptions(config: Config, logger: FastifyBaseLogger) {
  return {
    loggerInstance: logger,
    // One logger for all: a child per request costs more than the request's one line.
    childLoggerFactory: (parent: FastifyBaseLogger) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false as const,
    return503OnClosing: false,
    forceCloseConnections: true,
    requestTimeout: config.server.body_timeout,
    keepAliveTimeout: config.server.keep_alive_timeout,
    maxRequestsPerSocket: config.server.max_requests_per_socket,
    bodyLimit: config.server.body_limit,
    frameworkErrors: onFrameworkError,
    clientErrorHandler: onClientError,
    ajv: validator,
    http: {
      maxHeaderSize: config.server.max_header_size,
      headersTimeout: config.server.header_timeout,
      connectionsCheckingInterval: slowRequestCheckMs,
      keepAlive: true,
      // Refused by http-rules in the envelope; Node would answer without a body.
      requireHostHeader: false,
    },
  };
}

/** First path segments of the API; they answer without `/v1` too. */
const versionless = /^\/(chat\/completions|embeddings|responses|models)(?=[/?]|$)/;

export function apiServerOptions(config: Config, logger: FastifyBaseLogger): FastifyHttpOptions<Server> {
  const trusted = [...config.server.trust_proxy];
  return {
    ...serverOptions(config, logger),
    trustProxy: trusted.length === 0 ? false : trusted,
    rewriteUrl: (request: IncomingMessage) => {
      const url = request.url ?? '/';
      return url.startsWith('/v1/') || !versionless.test(url) ? url : `/v1${url}`;
    },
  } as FastifyHttpOptions<Server>;
}

export function managementServerOptions(config: Config, logger: FastifyBaseLogger): FastifyHttpOptions<Server> {
  return {
    ...serverOptions(config, logger),
    bodyLimit: 1_048_576,
  } as FastifyHttpOptions<Server>;
}

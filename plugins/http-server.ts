import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyBaseLogger, type FastifyHttpOptions, type FastifyServerFactory, LogController } from 'fastify';
import type { Config } from '../schemas/config.ts';
import { onFrameworkError } from './errors/index.ts';
import { onClientError } from './errors/socket.ts';

// What both HTTP servers are told. The framework's defaults are not a gateway's: no limit on how long a request may take to
// arrive, prompts rewritten by the validator, a request line logged twice.

/** How often Node looks for requests that arrive too slowly; its own 30 s would let each of them stay that much longer. */
const slowRequestCheckMs = 5_000;
/** Header lines of one request. Past its own limit Node once lost sight of lines it still framed by (CVE-2026-58044). */
const headerLines = 1_000;
/**
 * Requests of one connection that may wait behind another one. Node reads no further while answers pile up, but handles all
 * that came in one packet: 1,300 calls of a list of 42 KB would hold 55 MB for a caller who reads nothing.
 */
const waitingRequests = 100;
/** Idle connections are closed for new ones at most this often. */
const reclaimMs = 1_000;

/** Largest bodies in bytes where nothing as large as `server.body_limit` is legitimate. */
export const bodyLimits = {
  /** 300,000 tokens, the most one request may hold, are about 2 MB as text or as ids. */
  embeddings: 8 * 1024 * 1024,
  management: 64 * 1024,
  /** A call that is only asked about. */
  explain: 1024 * 1024,
  /** GET, HEAD, OPTIONS, TRACE: a body means nothing there and is not read; some clients send `{}`. */
  unused: 1_024,
} as const;

/** Limits of one listener by Node's names. Milliseconds, bytes and counts; 0 is no limit. */
export interface ServerLimits {
  readonly requestTimeout: number;
  readonly headersTimeout: number;
  readonly keepAliveTimeout: number;
  readonly connectionsCheckingInterval: number;
  /** Without a byte in either direction, for whatever the other limits leave out. */
  readonly timeout: number;
  readonly maxHeaderSize: number;
  readonly maxHeadersCount: number;
  readonly maxRequestsPerSocket: number;
  readonly maxConnections: number;
}

/** Where a limit comes from, for messages; those without a setting are constants of this file. */
const settings: Partial<Record<keyof ServerLimits, string>> = {
  requestTimeout: 'server.body_timeout',
  headersTimeout: 'server.header_timeout',
  keepAliveTimeout: 'server.keep_alive_timeout',
  maxHeaderSize: 'server.max_header_size',
  maxRequestsPerSocket: 'server.max_requests_per_socket',
  maxConnections: 'max_connections',
};

/** Of these connections the last ones are told that there are too many; past `max` they are closed without a word. */
export const spareOf = (max: number): number => Math.min(256, Math.floor(max / 20));

/** Sees every request before the framework does; true when it has answered it. */
export type Gate = (request: IncomingMessage, response: ServerResponse) => boolean;

interface Listener {
  readonly limits: ServerLimits;
  /** Of this listener and those of its other addresses. */
  readonly gate: { refuses: Gate | null };
  /** Milliseconds in which a caller has to take something of an answer. */
  readonly writeTimeout: number;
  /** One more server of the same kind, for a host name with a second address. */
  readonly another: () => Server;
}

const listeners = new WeakMap<Server, Listener>();
/** What the server was made for; undefined for one that was made elsewhere. */
export const listenerOf = (server: Server): Listener | undefined => listeners.get(server);

/** Added to the idle time of a connection, for clients whose clock is slower. Odd, so that the sum is no other timeout's length. */
const keepAliveBufferMs = 1_013;

const surplus = new WeakSet<Socket>();
const closing = new WeakSet<Socket>();
const waiting = new WeakMap<Socket, number>();

/** The connection came when nearly as many were open as may be: its first request is to be refused. */
export const isSurplus = (socket: Socket): boolean => surplus.has(socket);

/**
 * Makes this answer the last of its connection. Requests that are already behind it in the same packet are not handled:
 * Node hands them over before the connection is closed, and their answers would never be sent.
 */
export function closeAfter(request: IncomingMessage, response: ServerResponse): void {
  response.shouldKeepAlive = false;
  closing.add(request.socket);
}

/** A request came whose answer has to wait for another one. False when too many do; the connection is closed. */
function mayWait(socket: Socket, response: ServerResponse): boolean {
  const count = (waiting.get(socket) ?? 0) + 1;
  if (count > waitingRequests) {
    closing.add(socket);
    socket.destroy();
    return false;
  }
  waiting.set(socket, count);
  response.once('socket', () => waiting.set(socket, waiting.get(socket)! - 1));
  return true;
}

function countConnections(server: Server, max: number): void {
  const open = new Set<Socket>();
  let reclaimed = 0;
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size <= max - spareOf(max)) return;
    surplus.add(socket);
    const now = Date.now();
    if (Math.abs(now - reclaimed) < reclaimMs) return;
    reclaimed = now;
    // `closeIdleConnections` would also end those whose first request is on its way. Node gives this timeout to a connection
    // between two requests only, see `keepAliveBufferMs`.
    const kept = server.keepAliveTimeout + server.keepAliveTimeoutBuffer;
    for (const each of open) if (each.timeout === kept) each.destroy();
  });
}

function factory(limits: ServerLimits, writeTimeout: number): FastifyServerFactory<Server> {
  return (handler, options) => {
    const { requestTimeout, headersTimeout, keepAliveTimeout, maxHeaderSize, connectionsCheckingInterval } = limits;
    const gate: Listener['gate'] = { refuses: null };
    const own = { requestTimeout, headersTimeout, keepAliveTimeout, maxHeaderSize, connectionsCheckingInterval };
    const make = (): Server => {
      const served = new WeakMap<Socket, number>();
      const server = createServer({ ...own, ...(options.http as ServerOptions) }, (request, response) => {
        const { socket } = request;
        if (closing.has(socket)) return;
        if (response.socket === null && !mayWait(socket, response)) return;
        if (limits.maxRequestsPerSocket > 0) {
          const count = (served.get(socket) ?? 0) + 1;
          served.set(socket, count);
          if (count >= limits.maxRequestsPerSocket) closeAfter(request, response);
        }
        if (gate.refuses === null || !gate.refuses(request, response)) handler(request, response);
      });
      server.timeout = limits.timeout;
      server.keepAliveTimeoutBuffer = keepAliveBufferMs;
      server.maxHeadersCount = limits.maxHeadersCount;
      server.maxRequestsPerSocket = limits.maxRequestsPerSocket;
      server.maxConnections = limits.maxConnections;
      countConnections(server, limits.maxConnections);
      listeners.set(server, { limits, gate, writeTimeout, another: () => make().on('clientError', onClientError) });
      return server;
    };
    return make();
  };
}

/** Throws when a limit is not in force on the server, as after an upgrade that renamed an option, or when it is switched off. */
export function assertLimits(server: Server): void {
  const listener = listeners.get(server);
  if (listener === undefined) return;
  for (const [name, wanted] of Object.entries(listener.limits) as [keyof ServerLimits, number][]) {
    const setting = settings[name] ?? name;
    const actual = (server as unknown as Record<string, unknown>)[name];
    if (actual !== wanted) {
      throw new Error(
        `the HTTP server has ${name} ${String(actual)} instead of ${wanted} (${setting}); this Node or Fastify does not apply it`,
      );
    }
    if (wanted <= 0 && name !== 'maxRequestsPerSocket') throw new Error(`${setting} is 0, which is no limit; set one`);
  }
}

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

function limits(config: Config, timeout: number, maxConnections: number): ServerLimits {
  const { server } = config;
  return {
    requestTimeout: server.body_timeout,
    // Node refuses a head that may take longer than the whole.
    headersTimeout: Math.min(server.header_timeout, server.body_timeout),
    keepAliveTimeout: server.keep_alive_timeout,
    connectionsCheckingInterval: slowRequestCheckMs,
    timeout,
    maxHeaderSize: server.max_header_size,
    maxHeadersCount: headerLines,
    maxRequestsPerSocket: server.max_requests_per_socket,
    maxConnections,
  };
}

function serverOptions(config: Config, logger: FastifyBaseLogger, allowed: ServerLimits) {
  return {
    loggerInstance: logger,
    // One logger for all: a child per request costs more than the request's one line.
    childLoggerFactory: (parent: FastifyBaseLogger) => parent,
    logController: new LogController({ disableRequestLogging: true }),
    requestIdHeader: false as const,
    return503OnClosing: false,
    forceCloseConnections: true,
    serverFactory: factory(allowed, config.server.write_timeout),
    requestTimeout: config.server.body_timeout,
    keepAliveTimeout: config.server.keep_alive_timeout,
    maxRequestsPerSocket: config.server.max_requests_per_socket,
    frameworkErrors: onFrameworkError,
    clientErrorHandler: onClientError,
    ajv: validator,
    http: {
      keepAlive: true,
      // Refused by http-rules in the envelope; Node would answer without a body.
      requireHostHeader: false,
    },
  };
}

/** First path segments of the API; they answer without `/v1` too. */
const versionless = /^\/(chat\/completions|embeddings|responses|models)(?=[/?]|$)/;

/** The longest a call may be silent on its way to an answer that comes in one piece. Milliseconds. */
function longestCall({ timeouts, providers, models }: Config): number {
  const own = [...Object.values(providers ?? {}), ...Object.values(models ?? {})].map((each) => each.timeouts?.total ?? 0);
  return Math.max(timeouts?.total ?? 0, ...own);
}

export function apiServerOptions(config: Config, logger: FastifyBaseLogger): FastifyHttpOptions<Server> {
  const { server } = config;
  const trusted = [...server.trust_proxy];
  const timeout = longestCall(config) + server.body_timeout + server.write_timeout;
  return {
    ...serverOptions(config, logger, limits(config, timeout, server.max_connections)),
    bodyLimit: server.body_limit,
    trustProxy: trusted.length === 0 ? false : trusted,
    rewriteUrl: (request: IncomingMessage) => {
      const url = request.url ?? '/';
      return url.startsWith('/v1/') || !versionless.test(url) ? url : `/v1${url}`;
    },
  } as FastifyHttpOptions<Server>;
}

export function managementServerOptions(config: Config, logger: FastifyBaseLogger): FastifyHttpOptions<Server> {
  const timeout = config.server.body_timeout + config.server.write_timeout;
  return {
    ...serverOptions(config, logger, limits(config, timeout, config.management.max_connections)),
    bodyLimit: Math.min(bodyLimits.management, config.server.body_limit),
  } as FastifyHttpOptions<Server>;
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { GatewayError, UnavailableError } from './errors/classes.ts';
import { bodyLimits, closeAfter, isSurplus, listenerOf } from './http-server.ts';

// Requests that two HTTP readers could understand differently, which Node's parser takes: refused before anything looks at them.

/** RFC 3986 §3.2.2 and §3.2.3: a name or address and a port, without user and path. */
const hostForm = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d{0,5})?$/i;

function fault({ rawHeaders, httpVersion, url, method }: FastifyRequest['raw']): string | null {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'only the versions 1.1 and 1.0 are served';
  let host: string | null = null;
  let coding: string | null = null;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    // Lengths first: this runs for every header of every request.
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (host !== null) return 'it has more than one Host header';
      host = rawHeaders[at + 1]!;
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (coding !== null) return 'it has more than one Transfer-Encoding header';
      coding = rawHeaders[at + 1]!;
    }
  }
  if (host === null && httpVersion !== '1.0') return 'it has no Host header';
  if (host !== null && !hostForm.test(host)) return 'its Host is not a host';
  if (coding !== null && httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding';
  if (coding !== null && coding.toLowerCase() !== 'chunked') return 'the only Transfer-Encoding taken is "chunked"';
  if (url?.charCodeAt(0) !== 0x2f && !(url === '*' && method === 'OPTIONS')) return 'its target is not a path';
  return null;
}

const refusal = (why: string): GatewayError =>
  new GatewayError(400, 'invalid_request_error', 'invalid_http', `The request is not valid HTTP/1.1: ${why}.`, {
    shouldRetry: false,
  });

const full = (): GatewayError => new UnavailableError('Too many connections are open; try again shortly.', 'gateway_overloaded');

const unwanted = (): GatewayError =>
  new GatewayError(
    413,
    'invalid_request_error',
    'request_too_large',
    `A request of this kind has no body; more than ${bodyLimits.unused} bytes are not taken.`,
    { shouldRetry: false },
  );

const bodyless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * A body that nobody reads is still taken off the connection. One in chunks has no length to be refused by, so its answer is the
 * last one there, and no more of it is read than that: gone without a word, the next request had no answer.
 */
function limitUnused(request: FastifyRequest, reply: FastifyReply): GatewayError | null {
  const { headers, raw } = request;
  if (Number(headers['content-length'] ?? 0) > bodyLimits.unused) return unwanted();
  if (headers['transfer-encoding'] === undefined) return null;
  closeAfter(raw, reply.raw);
  void reply.header('connection', 'close');
  let size = 0;
  raw.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bodyLimits.unused || raw.isPaused()) return;
    raw.pause();
    if (reply.raw.writableFinished) raw.socket.destroy();
    else reply.raw.once('finish', () => raw.socket.destroy());
  });
  return null;
}

/**
 * RFC 9112 §3.2 and §6.1: one valid Host, a path as target, no transfer coding but `chunked` and none before HTTP/1.1. Also
 * refused: requests on connections that are too many, and bodies where none belongs. What the framework answers has to be read.
 */
export default fp(
  async (app) => {
    const refuse = (request: FastifyRequest, reply: FastifyReply, error: GatewayError): GatewayError => {
      closeAfter(request.raw, reply.raw);
      void reply.header('connection', 'close');
      return error;
    };
    app.addHook('onRoute', (route) => {
      const operation = route.config?.operation;
      if (operation === 'embeddings') route.bodyLimit = Math.min(bodyLimits.embeddings, app.initialConfig.bodyLimit!);
    });
    app.addHook('onRequest', (request, reply, done) => {
      // An upgrade is not followed. Node 26.10 then drops what came behind the request in the same packet, and would read the
      // next packet as the start of a request, wherever it is in one.
      if (request.headers.upgrade !== undefined) closeAfter(request.raw, reply.raw);
      const why = fault(request.raw);
      if (why !== null) done(refuse(request, reply, refusal(why)));
      else if (isSurplus(request.raw.socket)) done(refuse(request, reply, full()));
      else done(bodyless.has(request.method) ? (limitUnused(request, reply) ?? undefined) : undefined);
    });
    const listener = listenerOf(app.server);
    if (listener === undefined) return;
    // Hijacked replies are watched by whoever hijacks them.
    app.addHook('onSend', (request, reply, payload, done) => {
      const { socket } = request.raw;
      reply.raw.setTimeout(listener.writeTimeout);
      // First of all: Node sets it back for an idle connection, but not for one on which the next request is waiting.
      reply.raw.prependOnceListener('finish', () => socket.setTimeout(listener.limits.timeout));
      done(null, payload);
    });
  },
  { name: 'http-rules', dependencies: ['errors'], fastify: '5.x' },
);

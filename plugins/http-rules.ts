import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { GatewayError } from './errors/classes.ts';

// Requests that two HTTP readers could understand differently, which Node's parser takes: refused before anything looks at them.

function fault({ rawHeaders, httpVersion, url, method }: FastifyRequest['raw']): string | null {
  let hosts = 0;
  let encodings = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    // Lengths first: this runs for every header of every request.
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') encodings++;
  }
  if (hosts > 1) return 'it has more than one Host header';
  if (hosts === 0 && httpVersion !== '1.0') return 'it has no Host header';
  if (encodings > 0 && httpVersion === '1.0') return 'HTTP/1.0 has no Transfer-Encoding';
  if (url?.charCodeAt(0) !== 0x2f && method !== 'OPTIONS') return 'its target is not a path';
  return null;
}

/** RFC 9112 §3.2 and §6.1: one Host, a path as target, no transfer coding before HTTP/1.1. */
export default fp(
  async (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      const why = fault(request.raw);
      if (why === null) {
        done();
        return;
      }
      void reply.header('connection', 'close');
      const message = `The request is not valid HTTP/1.1: ${why}.`;
      done(new GatewayError(400, 'invalid_request_error', 'invalid_http', message, { shouldRetry: false }));
    });
  },
  { name: 'http-rules', dependencies: ['errors'], fastify: '5.x' },
);

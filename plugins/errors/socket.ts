import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { requestIdOf } from '../exchange/ids.ts';
import { GatewayError } from './classes.ts';
import { envelope, errorHeaders } from './envelope.ts';

// Failures below the framework: what the HTTP parser refuses never becomes a request, so it is answered on the socket.

interface ParserError extends Error {
  readonly code?: string;
}

function fromParser(error: ParserError): GatewayError {
  const details = { shouldRetry: false };
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new GatewayError(431, 'invalid_request_error', 'header_too_large', 'The request headers are too large.', details);
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new GatewayError(408, 'invalid_request_error', 'request_timeout', 'The request did not arrive in time.', details);
  }
  return new GatewayError(400, 'invalid_request_error', 'invalid_http', 'The request is not valid HTTP/1.1.', details);
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** `clientErrorHandler` of the server: answers in the envelope and closes. */
export function onClientError(error: ParserError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) {
    socket.destroy();
    return;
  }
  if (!socket.writable || socket.bytesWritten > 0) {
    // Part of a response may be out already: anything more would be read as its continuation.
    socket.destroy();
    return;
  }
  const failure = fromParser(error);
  const body = envelope(failure);
  const headers = Object.entries({
    ...errorHeaders(failure),
    'x-request-id': randomUUID(),
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
  });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${failure.status} ${reasons[failure.status]}\r\n${head}\r\n${body}`, () => socket.destroySoon());
}

/** Answers what Node would otherwise answer without a body: an unknown `Expect`, and `CONNECT` or `Upgrade`. */
export function refuseOddRequests(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const failure = new GatewayError(
      417,
      'invalid_request_error',
      'expectation_failed',
      'The only expectation served here is "100-continue".',
      { shouldRetry: false },
    );
    const id = requestIdOf(request.headers['x-request-id']) ?? randomUUID();
    response.writeHead(failure.status, { ...errorHeaders(failure), 'x-request-id': id, connection: 'close' });
    response.end(envelope(failure));
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    onClientError(Object.assign(new Error('CONNECT'), { code: 'HPE_INVALID_METHOD' }), socket);
  });
}

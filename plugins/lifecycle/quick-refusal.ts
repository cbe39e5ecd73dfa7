import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatewayError } from '../errors/classes.ts';
import { envelope, errorHeaders } from '../errors/envelope.ts';
import { requestIdOf } from '../exchange/ids.ts';

/**
 * Answers with one and the same failure past the framework, on connections that stay open. `random`: numbers in [0, 1), for how
 * long callers are told to wait.
 */
export function quickRefusal(
  error: GatewayError,
  random: () => number,
): (request: IncomingMessage, response: ServerResponse) => void {
  const body = Buffer.from(envelope(error));
  const names = ['retry-after', 'retry-after-ms'] as const;
  const fixed = Object.entries(errorHeaders(error, random)).filter(([name]) => !names.some((each) => each === name));
  const head = [...fixed.flat(), 'content-length', String(body.length)];
  return (request, response) => {
    const headers = head.slice();
    const told = errorHeaders(error, random);
    for (const name of names) if (told[name] !== undefined) headers.push(name, told[name]);
    headers.push('x-request-id', requestIdOf(request.headers['x-request-id']) ?? randomUUID());
    response.writeHead(error.status, headers);
    response.end(body);
  };
}

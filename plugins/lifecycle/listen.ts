import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type ListenAddress, parseListen } from '../../config/listen.ts';
import { refuseOddRequests } from '../errors/socket.ts';

/** A listener that could not be opened; the message says which, why and what to do. */
export class ListenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ListenError';
  }
}

const why: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there; stop it, or choose another port',
  EACCES: 'this user may not listen there; choose a port above 1023 or another path',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name does not resolve',
};

/** False when nobody listens on the socket file, as a killed process leaves it behind; true in case of doubt (a full backlog). */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

/** Removes a socket file that nobody listens on any more. Anything else at that path is left as it is. */
async function clearSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('a file that is no socket is there; remove it, or choose another path');
  if (!(await isAnswered(path))) rmSync(path, { force: true });
}

/** Opens one listener. `variable` names the setting in messages. Returns its URL (`http://host:port`, or `unix:/path`). */
export async function openListener(
  app: FastifyInstance,
  setting: string,
  variable: string,
  maxConnections: number | null,
): Promise<string> {
  const address = parseListen(setting);
  if (typeof address === 'string') throw new ListenError(`${variable}=${setting}: ${address}.`);
  refuseOddRequests(app.server);
  if (maxConnections !== null) app.server.maxConnections = maxConnections;
  try {
    if (address.kind === 'unix') await clearSocket(address.path);
    await app.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port });
  } catch (error) {
    const reason = why[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new ListenError(`Cannot listen on ${setting}: ${reason} (${variable}).`);
  }
  return urlOf(app, address);
}

function urlOf(app: FastifyInstance, address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const bound = app.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  const wildcard = address.host === '::' || address.host === '0.0.0.0';
  const host = wildcard ? '127.0.0.1' : address.host.includes(':') ? `[${address.host}]` : address.host;
  return `http://${host}:${port}`;
}

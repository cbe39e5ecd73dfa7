import { lookup } from 'node:dns/promises';
import { lstatSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type ListenAddress, parseListen } from '../../config/listen.ts';
import { refuseOddRequests } from '../errors/socket.ts';
import { assertLimits, closeAfter, listenerOf } from '../http-server.ts';

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

/** Files this process may have open, null where that cannot be read (it is Linux that says so). Node raises it to the hard limit. */
function openFileLimit(): number | null {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}

/** Open files beside the callers' connections: the ledger, logs, and some connections to providers. */
const otherFiles = 64;

/** Null while the connections of `server` fit into the files this process may open; else what is wrong and what to do. */
export function filesWarning(server: Server, allowed: number | null): string | null {
  const wanted = (server.maxConnections ?? 0) + otherFiles;
  if (allowed === null || wanted <= allowed) return null;
  return (
    `max_connections is ${server.maxConnections}, and this process may open ${allowed} files: ` +
    `raise the limit (ulimit -n) to ${wanted} and one more per call under way, or lower max_connections.`
  );
}

/** An answer that is not the framework's ends the connection too, with nothing handled that came behind the request. */
function refuse(server: Server): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => closeAfter(request, response));
  refuseOddRequests(server);
}

const others = new WeakMap<Server, readonly Server[]>();
/** Every server of a listener: one for each address of its host name. */
export const serversOf = (main: Server): readonly Server[] => [main, ...(others.get(main) ?? [])];

/** RFC 6761 §6.3: `localhost` is every loopback address there is; one server has one address. Resolves when the others listen. */
async function openOthers(app: FastifyInstance, host: string): Promise<void> {
  const main = app.server.address();
  const another = listenerOf(app.server)?.another;
  if (host !== 'localhost' || another === undefined || typeof main !== 'object' || main === null) return;
  const found = await lookup(host, { all: true }).catch(() => []);
  for (const { address } of found) {
    if (address === main.address) continue;
    const server = another();
    refuse(server);
    assertLimits(server);
    const opened = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(main.port, address, () => resolve(true));
    });
    if (!opened) continue;
    others.set(app.server, [...(others.get(app.server) ?? []), server]);
    app.server.once('close', () => {
      server.close();
      // While draining, that comes with the end of its own last connection, and this one may have calls under way.
      if (!app.hasDecorator('lifecycle') || !app.lifecycle.draining) server.closeAllConnections();
    });
  }
}

/**
 * Opens one listener. `variable` names the setting in messages. Returns its URL (`http://host:port`, or `unix:/path`). Throws
 * `ListenError` when it cannot be opened, or when a limit that its server was given is not in force.
 */
export async function openListener(app: FastifyInstance, setting: string, variable: string): Promise<string> {
  const address = parseListen(setting);
  if (typeof address === 'string') throw new ListenError(`${variable}=${setting}: ${address}.`);
  refuse(app.server);
  try {
    assertLimits(app.server);
    if (address.kind === 'unix') await clearSocket(address.path);
    await app.listen(address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port });
    if (address.kind !== 'unix') await openOthers(app, address.host);
  } catch (error) {
    const reason = why[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message;
    throw new ListenError(`Cannot listen on ${setting}: ${reason} (${variable}).`);
  }
  const warning = filesWarning(app.server, openFileLimit());
  if (warning !== null) app.log.warn(`${variable}: ${warning}`);
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

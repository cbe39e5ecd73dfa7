import type { Server as HttpServer } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { serversOf } from './listen.ts';

/** After the hard deadline the interrupted exchanges have this long to write their last event and settle. */
const settleMs = 1_000;
const idleSweepMs = 50;
/** The end of the delay, at most half of it: nobody can connect any more, calls on open connections are taken and end them. */
const partingMs = 1_000;
/** After the delay, a connection whose answer did not say that it ends is spared for this long after that answer. */
const sparedMs = 300;
/** Turns of the event loop in which connections may go on coming before the port is closed all the same. */
const mostTurns = 100;

/**
 * Leaves in order: readiness false at once; calls are still taken for `delay`, in its last part on connections that are open;
 * then new ones are refused, those under way finish; at `timeout` the rest are interrupted. Milliseconds. Resolves when
 * nothing is open any more.
 */
export async function drain(api: FastifyInstance, delay: number, timeout: number): Promise<void> {
  const { lifecycle, exchanges } = api;
  const servers = serversOf(api.server);
  const closeIdle = () => {
    for (const server of servers) server.closeIdleConnections();
  };
  lifecycle.draining = true;
  let spared = Promise.resolve();
  if (delay > 0) {
    const parting = Math.min(partingMs, delay / 2);
    await sleep(delay - parting);
    await part(api, servers, parting);
    await arrived(servers);
    spared = spare(api, servers);
  }
  lifecycle.refusing = true;
  closeIdle();
  // Idle keep-alive sockets would hold the close for up to keep_alive_timeout (measured: 74 s with Node's default of 72 s).
  const sweep = delay > 0 ? undefined : setInterval(closeIdle, idleSweepMs);
  const deadline = new AbortController();
  const idle = exchanges.idle().then(() => spared);
  await Promise.race([idle, sleep(timeout, undefined, { signal: deadline.signal }).catch(() => {})]);
  deadline.abort();
  for (const exchange of exchanges.open) exchange.cancel('shutdown');
  await Promise.race([exchanges.idle(), sleep(settleMs)]);
  clearInterval(sweep);
}

/** Interrupts what is under way and commits what that settles, in this turn of the event loop: the process ends with it. */
export function leaveAtOnce({ exchanges, usage }: FastifyInstance): void {
  for (const exchange of exchanges.open) exchange.cancel('shutdown');
  usage.flush();
}

/**
 * Resolves when what has come is taken. Timers run ahead of sockets, so a process that had to wait for a CPU would close what
 * a call has come on in the meantime (measured: 1 of 2,000 calls failed where six processes shared two CPUs).
 */
async function arrived(servers: readonly HttpServer[]): Promise<void> {
  let accepted = true;
  const note = () => {
    accepted = true;
  };
  for (const server of servers) server.on('connection', note);
  for (let turn = 0; accepted && turn < mostTurns; turn++) {
    accepted = false;
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const server of servers) server.off('connection', note);
}

/**
 * Moves a proxy away without an error. A refused connection is the only thing a proxy may always answer by asking another
 * server, so the listener is closed first; a connection that it keeps open carries one more call, whose answer says that it
 * ends. Closing idle connections, or refusing calls on them, would fail the call that is just being sent: a POST that has
 * been sent is not repeated. And were the answers told to close while the listener is open, every call would come on a new
 * connection, and those that wait to be accepted are reset when the listener closes.
 */
async function part({ lifecycle }: FastifyInstance, servers: readonly HttpServer[], ms: number): Promise<void> {
  await arrived(servers);
  lifecycle.parting = true;
  // The close of an HTTP server would end its idle connections as well.
  for (const server of servers) Server.prototype.close.call(server);
  await sleep(ms);
}

/**
 * Answers that began before the parting could not say that their connection ends, so the proxy uses it once more: such a
 * connection is closed only when nothing has come for a while. Resolves when no call is open and none is spared.
 */
function spare({ lifecycle, exchanges }: FastifyInstance, servers: readonly HttpServer[]): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      if (lifecycle.spared.size === 0 && exchanges.open.size === 0) resolve();
    };
    exchanges.onSettled((_exchange, request) => {
      const socket: Socket = request.raw.socket;
      if (socket.destroyed || socket.writableEnded) {
        setImmediate(finish);
        return;
      }
      lifecycle.spared.add(socket);
      setTimeout(async () => {
        await arrived(servers);
        if (lifecycle.spared.delete(socket)) socket.destroy();
        finish();
      }, sparedMs);
    });
    finish();
  });
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** After the hard deadline the interrupted exchanges have this long to write their last event and settle. */
const settleMs = 1_000;
const idleSweepMs = 50;

/**
 * Leaves in order: readiness false at once; calls are still taken for `delay`; then new ones are refused, those under way
 * finish; at `timeout` the rest are interrupted. Resolves when nothing is open any more.
 */
export async function drain(api: FastifyInstance, delay: number, timeout: number): Promise<void> {
  const { lifecycle, exchanges, server } = api;
  lifecycle.draining = true;
  if (delay > 0) await sleep(delay);
  lifecycle.refusing = true;
  // Idle keep-alive sockets would hold the close for up to keep_alive_timeout (measured: 74 s with Node's default of 72 s).
  const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs);
  const deadline = new AbortController();
  const idle = exchanges.idle();
  await Promise.race([idle, sleep(timeout, undefined, { signal: deadline.signal }).catch(() => {})]);
  deadline.abort();
  for (const exchange of exchanges.open) exchange.cancel('shutdown');
  await Promise.race([idle, sleep(settleMs)]);
  clearInterval(sweep);
}

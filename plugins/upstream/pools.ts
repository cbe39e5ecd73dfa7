import { readFileSync } from 'node:fs';
import { isIP, type Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { ProviderInstance } from '../../providers/provider.ts';
import { EgressError, guardedLookup, mayConnect } from './guard.ts';

/** Idle upstream sockets are dropped before the server's own limit (5 s in Node and several others) closes them under us. */
const idleSocketMs = 4_000;
const defaultConnections = 2_048;

/** Bytes read on the socket an error came from; tells a reused socket from a fresh one. */
export interface SocketError extends Error {
  code?: string;
  socketBytesRead?: number;
}

function connector(provider: ProviderInstance, connectTimeout: number): buildConnector.connector {
  const ca = provider.config.ca_file === undefined ? undefined : readFileSync(provider.config.ca_file);
  const connect = buildConnector({
    timeout: connectTimeout,
    allowH2: false,
    keepAlive: true,
    lookup: guardedLookup(provider.vendorHost),
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
  } as buildConnector.BuildOptions);
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    // A literal address is never looked up, so it is judged here (undici#2019).
    if (isIP(host) !== 0 && !mayConnect(host, provider.vendorHost)) {
      process.nextTick(callback as (error: Error, socket: null) => void, new EgressError(), null);
      return;
    }
    connect(options, (...result) => {
      const socket = result[1];
      // Ahead of undici's own listener: a plain ECONNRESET does not say which socket it came from.
      // Undefined, not null, after a failed connect, whatever the types say.
      if (socket) socket.prependListener('error', (error: SocketError) => noteSocket(error, socket));
      callback(...result);
    });
  };
}

function noteSocket(error: SocketError, socket: Socket): void {
  error.socketBytesRead = socket.bytesRead;
}

/** One pool per provider and origin; never more sockets to it than configured. */
export class Pools {
  readonly #pools = new Map<ProviderInstance, Pool>();
  readonly #connectTimeout: (provider: ProviderInstance) => number;

  constructor(connectTimeout: (provider: ProviderInstance) => number) {
    this.#connectTimeout = connectTimeout;
  }

  get(provider: ProviderInstance): Pool {
    const known = this.#pools.get(provider);
    if (known !== undefined) return known;
    const pool = new Pool(provider.origin, {
      connect: connector(provider, this.#connectTimeout(provider)),
      connections: provider.config.connections ?? defaultConnections,
      pipelining: 1,
      allowH2: false,
      // The exchange has its own event timers: undici's body timeout is satisfied by one byte now and then.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: idleSocketMs,
      keepAliveMaxTimeout: 600_000,
      maxHeaderSize: 16_384,
    });
    this.#pools.set(provider, pool);
    return pool;
  }

  async destroy(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

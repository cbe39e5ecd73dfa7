import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisPlace } from './url.ts';

/** A connection to one server, or to those of a cluster. */
export type RedisClient = Redis | Cluster;

export interface ClientTimes {
  /** Milliseconds until a command without an answer is given up. */
  readonly command: number;
  /** Milliseconds without a byte, while an answer is due, after which the connection is made anew. */
  readonly silence: number;
}

/** On the way of calls: the 100 ms of `faults.md` R3. */
export const hotTimes: ClientTimes = { command: 100, silence: 1500 };
/** For what no call waits for. */
export const backgroundTimes: ClientTimes = { command: 2000, silence: 10_000 };

/** Milliseconds before a connection is tried again: a server that is back is found within a second. */
const retryDelay = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 1000);

/**
 * Makes a client that connects by itself, again and again, and never queues: what cannot be sent now fails now. A server that has
 * become a replica (READONLY) is left, so that Sentinel or a name can lead to the new master.
 */
export function makeClient(place: RedisPlace, times: ClientTimes, name: string): RedisClient {
  const options = {
    commandTimeout: times.command,
    socketTimeout: times.silence,
    connectTimeout: 2000,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    connectionName: name,
    db: place.db,
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(place.username === null ? {} : { username: place.username }),
    ...(place.password === null ? {} : { password: place.password }),
    ...(place.tls ? { tls: {} } : {}),
  } satisfies RedisOptions;
  const client = connect(place, options);
  // Without a listener ioredis prints errors to the console.
  client.on('error', () => {});
  return client;
}

function connect(place: RedisPlace, options: RedisOptions): RedisClient {
  if (place.socket !== null) return new Redis({ ...options, path: place.socket, retryStrategy: retryDelay });
  switch (place.kind) {
    case 'standalone':
      return new Redis({ ...options, ...place.nodes[0]!, retryStrategy: retryDelay });
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: [...place.nodes],
        name: place.master,
        retryStrategy: retryDelay,
        sentinelRetryStrategy: retryDelay,
        sentinelCommandTimeout: 1000,
        enableTLSForSentinelMode: place.tls,
        ...(place.tls ? { sentinelTLS: {} } : {}),
        ...(place.sentinelUsername === null ? {} : { sentinelUsername: place.sentinelUsername }),
        ...(place.sentinelPassword === null ? {} : { sentinelPassword: place.sentinelPassword }),
      });
    case 'cluster': {
      const { enableOfflineQueue: _, ...redisOptions } = options;
      return new Cluster([...place.nodes], {
        redisOptions,
        enableOfflineQueue: false,
        clusterRetryStrategy: retryDelay,
        clusterNodeRetryStrategy: retryDelay,
        maxRedirections: 4,
        // What a command waits for while the cluster changes counts against its own time, so it does not wait.
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        retryDelayOnTryAgain: 0,
        slotsRefreshTimeout: 1000,
        slotsRefreshInterval: 5000,
      });
    }
  }
}

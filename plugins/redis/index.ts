import fastifyRedis from '@fastify/redis';
import fp from 'fastify-plugin';
import { backgroundTimes, hotTimes, makeClient, type RedisClient } from './client.ts';
import { Link } from './link.ts';
import { parseRedisUrl } from './url.ts';

export type { RedisClient } from './client.ts';
export type { Link } from './link.ts';
export { RedisUnavailable } from './link.ts';

export interface RedisOptions {
  /** One that `parseRedisUrl` takes. */
  readonly url: string;
  /** What all keys begin with. */
  readonly prefix: string;
}

/** `fastify.redisLink`. */
export interface RedisLink {
  /** For calls: 100 ms for an answer, and none are sent while it is down. */
  readonly hot: Link;
  /** A connection for what no call waits for: large reads, streams. 2 s for an answer. */
  readonly background: RedisClient;
  /** What every key begins with: the configured prefix as a hash tag, so that all of them are in one slot of a cluster. */
  readonly tag: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    redisLink: RedisLink;
  }
}

/** Reads as connected while @fastify/redis is registered, which else waits for the server and fails the start without one. */
function asIfReady(client: RedisClient): { readonly client: RedisClient; done(): void } {
  let registered = false;
  return {
    client: new Proxy(client, {
      get(target, name) {
        if (name === 'status' && !registered) return 'ready';
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
    done() {
      registered = true;
    },
  };
}

/** Registered only where there is a `redis_url`. Connects in the background: the gateway starts, and goes on, without Redis (R1). */
export default fp<RedisOptions>(
  async (app, options) => {
    const place = parseRedisUrl(options.url);
    if ('message' in place) throw new Error(`redis_url: ${place.message}; ${place.hint}`);
    const tag = `{${options.prefix}}`;
    const client = makeClient(place, hotTimes, 'postern');
    const background = makeClient(place, backgroundTimes, 'postern-background');
    const hot = new Link({ client, probeKey: `${tag}:probe`, log: app.log });
    const facade = asIfReady(client);
    await app.register(fastifyRedis, { client: facade.client });
    facade.done();
    app.decorate('redisLink', { hot, background, tag } satisfies RedisLink);
    app.addHook('onClose', async () => {
      hot.close();
      background.disconnect();
    });
  },
  { name: 'redis-link', fastify: '5.x', decorators: {} },
);

import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore, type RedisStoreOptions } from '../../../plugins/limits/redis-store.ts';
import { type ClientTimes, hotTimes, makeClient } from '../../../plugins/redis/client.ts';
import { Link } from '../../../plugins/redis/link.ts';
import { parseRedisUrl, type RedisPlace } from '../../../plugins/redis/url.ts';
import { whenDone } from '../../helper/cleanup.ts';

export interface Replica {
  readonly link: Link;
  readonly store: RedisStore;
  readonly log: string[];
  close(): Promise<void>;
}

export type ReplicaOptions = Partial<RedisStoreOptions> & {
  readonly url: string;
  readonly tag: string;
  /** Default: those of calls. */
  readonly times?: ClientTimes;
};

/** One replica's store with a connection of its own, not yet connected. Closed when the test is over. */
export function replica({ url, tag, replica = 'r1', times = hotTimes, ...rest }: ReplicaOptions): Replica {
  const log: string[] = [];
  const note = (_: object, message: string) => void log.push(message);
  const client = makeClient(parseRedisUrl(url) as RedisPlace, times, 'test');
  const link = new Link({ client, probeKey: `${tag}:probe`, log: { warn: note, info: note } });
  const store = new RedisStore({ link, tag, replica, turnMs: 25, openingMs: 200, ...rest });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await store.close();
    link.close();
  };
  whenDone(close);
  return { link, store, log, close };
}

/** Waits until something holds; fails after `ms`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 8000): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > ms) throw new Error(`After ${ms} ms still not: ${what}`);
    await sleep(5);
  }
  return performance.now() - start;
}

/** The same, when budgets can be asked. */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const one = replica(options);
  await until('budgets can be asked', () => one.store.problem() === null);
  return one;
}

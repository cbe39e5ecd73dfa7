import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { backgroundTimes, makeClient } from '../../redis/client.ts';
import { explanations, reasonOf } from '../../redis/reasons.ts';
import { parseRedisUrl } from '../../redis/url.ts';
import { Consumer } from './consumer.ts';
import { fleetNames } from './names.ts';
import { Outbox } from './outbox.ts';
import { Publisher } from './publisher.ts';

// The thread behind `Fleet`: one connection of its own to Redis, one to the ledger's file, and the files of the others.

export interface FleetSetup {
  readonly redisUrl: string;
  /** The prefix in braces. */
  readonly tag: string;
  readonly dataDir: string;
  /** The ledger's file. */
  readonly ledger: string;
  readonly replica: string;
  /** Rows that a stream keeps, about. */
  readonly keep: number;
}

export interface FleetStatus {
  /** Why rows do not get through; null while they do. */
  readonly problem: string | null;
  /** Own rows that are not in Redis yet; counted up to 100,000. */
  readonly waiting: number;
  readonly published: number;
  /** Other replicas that are known, and those whose sums are not here. */
  readonly replicas: number;
  readonly incomplete: number;
  readonly taken: number;
  /** Entries of streams that no gateway wrote. */
  readonly refused: number;
}

export type FleetMessage = { readonly status: FleetStatus } | { readonly note: string; readonly fields: object } | 'closed';

/** Milliseconds between two looks at what is new. */
const every = 250;
/** Milliseconds that the last rows of a process are given. */
const lastWords = 1_500;
const mostCounted = 100_000;
/** Milliseconds a write to the ledger's file waits. */
const busyTimeout = 2_000;

const setup = workerData as FleetSetup;
const port = parentPort!;
const place = parseRedisUrl(setup.redisUrl);
if ('message' in place) throw new Error(place.message);
const redis = makeClient(place, backgroundTimes, 'postern-fleet');
const ledger = new DatabaseSync(setup.ledger, { timeout: busyTimeout });
const names = fleetNames(setup.tag);
const now = (): number => performance.now();
const send = (message: FleetMessage): void => port.postMessage(message);
const publisher = new Publisher({
  redis,
  names,
  replica: setup.replica,
  ledger,
  outbox: new Outbox(ledger),
  keep: setup.keep,
  now,
});
const consumer = new Consumer({
  redis,
  names,
  replica: setup.replica,
  dataDir: setup.dataDir,
  now,
  wallClock: Date.now,
  log: (note, fields) => send({ note, fields }),
});

const stop = new AbortController();
port.on('message', () => stop.abort());

function wordsOf(error: unknown): string {
  if ((error as { errcode?: number }).errcode !== undefined) return `a file of the fleet's usage: ${(error as Error).message}`;
  const reason = reasonOf(error);
  return reason === 'error' ? (error as Error).message.slice(0, 200) : explanations[reason];
}

function report(problem: string | null): void {
  send({
    status: {
      problem: problem ?? publisher.problem,
      waiting: publisher.waiting(mostCounted),
      published: publisher.published,
      replicas: consumer.replicas,
      incomplete: consumer.incomplete,
      taken: consumer.taken,
      refused: consumer.refused,
    },
  });
}

/** Each side by itself: one that cannot go on does not hold the other up. */
async function round(): Promise<boolean> {
  const ended = await Promise.allSettled([publisher.step(), consumer.step()]);
  let problem: string | null = null;
  let more = false;
  for (const each of ended) {
    if (each.status === 'rejected') problem ??= wordsOf(each.reason);
    else more ||= each.value;
  }
  report(problem);
  return more && problem === null;
}

while (!stop.signal.aborted) {
  if (!(await round())) await sleep(every, undefined, { signal: stop.signal }).catch(() => {});
}
const until = now() + lastWords;
try {
  while (now() < until && (await publisher.step()));
} catch {
  // What is not said now waits in the file.
}
redis.disconnect();
consumer.close();
ledger.close();
send('closed');
port.close();

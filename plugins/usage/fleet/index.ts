import { extname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import fp from 'fastify-plugin';
import type { FleetMessage, FleetSetup, FleetStatus } from './thread.ts';

export type { FleetStatus } from './thread.ts';

export interface FleetOptions {
  readonly redisUrl: string;
  /** `redis_prefix`. */
  readonly prefix: string;
  readonly dataDir: string;
  /** Rows that a stream keeps, about; default 20,000. */
  readonly keep?: number;
}

/** `fastify.fleet`: this replica's rows go to the others, theirs come here. */
export interface Fleet {
  status(): FleetStatus;
  /** Seconds since this replica and the others last had each other's rows, as far as it can tell; 0 while they do. */
  lag(): number;
  /** Why the fleet's usage is not whole here; null while it is. */
  problem(): string | null;
}

declare module 'fastify' {
  interface FastifyInstance {
    fleet: Fleet;
  }
}

/** 6.6 MB of Redis where rows have no metadata. Whoever misses more takes the sums instead. */
const defaultKeep = 20_000;
/** Milliseconds until a thread that ended is started again. */
const restartAfter = 1_000;
/** Milliseconds a close waits for the last rows. */
const closeLimit = 3_000;
/** Seconds of lag that are a problem. */
const late = 10;

const unknown: FleetStatus = {
  problem: 'the exchange of usage with other replicas has not begun',
  waiting: 0,
  published: 0,
  replicas: 0,
  incomplete: 0,
  taken: 0,
  refused: 0,
};

/** All of it is on a thread of its own: no call waits for Redis, nor for the files. */
export default fp<FleetOptions>(
  async (app, { redisUrl, prefix, dataDir, keep = defaultKeep }) => {
    const { replica } = app.usage;
    const directory = resolve(dataDir);
    const ledger = join(directory, 'ledger.sqlite');
    const setup: FleetSetup = { redisUrl, tag: `{${prefix}}`, dataDir: directory, ledger, replica, keep };
    const file = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url);
    let status = unknown;
    let wellAt = performance.now();
    let closing = false;
    let worker: Worker | null = null;
    let restart: NodeJS.Timeout | undefined;
    const closed = Promise.withResolvers<void>();

    const take = (message: FleetMessage): void => {
      if (message === 'closed') closed.resolve();
      else if ('note' in message) app.log.info(message.fields, message.note);
      else {
        const { problem } = message.status;
        if (problem !== status.problem && status !== unknown) {
          if (problem === null) app.log.info('usage is exchanged with the other replicas again');
          else if (status.problem === null) app.log.warn({ problem }, 'usage is not exchanged with the other replicas');
        }
        status = message.status;
        if (problem === null && status.incomplete === 0 && status.waiting === 0) wellAt = performance.now();
      }
    };
    const start = (): void => {
      const each = new Worker(file, { workerData: setup, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 8 } });
      each.unref();
      each.on('message', take);
      each.on('error', (err: Error) => {
        if (status.problem !== err.message) app.log.error({ err }, 'the exchange of usage with other replicas failed');
        status = { ...status, problem: err.message };
      });
      each.on('exit', () => {
        closed.resolve();
        if (worker !== each || closing) return;
        worker = null;
        restart = setTimeout(start, restartAfter).unref();
      });
      worker = each;
    };

    const lag = (): number => {
      const seconds = (performance.now() - wellAt) / 1_000;
      return seconds < 1 ? 0 : seconds;
    };
    app.decorate('fleet', {
      status: () => status,
      lag,
      problem() {
        if (status.problem !== null) return status.problem;
        if (lag() < late) return null;
        return status.incomplete > 0
          ? 'the usage of some other replicas is not known here yet'
          : 'rows of the ledger wait for their way to the other replicas';
      },
    });
    app.addHook('onReady', async () => start());
    app.addHook('onClose', async () => {
      closing = true;
      clearTimeout(restart);
      const last = worker;
      if (last === null) return;
      app.usage.flush();
      last.postMessage('close');
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeLimit);
      });
      await Promise.race([closed.promise, limit]);
      clearTimeout(timer);
      await last.terminate();
    });
  },
  { name: 'fleet', fastify: '5.x', dependencies: ['usage'] },
);

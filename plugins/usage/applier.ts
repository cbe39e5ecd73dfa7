import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ApplyReply, ApplyRequest, ApplySetup } from './apply-thread.ts';

/** Milliseconds a close waits for what is under way; what was not applied is in the journal. */
const closeLimit = 2_000;

/**
 * Brings journals into the ledger's file on a thread of its own: the file waits for the disk (its checkpoints synchronise it), and a
 * disk that takes 2 s for that held every call for 4 (`faults.md` D2). The thread is started with the first request.
 */
export class Applier {
  readonly #setup: ApplySetup;
  #worker: Worker | null = null;
  /** What the thread was asked, in that order; it answers in the same. */
  #pending: { resolve(refused: readonly number[]): void; reject(error: Error): void }[] = [];
  #idle: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(setup: ApplySetup) {
    this.#setup = setup;
  }

  /**
   * One after the other. Resolves to the ids of rows that the file refuses for what they hold. Rejects with the file's error; nothing
   * of the request is in it then.
   */
  apply(request: ApplyRequest): Promise<readonly number[]> {
    // A thread that began now would write to a directory that somebody else may have by then.
    if (this.#closed) return Promise.reject(new Error('the ledger is closed'));
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    this.#pending.push({ resolve, reject });
    this.#idle = promise.catch(() => {});
    this.#worker ??= this.#start();
    this.#worker.postMessage(request);
    return promise;
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.#idle,
      new Promise((resolve) => {
        timer = setTimeout(resolve, closeLimit);
      }),
    ]);
    clearTimeout(timer);
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #start(): Worker {
    const file = new URL(`./apply-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, { workerData: this.#setup, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 4 } });
    worker.unref();
    worker.on('message', ({ problem, refused }: ApplyReply) => this.#done(problem === null ? refused : new Error(problem)));
    const gone = (error: Error): void => {
      // An error is followed by the exit, when another thread may have been asked already.
      if (this.#worker !== worker) return;
      this.#worker = null;
      for (const { reject } of this.#pending.splice(0)) reject(error);
    };
    worker.on('error', gone);
    worker.on('exit', () => gone(new Error('its thread ended')));
    return worker;
  }

  #done(outcome: readonly number[] | Error): void {
    const pending = this.#pending.shift();
    if (outcome instanceof Error) pending?.reject(outcome);
    else pending?.resolve(outcome);
  }
}

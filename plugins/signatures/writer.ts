import { once } from 'node:events';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WriteReply, WriteRequest, WriteRow, WriterSetup } from './writer-thread.ts';

/** Bytes of values that may wait for a file that does not keep up; beyond them rows are refused. */
const maxWaiting = 32 * 1024 * 1024;
/** Milliseconds a close waits for what is under way. */
const closeLimit = 2_000;
/** A wait that is only for keys to forget or rows to drop. */
const ignore = (): void => {};

export interface WriterOptions {
  readonly setup: WriterSetup;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly onPruned: (rows: number) => void;
  /** The file is damaged; the writer is of no more use. */
  readonly onCorrupt: (problem: string) => void;
}

/** What waits for the thread: one transaction, one promise for all who wait on it. */
class Batch {
  readonly rows: WriteRow[] = [];
  readonly forget: string[] = [];
  bytes = 0;
  readonly outcome = Promise.withResolvers<void>();
}

/**
 * Writes the file on a thread of its own, started with the first write: checkpoints synchronise the file, and a disk that takes
 * seconds for that must not hold the event loop (`faults.md` D2). What comes while one transaction runs shares the next.
 */
export class Writer {
  readonly #options: WriterOptions;
  #worker: Worker | null = null;
  #next: Batch | null = null;
  #running: Batch | null = null;
  #waiting = 0;
  #closed = false;
  #idle = ignore;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Resolves when all of them survive the death of the process; rejects when none is kept. */
  keep(rows: readonly WriteRow[]): Promise<void> {
    let bytes = 0;
    for (const { value } of rows) bytes += value.length;
    if (this.#closed) return Promise.reject(new Error('it is closed'));
    if (this.#waiting + bytes > maxWaiting) return Promise.reject(new Error('it does not keep up'));
    const batch = this.#batch();
    batch.rows.push(...rows);
    batch.bytes += bytes;
    this.#waiting += bytes;
    return batch.outcome.promise;
  }

  forget(keys: readonly string[]): void {
    if (!this.#closed) this.#batch().forget.push(...keys);
  }

  /** Drops what is over the bounds. */
  prune(): void {
    if (!this.#closed) this.#batch();
  }

  /** Waits for what is under way, for a limited time. */
  async close(): Promise<void> {
    this.#closed = true;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeLimit);
    });
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
      if (this.#running === null && this.#next === null) resolve();
    });
    await Promise.race([idle, limit]);
    const worker = this.#worker;
    if (worker !== null) {
      this.#worker = null;
      worker.postMessage(null);
      await Promise.race([once(worker, 'exit'), limit]);
      await worker.terminate();
    }
    clearTimeout(timer);
    this.#fail('it is closed');
  }

  /** At once; what is under way fails. */
  async destroy(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#worker = null;
    this.#fail('its file was damaged');
    await worker?.terminate();
  }

  #batch(): Batch {
    if (this.#next === null) {
      this.#next = new Batch();
      this.#next.outcome.promise.catch(ignore);
      // What else comes in this turn goes with it.
      setImmediate(() => this.#run());
    }
    return this.#next;
  }

  #run(): void {
    const batch = this.#next;
    if (batch === null || this.#running !== null) return;
    this.#next = null;
    this.#running = batch;
    this.#worker ??= this.#start();
    const request: WriteRequest = { rows: batch.rows, forget: batch.forget, now: this.#options.now() };
    this.#worker.postMessage(
      request,
      batch.rows.map(({ value }) => value.buffer),
    );
  }

  #start(): Worker {
    const file = new URL(`./writer-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, {
      workerData: this.#options.setup,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    worker.unref();
    worker.on('message', (reply: WriteReply) => {
      if (this.#worker === worker) this.#replied(reply);
    });
    const gone = (problem: string): void => {
      // An error is followed by the exit, when another thread may have been asked already.
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#done(problem);
    };
    worker.on('error', (error: Error) => gone(error.message));
    worker.on('exit', () => gone('its thread ended'));
    return worker;
  }

  #replied({ problem, corrupt, pruned, more }: WriteReply): void {
    if (pruned > 0) this.#options.onPruned(pruned);
    if (more) this.prune();
    this.#done(problem);
    if (corrupt) this.#options.onCorrupt(problem!);
  }

  #done(problem: string | null): void {
    const batch = this.#running;
    this.#running = null;
    if (batch !== null) this.#settle(batch, problem);
    if (this.#next !== null) this.#run();
    else this.#idle();
  }

  #fail(problem: string): void {
    for (const batch of [this.#running, this.#next]) if (batch !== null) this.#settle(batch, problem);
    this.#running = null;
    this.#next = null;
  }

  #settle(batch: Batch, problem: string | null): void {
    this.#waiting -= batch.bytes;
    if (problem === null) batch.outcome.resolve();
    else batch.outcome.reject(new Error(problem));
  }
}

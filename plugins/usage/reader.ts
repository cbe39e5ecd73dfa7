import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DecisionPage, PageRequest } from '../explain/pages.ts';
import type { AttemptPage, AttemptsRequest } from './attempt-list.ts';
import type { ExchangeRequest, FoundExchange, ReadRequest } from './ledger-file.ts';
import type { ReadReply, ReadSetup } from './read-thread.ts';
import type { UsagePage, UsageRequest } from './usage-query.ts';

/** The thread ends when it was asked nothing for so long. Milliseconds. */
const idleMs = 30_000;
/** Requests that may wait for their turn. */
const mostWaiting = 100;

interface Waiting {
  readonly request: ReadRequest;
  resolve(found: unknown): void;
  reject(error: Error): void;
}

/** Reads the ledger's file for operators, on a thread of its own: a read may wait for the disk, and no call should. */
export class LedgerReader {
  readonly #setup: ReadSetup;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;

  /** `fleetDir`: data directory with the sums of other replicas; null where there are none. */
  constructor(path: string, fleetDir: string | null = null) {
    this.#setup = { path, fleetDir };
  }

  /** What the file has of an exchange. Rejects with the file's error. */
  exchange(request: Omit<ExchangeRequest, 'kind'>): Promise<FoundExchange> {
    return this.#ask({ ...request, kind: 'exchange' }) as Promise<FoundExchange>;
  }

  /** The newest decisions first. Rejects with the file's error. */
  decisions(request: PageRequest): Promise<DecisionPage> {
    return this.#ask({ ...request, kind: 'decisions' }) as Promise<DecisionPage>;
  }

  /** Sums by groups. Rejects with the file's error. */
  usage(request: Omit<UsageRequest, 'kind'>): Promise<UsagePage> {
    return this.#ask({ ...request, kind: 'usage' }) as Promise<UsagePage>;
  }

  /** The newest attempts first. Rejects with the file's error. */
  attempts(request: Omit<AttemptsRequest, 'kind'>): Promise<AttemptPage> {
    return this.#ask({ ...request, kind: 'attempts' }) as Promise<AttemptPage>;
  }

  async close(): Promise<void> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = null;
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('the ledger is closed'));
    await worker?.terminate();
  }

  #ask(request: ReadRequest): Promise<unknown> {
    if (this.#waiting.length >= mostWaiting) return Promise.reject(new Error('too many reads of the ledger wait already'));
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage(request);
    });
  }

  #start(): Worker {
    const file = new URL(`./read-thread${extname(import.meta.filename)}`, import.meta.url);
    const worker = new Worker(file, { workerData: this.#setup, execArgv: [] });
    worker.unref();
    worker.on('message', ({ problem, found }: ReadReply) => {
      const asked = this.#waiting.shift();
      if (problem === null) asked?.resolve(found);
      else asked?.reject(new Error(problem));
      if (this.#waiting.length === 0) this.#idle = setTimeout(() => void this.close(), idleMs).unref();
    });
    const gone = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    worker.on('error', gone);
    worker.on('exit', () => gone(new Error('its thread ended')));
    return worker;
  }
}

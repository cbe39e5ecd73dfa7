import autocannon from 'autocannon';
import { type Dispatcher, Pool } from 'undici';
import { requestBody, streamEnd, streamEvents } from './messages.ts';

/** Where a load goes. */
export interface Destination {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

const path = '/v1/chat/completions';
const jsonBody = requestBody(false);
const streamBody = requestBody(true);
const answerLimitMs = 10_000;
/** Of an open loop, while its connections open. */
const openingMs = 150;

function allHeaders(to: Destination): Record<string, string> {
  return { 'content-type': 'application/json', ...to.headers };
}

/** `amount` JSON calls, closed loop. Throws unless every one of them was answered with 200. */
export async function jsonCalls(to: Destination, amount: number, connections: number): Promise<void> {
  const result = await autocannon({
    url: `${to.url}${path}`,
    method: 'POST',
    headers: allHeaders(to),
    body: jsonBody,
    connections,
    amount,
    timeout: answerLimitMs / 1000,
  });
  const good = result['2xx'];
  if (good === amount && result.errors === 0) return;
  throw new Error(
    `${to.url}: ${good} of ${amount} calls succeeded, ${result.non2xx} had another status, ${result.errors} failed.`,
  );
}

/** Reads one answer whole; `done` gets an error or nothing. */
class Reader implements Dispatcher.DispatchHandler {
  readonly #done: (error: Error | null, body: Buffer) => void;
  readonly #chunks: Buffer[] = [];
  #status = 0;

  constructor(done: (error: Error | null, body: Buffer) => void) {
    this.#done = done;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const body = Buffer.concat(this.#chunks);
    this.#done(this.#status === 200 ? null : new Error(`status ${this.#status}: ${body.toString().slice(0, 300)}`), body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#done(error, Buffer.alloc(0));
  }
}

function client(to: Destination, connections: number): { send(body: Buffer): Promise<Buffer>; close(): Promise<void> } {
  const pool = new Pool(to.url, { connections, pipelining: 1, headersTimeout: answerLimitMs, bodyTimeout: answerLimitMs });
  const headers = allHeaders(to);
  return {
    send: (body) =>
      new Promise((resolve, reject) => {
        const reader = new Reader((error, answer) => (error === null ? resolve(answer) : reject(error)));
        pool.dispatch({ path, method: 'POST', headers, body }, reader);
      }),
    close: () => pool.close(),
  };
}

/** `amount` streams, `concurrent` at a time. Throws when one does not end as the upstream's does. */
export async function streams(to: Destination, amount: number, concurrent: number): Promise<void> {
  const { send, close } = client(to, concurrent);
  let left = amount;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await send(streamBody);
      const events = answer.toString('latin1').split('\n\n').length - 1;
      const whole = answer.subarray(-streamEnd.length).equals(streamEnd);
      // The usage event is not for a caller who did not ask for it.
      if (!whole || events < streamEvents)
        throw new Error(`${to.url}: a stream of ${events} events${whole ? '' : ' without its end'}.`);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrent }, one));
  } finally {
    await close();
  }
}

/** Latencies of an open loop, milliseconds. */
export interface OpenLoop {
  /** Calls made, those of the beginning included. */
  readonly calls: number;
  readonly latencies: readonly number[];
  /** How late the 99th percentile of the calls was sent; large means that the load, not the subject, was slow. */
  readonly lateness: readonly number[];
}

/**
 * JSON calls at a fixed arrival rate, whether or not earlier ones have been answered, so that a stall hits every call that
 * falls into it. Latency counts from the moment a call is handed to the client; the first calls, which open the connections,
 * are left out.
 */
export async function openLoop(to: Destination, perSecond: number, ms: number): Promise<OpenLoop> {
  const { send, close } = client(to, 256);
  const amount = Math.round((perSecond * (ms + openingMs)) / 1000);
  const latencies: number[] = [];
  const lateness: number[] = [];
  const calls: Promise<void>[] = [];
  const began = performance.now();
  const call = async (): Promise<void> => {
    const sent = performance.now();
    await send(jsonBody);
    if (sent - began > openingMs) latencies.push(performance.now() - sent);
  };
  try {
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const now = performance.now() - began;
        while (calls.length < amount && (calls.length * 1000) / perSecond <= now) {
          if (now > openingMs) lateness.push(now - (calls.length * 1000) / perSecond);
          calls.push(call());
        }
        if (calls.length < amount) return;
        clearInterval(timer);
        resolve();
      }, 1);
    });
    await Promise.all(calls);
  } finally {
    await close();
  }
  return { calls: amount, latencies, lateness };
}

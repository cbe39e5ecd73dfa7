import {
  type Credential,
  type ProviderInstance,
  TranslationError,
  type UpstreamFailure,
  type UpstreamHead,
  type UpstreamRequest,
} from '../../providers/provider.ts';
import { type AnswerListener, failed, type Upstream, type UpstreamCall } from './index.ts';

/** Bytes of an answer: names and numbers, never a prefix itself. */
const maxBytes = 4 * 1024 * 1024;

/** One answer, whole. */
export interface Answer {
  readonly head: UpstreamHead;
  readonly bytes: Buffer;
}

/** A request that no caller waits for has failed. */
export class UpstreamRefusal extends Error {
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super(failure.message);
    this.name = 'UpstreamRefusal';
    this.failure = failure;
  }
}

/** A request under way. */
export interface Asking {
  /** Any status. Rejects with `UpstreamRefusal` when there is no whole answer. */
  readonly answer: Promise<Answer>;
  /** Closes the socket; `answer` rejects. */
  abort(): void;
}

/** Asks an upstream by itself, for no caller, within `timeout` milliseconds. */
export function ask(
  upstream: Upstream,
  provider: ProviderInstance,
  request: UpstreamRequest,
  timeout: number,
  credential?: Credential,
): Asking {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Buffer[] = [];
  let size = 0;
  let head: UpstreamHead | null = null;
  const end = (failure: UpstreamFailure): void => {
    clearTimeout(timer);
    call.abort();
    reject(new UpstreamRefusal(failure));
  };
  const timer = setTimeout(() => {
    end(failed(call.sent ? 'timeout' : 'connect', 'the provider did not answer in time', !call.sent));
  }, timeout).unref();
  const listener: AnswerListener = {
    onSent() {},
    onHead(given) {
      head = given;
    },
    onData(chunk) {
      size += chunk.length;
      if (size > maxBytes) end(failed('protocol', 'the answer of the provider is too large'));
      else chunks.push(chunk);
    },
    onEnd() {
      clearTimeout(timer);
      resolve({ head: head!, bytes: Buffer.concat(chunks) });
    },
    onFailure: end,
  };
  const call: UpstreamCall = upstream.send(provider, request, undefined, listener, credential);
  return { answer: promise, abort: () => end(failed('network', 'the request was given up', !call.sent)) };
}

/** Requests that no caller waits for and that are under way, so that a close can end them. */
export class Asker {
  readonly #upstream: Upstream;
  readonly #asking = new Set<Asking>();
  #closed = false;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** Everything under way was given up: what it ended with says nothing. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Any status. Rejects with `UpstreamRefusal`. `timeout`: milliseconds. */
  async ask(provider: ProviderInstance, request: UpstreamRequest, timeout: number, key: Credential): Promise<Answer> {
    const asking = ask(this.#upstream, provider, request, timeout, key);
    this.#asking.add(asking);
    try {
      return await asking.answer;
    } finally {
      this.#asking.delete(asking);
    }
  }

  abort(): void {
    this.#closed = true;
    for (const asking of this.#asking) asking.abort();
  }
}

/** What a request of ours failed with; nothing of the error's own words. */
export function failureOf(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamRefusal || error instanceof TranslationError) return error.failure;
  return failed('protocol', 'the request cannot be made, or its answer not be read');
}

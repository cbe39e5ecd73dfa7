import type { PromptPrefix } from './prefix.ts';
import type { Quantities, ReasoningPart } from './unified.ts';

// What goes to an upstream, what comes back, and what failed. Everything here is pure: no sockets, timers or globals.

/** A header list as `dispatch` takes it; names are lower case. */
export type HeaderMap = Readonly<Record<string, string>>;

/** One upstream HTTP request, complete but for transport headers. */
export interface UpstreamRequest {
  readonly method: 'POST' | 'GET' | 'DELETE' | 'PATCH';
  /** Absolute path with query, below the provider's origin. */
  readonly path: string;
  readonly headers: HeaderMap;
  readonly body: Buffer | null;
}

/** One server-sent event: `data` lines joined with LF; `event` is '' when the stream names none. */
export interface SseEvent {
  readonly event: string;
  readonly data: Buffer;
}

/** Why an attempt failed, in words the core can act on. */
export type FailureReason =
  | 'invalid_request' // the caller's fault: 400, 422
  | 'context_length'
  | 'content_policy'
  | 'too_large' // 413
  | 'not_found' // model or path unknown upstream
  | 'prefix_lost' // the kept prefix that the request refers to is not there any more
  | 'authentication' // the operator's credential was refused: 401, 403
  | 'rate_limit'
  | 'quota' // the operator's money or plan is used up
  | 'caller_key' // the key that the caller brought was refused
  | 'caller_rate_limit' // that key is limited
  | 'caller_quota' // its money or plan is used up
  | 'overloaded' // 503, 529
  | 'server' // other 5xx
  | 'redirect' // never followed
  | 'connect' // refused, DNS, TLS, connect timeout: nothing was sent
  | 'network' // reset or closed after sending
  | 'timeout'
  | 'protocol' // not HTTP, not JSON, not SSE, wrong shape, too large
  | 'truncated'; // ended before the protocol's own end

export interface UpstreamFailure {
  readonly reason: FailureReason;
  /** HTTP status of the upstream answer or the one embedded in it; 0 when there was none. */
  readonly status: number;
  /** For logs and, where the caller is at fault, for the caller. No secrets, URLs or markup. */
  readonly message: string;
  readonly code: string | null;
  readonly param: string | null;
  /** Wait asked for, milliseconds, already clamped to >= 0; null when none was named. */
  readonly retryAfterMs: number | null;
  /** Provably nothing of the request reached the upstream. */
  readonly unsent: boolean;
}

/**
 * What a dialect wants back with a tool call of an earlier answer and plain clients of the API drop: thought signatures, signed
 * reasoning. Kept by the gateway under the id of the call.
 */
export interface Kept {
  /** Tool-call id, as the client knows it. */
  readonly id: string;
  readonly dialect: string;
  /** `Target.id` of the one that issued it; another model or provider takes it for a forgery. */
  readonly issuer: string;
  readonly signature?: string;
  /** Signed reasoning ahead of the call, in order. */
  readonly reasoning?: readonly ReasoningPart[];
}

/** A whole JSON answer, translated. */
export interface JsonAnswer {
  readonly bytes: Buffer;
  readonly usage: Quantities | null;
  /** What the upstream says answered; null when it does not say. */
  readonly model: string | null;
  /** Characters of generated content, for an estimate where usage is missing. */
  readonly characters: number;
  /** What has to be kept for the next turn. */
  readonly kept?: readonly Kept[];
  /** The upstream's content filter left nothing of it: no content, and a finish reason that says so. */
  readonly filtered?: boolean;
}

/**
 * One streamed answer being translated; one object per attempt. After each `push` the reader looks at the flags.
 * `push` never throws on hostile input: it sets `failure`.
 */
export interface StreamTranslator {
  /** Bytes for the client caused by this event, null for none. */
  push(event: SseEvent): Buffer | null;
  /** The upstream's body ended cleanly or not; judges completion (sets `failure` to `truncated` when it is not). */
  end(): void;
  /** Closing bytes after the settle (`data: [DONE]`); only meaningful when `completed` and no `failure`. */
  tail(): Buffer;
  /** Model content has been seen, so the returned bytes commit this attempt. */
  readonly content: boolean;
  /** The protocol's own end was seen (finish_reason of every choice, a terminal event): the answer is whole. */
  readonly completed: boolean;
  /** Nothing more is expected (`[DONE]`, terminal event): the rest of the body is ignored. */
  readonly finished: boolean;
  readonly failure: UpstreamFailure | null;
  readonly usage: Quantities | null;
  readonly model: string | null;
  readonly characters: number;
  /** Once the answer is whole: what has to be kept for the next turn. */
  readonly kept?: readonly Kept[];
  /** Once the answer is whole: as of `JsonAnswer`. */
  readonly filtered?: boolean;
  /** All `content` so far is what the upstream says in place of an answer; the end tells whether its filter is why. */
  readonly refusing?: boolean;
}

/** One upstream answer, headers read. Header names are lower case. */
export interface UpstreamHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How one operation is spoken to one target: made per attempt, pure. */
export interface Translation {
  readonly request: UpstreamRequest;
  /** Fields of the call that have no effect at this target, by their names in the call. */
  readonly ignored?: readonly string[];
  /** The beginning of the request that the upstream could keep between calls; absent when there is none worth it. */
  readonly prefix?: PromptPrefix;
  /**
   * The answer is in several parts: called with each 2xx JSON body but those of the last part, gives the request for the next.
   * Null: `bytes` was the last part, `json` gets it. Absent: there is only one.
   */
  next?(bytes: Buffer): UpstreamRequest | null;
  /** A 2xx JSON body for a caller who wants JSON. Throws `TranslationError`. */
  json(bytes: Buffer): JsonAnswer;
  /** A 2xx JSON body for a caller who wants a stream: the same answer as SSE bytes without the tail. Throws `TranslationError`. */
  jsonAsStream(bytes: Buffer): JsonAnswer & { readonly tail: Buffer };
  /** A 2xx event stream for a caller who wants a stream. */
  stream(): StreamTranslator;
  /** A 2xx event stream for a caller who wants JSON: push everything, then `result()`, which throws `TranslationError`. */
  aggregate(): StreamTranslator & { result(): JsonAnswer };
  /** A non-2xx answer. */
  failure(head: UpstreamHead, bytes: Buffer): UpstreamFailure;
}

/** Thrown by translation of a hostile or failed upstream answer. */
export class TranslationError extends Error {
  readonly failure: UpstreamFailure;
  constructor(failure: UpstreamFailure) {
    super(failure.message);
    this.name = 'TranslationError';
    this.failure = failure;
  }
}

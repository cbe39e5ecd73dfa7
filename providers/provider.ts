import type { ProviderConfig } from '../schemas/config.ts';
import type { ChatEvent, ChatRequest, ChatResponse, Quantities } from './unified.ts';

// The provider contract: types only, imported by both sides. Everything here is pure: no sockets, timers or globals.

/** What a caller can ask for. `operation x dialect` is data. */
export type Operation = 'chat' | 'embeddings' | 'responses';

/** A header list as `dispatch` takes it; names are lower case. */
export type HeaderMap = Readonly<Record<string, string>>;

/** Provider + upstream model + weight: one place an exchange can be sent to. */
export interface Target {
  /** `provider/model`; unique. */
  readonly id: string;
  readonly provider: ProviderInstance;
  /** Upstream model id, never a pattern. */
  readonly model: string;
  readonly weight: number;
  /** Vector length of an embeddings target, where configured. */
  readonly dimensions?: number;
}

/** One configured provider: a type with its settings resolved. Made once per configuration snapshot. */
export interface ProviderInstance {
  readonly name: string;
  readonly type: ProviderType;
  readonly config: Readonly<ProviderConfig>;
  /** With version segment, no trailing slash: `https://api.example.com/v1`. Empty for a provider with `serve`. */
  readonly baseUrl: string;
  readonly origin: string;
  /** Path of `baseUrl` (`/v1`), `''` at the root. */
  readonly path: string;
  /** Configured query, encoded, with `?`, or `''`. */
  readonly query: string;
  /** Credential and configured headers. Never logged. */
  readonly headers: HeaderMap;
  readonly operations: ReadonlySet<Operation>;
  /** The host is the vendor's own: never resolved to a private address. False for a base URL the operator wrote. */
  readonly vendorHost: boolean;
}

/** A top-level member of a JSON object, by byte offsets into its text: `"key" : value`, end exclusive. */
export interface Member {
  /** Decoded key. */
  readonly key: string;
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

/** The caller's JSON body. Read-only: each attempt translates from this original. */
export interface CallBody {
  readonly bytes: Buffer;
  readonly json: Readonly<Record<string, unknown>>;
  /** Top-level members of `bytes`, in order, keys unique. */
  readonly members: readonly Member[];
  /**
   * Strings of `json` that stand for long ones (images, sounds) cut out before the parse -> length of the original in bytes.
   * Absent when nothing was cut; who needs the originals parses `bytes`.
   */
  readonly cut?: ReadonlyMap<string, number>;
}

/** One call as the adapters see it. */
export interface Call {
  readonly operation: Operation;
  /** Dialect of the caller (`openai`). Equal to the target's: bytes pass; otherwise the call goes through the unified model. */
  readonly dialect: string;
  readonly body: CallBody;
  readonly stream: boolean;
  /** The client asked to see usage in the stream. */
  readonly streamUsage: boolean;
  /** Top-level fields consumed here, never sent on. */
  readonly dropped: ReadonlySet<string>;
}

/** One upstream HTTP request, complete but for transport headers. */
export interface UpstreamRequest {
  readonly method: 'POST' | 'GET';
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
  | 'authentication' // the operator's credential was refused: 401, 403
  | 'rate_limit'
  | 'quota' // the operator's money or plan is used up
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

/** A whole JSON answer, translated. */
export interface JsonAnswer {
  readonly bytes: Buffer;
  readonly usage: Quantities | null;
  /** What the upstream says answered; null when it does not say. */
  readonly model: string | null;
  /** Characters of generated content, for an estimate where usage is missing. */
  readonly characters: number;
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
}

/** One upstream answer, headers read. Header names are lower case. */
export interface UpstreamHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** How one operation is spoken to one target: made per attempt, pure. */
export interface Translation {
  readonly request: UpstreamRequest;
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

/** Decodes and encodes one chat dialect; what a new dialect brings so that every front can reach it. */
export interface ChatCodec {
  readonly dialect: string;
  decodeRequest(body: Readonly<Record<string, unknown>>): ChatRequest;
  encodeRequest(request: ChatRequest): Record<string, unknown>;
  decodeResponse(body: Readonly<Record<string, unknown>>): ChatResponse;
  encodeResponse(response: ChatResponse): Record<string, unknown>;
  decoder(): StreamDecoder;
  encoder(options: { readonly usage: boolean }): StreamEncoder;
}

export interface StreamDecoder {
  /** Throws `TranslationError` on a bad event or one that carries an error. */
  push(event: SseEvent): readonly ChatEvent[];
  /** Choices ended and nothing is missing. */
  readonly completed: boolean;
  readonly finished: boolean;
}

export interface StreamEncoder {
  /** JSON documents to be framed as SSE data, in order. */
  push(event: ChatEvent): readonly Record<string, unknown>[];
}

/** An answer played from memory by a provider that has no server (`after` = milliseconds since the step before). */
export interface LocalReply {
  readonly status: number;
  readonly headers: HeaderMap;
  readonly steps: Iterable<{ readonly after: number; readonly bytes?: Buffer; readonly cut?: boolean }>;
}

/** Capabilities and limits of one model, as far as known. */
export interface ModelInfo {
  readonly id: string;
  /** Unix seconds, 0 when unknown. */
  readonly created: number;
  readonly ownedBy: string;
  readonly contextWindow?: number;
}

/** Where a type's settings come from when no file names the provider. */
export interface ProviderEnvironment {
  /** Provider name in the catalogue when switched on by the environment. */
  readonly provider: string;
  readonly preset?: string;
  readonly apiKey: readonly string[];
  readonly baseUrl: readonly string[];
}

/** Defaults a preset or a type gives to its configuration entries. */
export interface ProviderDefaults extends Partial<ProviderConfig> {
  /** `base_url` points at the vendor's own host. */
  readonly vendorHost?: boolean;
  /** Key of the built-in price and model data. */
  readonly priceProvider?: string;
  /** Where to get the key, for messages. */
  readonly keyVariable?: string;
  /** Works without an API key. */
  readonly keyless?: boolean;
}

/** One way of speaking to upstreams. Registered into `fastify.router`. */
export interface ProviderType {
  /** The value of `providers.*.type`. */
  readonly type: string;
  readonly dialect: string;
  readonly defaults: ProviderDefaults;
  readonly presets: Readonly<Record<string, ProviderDefaults>>;
  readonly environment: readonly ProviderEnvironment[];
  /** Translates one call for one target; null when the operation is not spoken. Never mutates the call. */
  translate(call: Call, target: Target): Translation | null;
  /** The request for the upstream's model list and its reader; null when it has none. */
  catalogue?(provider: ProviderInstance): { request: UpstreamRequest; read(bytes: Buffer): readonly ModelInfo[] } | null;
  /** Models known without asking (a provider that has no server lists its own here). */
  readonly builtin?: readonly ModelInfo[];
  /** Answers in process instead of over a socket. */
  serve?(request: UpstreamRequest): LocalReply;
}

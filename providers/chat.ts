import type { PromptPrefix } from './prefix.ts';
import type { SseEvent, UpstreamFailure, UpstreamHead, UpstreamRequest } from './translation.ts';
import type { ChatEvent, ChatRequest, ChatResponse } from './unified.ts';

// The contract of chat dialects: types only.

/** What becomes of a field of the client's request at a target of another dialect. */
export type FieldRule =
  | 'mapped' // has its effect there
  | 'refused' // leaving it out would change what the answer means: 400 with its name
  | 'dropped'; // leaving it out is harmless: a warning

/** Rules for every documented field of the chat API, by its name in the request. */
export type FieldTable = Readonly<Record<string, FieldRule>>;

/** A chat dialect that clients speak. */
export interface ChatFront {
  readonly dialect: string;
  /** Documented fields of a request, each with the values that ask for nothing (`n: 1`); null is such a value for all of them. */
  readonly fields: Readonly<Record<string, readonly unknown[]>>;
  decodeRequest(body: Readonly<Record<string, unknown>>): ChatRequest;
  encodeResponse(response: ChatResponse): Record<string, unknown>;
  encoder(options: { readonly usage: boolean }): StreamEncoder;
  /** Fields of a request that `decodeRequest` could not read, being in a form that no other dialect knows. */
  unread(body: Readonly<Record<string, unknown>>, request: ChatRequest): readonly string[];
  /** The first place of the history that is in such a form, null for none: without it the conversation would be another one. */
  unreadMessage(body: Readonly<Record<string, unknown>>): string | null;
  /** Ids of the tool calls in the history of a request. */
  toolCallIds(body: Readonly<Record<string, unknown>>): readonly string[];
}

/** What a dialect's encoder says about a request beside encoding it. */
export interface EncodeNotes {
  /** `field` (as the client names it) was left out and nothing depends on it. Throws `TranslationError` when the caller requires every parameter. */
  dropped(field: string): void;
  /**
   * `field` cannot be said to this target and leaving it out changes the meaning of the answer: throws `TranslationError`
   * (`invalid_request`, `param: field`) with `message`, unless the provider's `unsupported_params` is `drop`; then it returns.
   */
  unsupported(field: string, message: string): void;
}

/** An upstream's chat dialect, for one target; what a new dialect brings so that every front can reach it. Pure. */
export interface ChatBack {
  readonly dialect: string;
  readonly fields: FieldTable;
  /** Top-level members of the client's request that are this dialect's own options; found in `request.extensions[dialect]`. */
  readonly options: readonly string[];
  /** Throws `TranslationError` with reason `invalid_request` for a request that this dialect cannot say. */
  encode(request: ChatRequest, notes: EncodeNotes): { readonly request: UpstreamRequest; readonly prefix?: PromptPrefix };
  /** A 2xx JSON body, parsed: throws `TranslationError` when it carries an error or is no answer. */
  decodeResponse(body: unknown): ChatResponse;
  decoder(): StreamDecoder;
  failure(head: UpstreamHead, bytes: Buffer): UpstreamFailure;
}

export interface StreamDecoder {
  /** Throws `TranslationError` on a bad event or one that carries an error. */
  push(event: SseEvent): readonly ChatEvent[];
  /** Choices ended and nothing is missing. */
  readonly completed: boolean;
  /** Nothing more is expected: the rest of the body is ignored. */
  readonly finished: boolean;
  /** Events held back until the answer is whole; asked for once, then. */
  flush?(): readonly ChatEvent[];
}

export interface StreamEncoder {
  /** JSON documents to be framed as SSE data, in order. */
  push(event: ChatEvent): readonly Record<string, unknown>[];
}

import type { ChatFront, StreamDecoder } from '../../provider.ts';
import type { ChatRequest, ChatResponse } from '../../unified.ts';
import { DIALECT } from './carry.ts';
import { fields, toolCallIds, unread, unreadMessage } from './fields.ts';
import { decodeRequest, encodeRequest } from './request.ts';
import { decodeResponse, encodeResponse } from './response.ts';
import { ChatStreamDecoder } from './stream-decoder.ts';
import { ChatStreamEncoder } from './stream-encoder.ts';

/** Both directions of one dialect. */
export interface ChatCodec extends ChatFront {
  encodeRequest(request: ChatRequest): Record<string, unknown>;
  /** A 2xx body that is known to carry no error. */
  decodeResponse(body: Readonly<Record<string, unknown>>): ChatResponse;
  decoder(): StreamDecoder;
}

/**
 * Chat completions as a dialect of the unified model. Decoding and encoding again gives an equal document, for requests and
 * answers; for streams the answer they add up to is equal.
 */
export const chatCodec: ChatCodec = {
  dialect: DIALECT,
  fields,
  toolCallIds,
  unread,
  unreadMessage,
  decodeRequest,
  encodeRequest,
  decodeResponse,
  encodeResponse,
  decoder: () => new ChatStreamDecoder(),
  encoder: (options) => new ChatStreamEncoder(options),
};

import type { ChatCodec } from '../../provider.ts';
import { DIALECT } from './carry.ts';
import { decodeRequest, encodeRequest } from './request.ts';
import { decodeResponse, encodeResponse } from './response.ts';
import { ChatStreamDecoder } from './stream-decoder.ts';
import { ChatStreamEncoder } from './stream-encoder.ts';

/**
 * Chat completions as a dialect of the unified model. Decoding and encoding again gives an equal document, for requests and
 * answers; for streams the answer they add up to is equal.
 */
export const chatCodec: ChatCodec = {
  dialect: DIALECT,
  decodeRequest,
  encodeRequest,
  decodeResponse,
  encodeResponse,
  decoder: () => new ChatStreamDecoder(),
  encoder: (options) => new ChatStreamEncoder(options),
};

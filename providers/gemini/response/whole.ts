import { ChatCollector } from '../../pivot/collect.ts';
import { TranslationError } from '../../provider.ts';
import type { ChatResponse } from '../../unified.ts';
import { protocolError, protocolFailure } from '../../wire/json.ts';
import { type DecoderOptions, GeminiDecoder } from './stream.ts';

/**
 * A whole JSON answer, by the same reader as a stream: one document, or the array of documents that is streamed without
 * `alt=sse` (what a proxy that loses the query makes of a stream). Throws `TranslationError`: an error inside it, no answer, or
 * an array that ends before the answer does.
 */
export function decodeWhole(body: unknown, options: DecoderOptions): ChatResponse {
  const decoder = new GeminiDecoder(options);
  const collector = new ChatCollector();
  for (const event of decoder.read(body)) collector.push(event);
  const response = collector.response();
  if (response.choices.length === 0 && !decoder.completed) protocolError('The provider answered without "candidates".');
  if (Array.isArray(body) && !decoder.completed) {
    throw new TranslationError({
      ...protocolFailure('The provider ended the answer before it was complete.'),
      reason: 'truncated',
    });
  }
  return response;
}

import { type SseEvent, TranslationError, type UpstreamFailure } from '../provider.ts';
import { parseIntegers } from './exact-json.ts';
import { isObject, type JsonObject, protocolError } from './json.ts';

/** The payload of an event; whole numbers keep their digits (`parseIntegers`). Throws `TranslationError` (`protocol`) when it is no JSON. */
export function parseEvent({ data }: SseEvent): unknown {
  try {
    return parseIntegers(data.toString('utf8'));
  } catch {
    return protocolError('The provider sent a stream event that is not valid JSON.');
  }
}

/**
 * The payload of an event that is a JSON object. Throws `TranslationError`: `protocol` for any other, what `failureOf` finds for one
 * that carries an error. An event named `error` (Anthropic, Groq) is one, though its payload has no `error` member.
 */
export function readEvent(event: SseEvent, failureOf: (document: unknown) => UpstreamFailure | null): JsonObject {
  const document = parseEvent(event);
  const named = event.event === 'error' && isObject(document) && !document.error;
  const failure = failureOf(named ? { error: document } : document);
  if (failure !== null) throw new TranslationError(failure);
  return isObject(document) ? document : protocolError('The provider sent a stream event that is not a JSON object.');
}

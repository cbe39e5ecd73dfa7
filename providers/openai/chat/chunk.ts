import { type SseEvent, TranslationError } from '../../provider.ts';
import { readEvent } from '../../wire/event.ts';
import { embeddedFailure } from '../../wire/failure.ts';
import { isObject, type JsonObject, protocolError, protocolFailure } from '../../wire/json.ts';
import { choiceIndex } from './measure.ts';

const DONE_MARK = Buffer.from('[DONE]');

/** Whether the payload is the `[DONE]` that ends a stream; anything after the bracket (a space, seen in the wild) is ignored. */
export function isDone(data: Buffer): boolean {
  return (
    data[0] === 0x5b && data.length >= DONE_MARK.length && data.compare(DONE_MARK, 0, DONE_MARK.length, 0, DONE_MARK.length) === 0
  );
}

/**
 * One event of a chat stream as a chunk whose `choices`, where there are any, are objects with a usable index (see `choiceIndex`).
 * Throws `TranslationError`: `protocol` for what is not a chunk, the upstream's own error for an event that carries one at the
 * top, beside choices (OpenRouter), inside a choice, or by the event name `error` (Groq).
 */
export function readChunk(event: SseEvent, secrets: readonly string[]): JsonObject {
  const chunk = readEvent(event, (document) => embeddedFailure(document, secrets));
  const { choices } = chunk;
  if (choices === undefined || choices === null) return chunk;
  if (!Array.isArray(choices)) protocolError('The provider sent a stream event whose "choices" is not an array.');
  for (const choice of choices) checkChoice(choice, secrets);
  return chunk;
}

function checkChoice(choice: unknown, secrets: readonly string[]): void {
  if (!isObject(choice) || choiceIndex(choice.index) === null) {
    protocolError('The provider sent a stream event with an invalid choice or choice index.');
  }
  const failure = choice.error ? embeddedFailure({ error: choice.error }, secrets) : null;
  if (failure !== null) throw new TranslationError(failure);
  if (choice.finish_reason === 'error') {
    throw new TranslationError({ ...protocolFailure('The provider ended the answer with an error.'), reason: 'server' });
  }
}

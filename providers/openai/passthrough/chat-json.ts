import { type JsonAnswer, TranslationError } from '../../provider.ts';
import { embeddedFailure } from '../../wire/failure.ts';
import { isObject, type JsonObject, parseBody, protocolError, protocolFailure, textOf } from '../../wire/json.ts';
import { choiceIndex, generatedCharacters, hasContent } from '../chat/measure.ts';
import { findChatUsage, readChatUsage } from '../usage.ts';

/**
 * A parsed 2xx body as a chat completion: an object with a non-empty `choices` array of objects that have a `message`. Throws
 * `TranslationError`: the error a 200 carries, or `protocol` for anything else.
 */
export function verifyChatCompletion(body: unknown, secrets: readonly string[] = []): JsonObject {
  const failure = embeddedFailure(body, secrets);
  if (failure !== null) throw new TranslationError(failure);
  if (!isObject(body)) protocolError('The provider answered with JSON that is not an object.');
  const { choices } = body;
  if (!Array.isArray(choices) || choices.length === 0) protocolError('The provider answered without "choices".');
  const seen = new Set<number>();
  for (const [position, choice] of choices.entries()) {
    if (!isObject(choice)) protocolError('The provider answered with a choice that is not an object.');
    const index = choice.index === undefined ? position : choiceIndex(choice.index);
    if (index === null || seen.has(index)) protocolError('The provider answered with an invalid or repeated choice index.');
    seen.add(index);
    const inner = choice.error ? embeddedFailure({ error: choice.error }, secrets) : null;
    if (inner !== null) throw new TranslationError(inner);
    if (choice.finish_reason === 'error') {
      throw new TranslationError({ ...protocolFailure('The provider ended the answer with an error.'), reason: 'server' });
    }
    if (!isObject(choice.message)) protocolError('The provider answered with a choice that has no message.');
  }
  return body;
}

/** Whether a content filter left nothing of an answer; what the model thought before does not count. */
function isFiltered({ finish_reason, message }: JsonObject): boolean {
  if (finish_reason !== 'content_filter') return false;
  const { reasoning, reasoning_content, refusal, ...rest } = message as JsonObject;
  return !hasContent(rest);
}

/** A 2xx chat answer for a caller of the same dialect: the same bytes, once they are proven to be an answer. */
export function chatAnswer(bytes: Buffer, secrets: readonly string[]): JsonAnswer {
  const body = verifyChatCompletion(parseBody(bytes), secrets);
  let characters = 0;
  for (const choice of body.choices as readonly JsonObject[]) characters += generatedCharacters(choice.message as JsonObject);
  const { choices } = body as { readonly choices: readonly JsonObject[] };
  return {
    bytes,
    usage: readChatUsage(findChatUsage(body)),
    model: textOf(body.model),
    characters,
    ...(choices.every(isFiltered) ? { filtered: true } : {}),
  };
}

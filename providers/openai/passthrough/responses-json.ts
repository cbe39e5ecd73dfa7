import { type JsonAnswer, TranslationError, type UpstreamFailure } from '../../provider.ts';
import { embeddedFailure } from '../../wire/failure.ts';
import { isObject, type JsonObject, parseBody, protocolError, protocolFailure, textOf } from '../../wire/json.ts';
import { readResponsesUsage } from '../usage.ts';

/** The failure a Response object carries: `error`, or a status that says it broke; null for a usable one. */
export function failureOfResponse(response: JsonObject, secrets: readonly string[]): UpstreamFailure | null {
  const failure = embeddedFailure(response, secrets);
  if (failure !== null) return failure;
  if (response.status !== 'failed' && response.status !== 'cancelled') return null;
  return { ...protocolFailure(`The provider answered with status "${response.status}".`), reason: 'server' };
}

/** A parsed 2xx body as a Response object. Throws `TranslationError`. */
export function verifyResponse(body: unknown, secrets: readonly string[]): JsonObject {
  const failure = isObject(body) ? failureOfResponse(body, secrets) : embeddedFailure(body, secrets);
  if (failure !== null) throw new TranslationError(failure);
  if (!isObject(body) || !Array.isArray(body.output)) protocolError('The provider answered without an "output" array.');
  for (const item of body.output) {
    if (!isObject(item)) protocolError('The provider answered with an output item that is not an object.');
  }
  return body;
}

/** A 2xx Responses API answer, bytes untouched. */
export function responsesAnswer(bytes: Buffer, secrets: readonly string[]): JsonAnswer {
  return { bytes, ...readResponse(verifyResponse(parseBody(bytes), secrets)) };
}

/** Usage, model and generated characters of a Response object. */
export function readResponse(response: JsonObject): Omit<JsonAnswer, 'bytes'> {
  let characters = 0;
  if (Array.isArray(response.output)) for (const item of response.output) characters += itemCharacters(item);
  const details = response.incomplete_details;
  const filtered = characters === 0 && isObject(details) && details.reason === 'content_filter';
  return {
    usage: readResponsesUsage(response.usage),
    model: textOf(response.model),
    characters,
    ...(filtered ? { filtered } : {}),
  };
}

/** Text, refusals, reasoning summaries and tool arguments of one output item. */
export function itemCharacters(item: unknown): number {
  if (!isObject(item)) return 0;
  let count = 0;
  for (const value of [item.arguments, item.input, item.code]) if (typeof value === 'string') count += value.length;
  for (const list of [item.content, item.summary]) {
    if (!Array.isArray(list)) continue;
    for (const part of list) {
      if (!isObject(part)) continue;
      for (const value of [part.text, part.refusal, part.transcript]) if (typeof value === 'string') count += value.length;
    }
  }
  return count;
}

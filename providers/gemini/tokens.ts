import type { CallBody } from '../provider.ts';
import { isObject } from '../wire/json.ts';

/** Tokens of an image, of a page of a document, of ten seconds of sound or one of video, about. */
const MEDIUM_TOKENS = 258;
/** Base64 characters of a document or a recording for each further such portion. */
const MEDIUM_SIZE = 50_000;
const CHARACTERS_PER_TOKEN = 4;

/**
 * Tokens of a part of a request, estimated: four characters of text each, schemas and names of members included; media by
 * their kind and size, never by reading them. `cut` has the lengths of texts that only stand for long ones.
 */
export function estimateTokens(value: unknown, cut?: CallBody['cut']): number {
  let characters = 0;
  let media = 0;
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === 'string') characters += lengthOf(next, cut);
    else if (Array.isArray(next)) for (const each of next) rest.push(each);
    else if (isObject(next)) {
      if (typeof next.mimeType === 'string' || typeof next.fileUri === 'string') media += mediumTokens(next.mimeType, next.data);
      else {
        for (const key in next) {
          characters += key.length;
          rest.push(next[key]);
        }
      }
    } else if (typeof next === 'number') characters += CHARACTERS_PER_TOKEN;
  }
  return Math.ceil(characters / CHARACTERS_PER_TOKEN) + media;
}

function lengthOf(text: string, cut: CallBody['cut']): number {
  const original = cut?.get(text);
  return original === undefined ? text.length : original.end - original.start;
}

function mediumTokens(type: unknown, data: unknown): number {
  const size = typeof data === 'string' ? data.length : 0;
  const portions = typeof type === 'string' && type.startsWith('image/') ? 1 : 1 + Math.floor(size / MEDIUM_SIZE);
  return MEDIUM_TOKENS * portions;
}

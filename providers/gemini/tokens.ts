import type { CallBody } from '../provider.ts';
import type { ImageSize, TokenRules } from '../tokens.ts';
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

/** Tiles of 768 pixels. */
function tiles(size: ImageSize | null): number {
  return (size === null ? 12 : Math.min(12, Math.ceil(size.width / 768) * Math.ceil(size.height / 768))) * MEDIUM_TOKENS;
}

/** Up to 384 pixels one portion; else the whole and tiles whose side is two thirds of the shorter one, 256 to 768 pixels. */
function smallTiles(size: ImageSize | null): number {
  if (size === null) return 13 * MEDIUM_TOKENS;
  if (Math.max(size.width, size.height) <= 384) return MEDIUM_TOKENS;
  const tile = Math.min(768, Math.max(256, Math.floor(Math.min(size.width, size.height) / 1.5)));
  return (1 + Math.min(12, Math.ceil(size.width / tile) * Math.ceil(size.height / tile))) * MEDIUM_TOKENS;
}

const common = {
  encoding: 'o200k_base',
  ascii: 1.09,
  other: 1.3,
  spread: 0.08,
  digit: 0.67,
  signature: 0.15,
  longSignature: 0.15,
  // Shares of tokens are rounded up, so the token that begins a prompt is in the factor.
  request: 0,
  message: 0,
  call: 12,
  result: 12,
  thinking: 0,
  tools: { any: 10, each: 10, json: 0, words: 1.1, node: 12, nested: 30, described: 8 },
  forced: 0,
  schema: { any: 0, each: 0, json: 0, words: 0, node: 0, nested: 0, described: 0 },
  image: tiles,
  audioSecond: 33,
  videoSecond: 300,
  page: MEDIUM_TOKENS,
  hosted: {
    google_search: 500,
    url_context: 6_000,
    code_execution: 2_500,
    file_search: 2_000,
    google_maps: 2_000,
    computer_use: 2_000,
    enterprise_web_search: 500,
    history: 8_000,
  },
  context: 1_100_000,
} as const satisfies Partial<TokenRules>;

/**
 * First match decides. https://ai.google.dev/gemini-api/docs/tokens and .../media-resolution; the rest by recorded usage. Vertex AI
 * counts less of the same: no thought signatures, no functions without parameters.
 */
export const geminiTokens: readonly TokenRules[] = [
  {
    ...common,
    models: /gemini-(?:1|2\.0)/,
    call: 2,
    result: 2,
    tools: { any: 2, each: 2, json: 0, words: 0.55, node: 3, nested: 0, described: 0 },
    image: smallTiles,
    page: 5 * MEDIUM_TOKENS,
    context: 2_100_000,
  },
  { ...common, models: /gemini-2/ },
  // A budget of tokens per medium instead of tiles.
  {
    ...common,
    models: /gemini|gemma/,
    signature: 0.17,
    longSignature: 0.235,
    call: 13,
    result: 12,
    tools: { ...common.tools, any: 9, each: 7 },
    image: (_size, detail) => (detail === 'original' ? 2240 : 1120),
    audioSecond: 26,
    page: 1120,
  },
];

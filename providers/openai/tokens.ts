import type { ImageSize, TokenRules } from '../tokens.ts';

// Vision: https://developers.openai.com/api/docs/guides/images-vision (costs by model); messages and functions: the cookbook on
// counting tokens; the rest by recorded usage (test/recordings/reserve.test.ts).

const none = { any: 0, each: 0, json: 0, words: 0, node: 0, nested: 0, described: 0 };

/** Images are fitted into 2048 x 2048, then to a shorter side of 768, and cut into tiles of 512. */
function tiles(base: number, tile: number): TokenRules['image'] {
  return (size, detail) => {
    if (detail === 'low') return base;
    if (size === null) return base + 8 * tile;
    const fit = Math.min(1, 2048 / Math.max(size.width, size.height));
    const width = size.width * fit;
    const height = size.height * fit;
    const shrink = Math.min(1, 768 / Math.min(width, height));
    return base + Math.ceil((width * shrink) / 512) * Math.ceil((height * shrink) / 512) * tile;
  };
}

/** Patches of 32 x 32 pixels, at most `most`, times a factor of the model. */
function patches(most: number, factor: number): TokenRules['image'] {
  return (size) => Math.ceil(Math.min(most, size === null ? most : patchesOf(size)) * factor) + 3;
}

function patchesOf({ width, height }: ImageSize): number {
  return Math.ceil(width / 32) * Math.ceil(height / 32);
}

const common = {
  encoding: 'o200k_base',
  ascii: 1,
  other: 1,
  spread: 0,
  digit: 0,
  signature: 0,
  longSignature: 0,
  request: 3,
  message: 4,
  call: 8,
  result: 6,
  thinking: 0,
  tools: { any: 14, each: 9, json: 0, words: 1, node: 6, nested: 0, described: 0 },
  forced: 0,
  schema: { any: 26, each: 0, json: 0, words: 1, node: 8, nested: 0, described: 0 },
  audioSecond: 11,
  videoSecond: 300,
  page: 1200,
  hosted: {
    history: 8_000,
    web_search: 20_000,
    file_search: 8_000,
    code_interpreter: 4_000,
    image_generation: 2_000,
    computer: 4_000,
    mcp: 4_000,
  },
  context: 1_100_000,
} as const satisfies Partial<TokenRules>;

/** First match decides. */
export const openaiTokens: readonly TokenRules[] = [
  {
    ...common,
    models: /gpt-oss/,
    request: 76,
    tools: { ...common.tools, any: 30 },
    schema: { ...common.schema, any: 75 },
    image: tiles(85, 170),
  },
  { ...common, models: /gpt-4o-mini/, image: tiles(2833, 5667) },
  { ...common, models: /gpt-5\.4/, tools: { ...common.tools, any: 105 }, image: patches(10_000, 1.62) },
  { ...common, models: /gpt-(?:5[\d.]*|4\.1)-nano/, image: patches(1536, 2.46) },
  { ...common, models: /gpt-(?:5[\d.]*|4\.1)-mini/, image: patches(1536, 1.62) },
  { ...common, models: /o4-mini/, image: patches(1536, 1.72) },
  { ...common, models: /gpt-5(?:\.[12])?(?!\.\d)/, image: tiles(70, 140) },
  { ...common, models: /gpt-[5-9]/, image: patches(10_000, 1.2) },
  { ...common, models: /(?:^|[/.])o[1-9]/, image: tiles(75, 150) },
  { ...common, models: /gpt-4o|gpt-4\.|chatgpt|gpt-audio/, image: tiles(85, 170) },
  {
    ...common,
    models: /text-embedding|gpt-3\.5|gpt-4|gpt-35/,
    encoding: 'cl100k_base',
    image: tiles(85, 170),
    schema: { ...none, any: 20, words: 1, node: 8, nested: 0, described: 0 },
  },
];

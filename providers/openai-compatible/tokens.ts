import type { ImageSize, TokenRules } from '../tokens.ts';

// Models of any maker behind servers of many: what they add beside the text is in templates of the models, by recorded usage.

const most = 6_000;

/** 28 x 28 pixels each, as the common vision encoders cut an image. */
function patches(size: ImageSize | null): number {
  return size === null ? most : Math.min(most, Math.ceil(size.width / 28) * Math.ceil(size.height / 28) + 64);
}

const common = {
  encoding: 'o200k_base',
  ascii: 1.2,
  other: 1.6,
  spread: 0.1,
  digit: 0,
  signature: 0,
  longSignature: 0,
  request: 6,
  message: 5,
  call: 30,
  result: 20,
  thinking: 0,
  tools: { any: 60, each: 10, json: 1.2, words: 0, node: 0, nested: 0, described: 0 },
  forced: 0,
  schema: { any: 60, each: 0, json: 1.5, words: 0, node: 0, nested: 0, described: 0 },
  image: patches,
  audioSecond: 50,
  videoSecond: 400,
  page: 3_000,
  hosted: {
    history: 8_000,
    'openrouter:web_search': 8_000,
    'openrouter:advisor': 1_500,
    web_search: 20_000,
    code_interpreter: 4_000,
    mcp: 4_000,
  },
  context: 12_000_000,
} as const satisfies Partial<TokenRules>;

/** Tiles of 336 pixels, at most 16, and the whole. */
function llamaTiles(size: ImageSize | null): number {
  const tiles = size === null ? 16 : Math.min(16, Math.ceil(size.width / 336) * Math.ceil(size.height / 336));
  return (tiles + 1) * 148;
}

/** First match decides, the last matches any model. */
export const compatibleTokens: readonly TokenRules[] = [
  { ...common, models: /llama-?4/, request: 12, tools: { ...common.tools, any: 660 }, image: llamaTiles },
  {
    ...common,
    models: /deepseek/,
    ascii: 1.06,
    request: 4,
    message: 1,
    call: 45,
    result: 30,
    tools: { ...common.tools, any: 310 },
  },
  { ...common, models: /llama-?3\.3/, request: 45, message: 2, ascii: 1.1 },
  { ...common, models: /llama/, request: 35, message: 2, ascii: 1.1 },
  {
    ...common,
    models: /magistral/,
    ascii: 1.17,
    digit: 0.8,
    request: 10,
    message: 2,
    tools: { ...common.tools, any: 10, each: 6 },
  },
  {
    ...common,
    models: /mistral|mixtral|pixtral|codestral|ministral|devstral/,
    ascii: 1.17,
    digit: 0.8,
    request: 1,
    thinking: 10,
    message: 2,
    call: 14,
    result: 10,
    tools: { ...common.tools, any: 10, each: 6 },
  },
  { ...common, models: /qwen/, digit: 0.8, request: 8, schema: { ...common.schema, any: 75 } },
  { ...common, models: /(?:)/, digit: 0.4, request: 45, tools: { ...common.tools, any: 100 } },
];

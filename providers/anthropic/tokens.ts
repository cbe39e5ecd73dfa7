import type { TokenRules } from '../tokens.ts';

// The vocabulary is not published: tokens of another one, times what recorded usage has shown at most. Tool instructions and images:
// https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview and .../build-with-claude/vision.

/** 750 pixels a token, after fitting the longer side. */
function pixels(side: number, most: number): TokenRules['image'] {
  return (size) => {
    if (size === null) return most;
    const fit = Math.min(1, side / Math.max(size.width, size.height));
    return Math.min(most, Math.ceil((size.width * fit * size.height * fit) / 750) + 4);
  };
}

const common = {
  encoding: 'o200k_base',
  ascii: 1.2,
  other: 2,
  spread: 0.05,
  digit: 0,
  signature: 0,
  longSignature: 0,
  request: 4,
  message: 4,
  call: 40,
  result: 30,
  thinking: 30,
  tools: { any: 505, each: 0, json: 1.5, words: 0, node: 0, nested: 0, described: 0 },
  forced: 110,
  schema: { any: 130, each: 0, json: 1.5, words: 0, node: 0, nested: 0, described: 0 },
  image: pixels(1568, 1640),
  audioSecond: 30,
  videoSecond: 300,
  page: 3000,
  hosted: {
    history: 8_000,
    web_search: 20_000,
    web_fetch: 10_000,
    code_execution: 4_800,
    memory: 1_700,
    tool_search: 1_200,
    advisor: 2_500,
    mcp: 5_500,
    computer: 1_500,
    bash: 700,
    text_editor: 1_100,
  },
  context: 1_000_000,
} as const satisfies Partial<TokenRules>;

/** First match decides. */
export const anthropicTokens: readonly TokenRules[] = [
  { ...common, models: /claude-(?:[12]|instant)/ },
  { ...common, models: /claude-3/, tools: { ...common.tools, any: 346 } },
  { ...common, models: /claude-(?:opus|sonnet)-4(?:[-.@][01])?(?:$|[-@]\d{8}|:)/, tools: { ...common.tools, any: 346 } },
  { ...common, models: /claude-(?:opus|sonnet|haiku)-4[-.][56]/ },
  // Since Opus 4.7 the vocabulary takes up to 1.35 times the tokens, and images are 2576 pixels wide.
  {
    ...common,
    models: /claude/,
    ascii: 1.55,
    request: 2,
    message: 1,
    other: 2.6,
    thinking: 0,
    tools: { ...common.tools, any: 700, json: 2 },
    image: pixels(2576, 4790),
  },
];

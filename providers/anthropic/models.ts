import type { ModelInfo } from '../provider.ts';

// What the models of this vendor take, as data. Sources: the vendor's model pages and migration guides of each generation, the
// table "Thinking support, defaults, and rejected configurations by model", "Effort", "Prompt caching" (minimum lengths) and
// "Preserved thinking", read as of November 2026; recorded answers where there are some.

/** How reasoning is asked for. */
export interface ThinkingRules {
  /** `manual`: a token budget. `adaptive`: the model decides, steered by effort. `either`: both, adaptive preferred. */
  readonly form: 'none' | 'manual' | 'adaptive' | 'either';
  /** It reasons without being asked. */
  readonly onByDefault: boolean;
  /** The value of `thinking.type` that turns it off; null when nothing does. */
  readonly off: 'disabled' | 'between_tools' | null;
  /** Levels of `output_config.effort`, ascending; empty when it takes none. */
  readonly efforts: readonly string[];
  /** Reasoning comes back without its text unless the text is asked for. */
  readonly hidden: boolean;
  /** Signed reasoning is valid only behind the very conversation it was made in. */
  readonly bound: boolean;
}

export interface ModelRules {
  /** Tokens. */
  readonly contextWindow: number;
  /** Largest `max_tokens`. */
  readonly maxOutputTokens: number;
  /** `max_tokens` when the caller names no limit. */
  readonly defaultMaxTokens: number;
  readonly thinking: ThinkingRules;
  /** temperature, top_p, top_k: `both` together, `either` temperature or top_p, `none`: only their defaults are taken. */
  readonly sampling: 'both' | 'either' | 'none';
  /** Continues an assistant turn at the end of the conversation. */
  readonly prefill: boolean;
  /** Takes `tool_choice` any and tool. */
  readonly forcedTools: boolean;
  /** `output_config.format` and strict tools. */
  readonly structuredOutput: boolean;
  /** Takes `role: system` inside the conversation. */
  readonly systemTurns: boolean;
  readonly documents: boolean;
  /** Tokens a prefix needs to be cached. */
  readonly minCacheTokens: number;
}

const NO_THINKING: ThinkingRules = { form: 'none', onByDefault: false, off: null, efforts: [], hidden: false, bound: false };
const MANUAL: ThinkingRules = { ...NO_THINKING, form: 'manual' };
const LEVELS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
const WITHOUT_XHIGH = ['low', 'medium', 'high', 'max'] as const;
const EITHER: ThinkingRules = { ...NO_THINKING, form: 'either', off: 'disabled', efforts: WITHOUT_XHIGH };
const ADAPTIVE: ThinkingRules = { ...NO_THINKING, form: 'adaptive', off: 'disabled', efforts: LEVELS, hidden: true };
const ON: ThinkingRules = { ...ADAPTIVE, onByDefault: true };
const ALWAYS: ThinkingRules = { ...ON, off: null };
const BOUND: ThinkingRules = { ...ALWAYS, bound: true };

const GEN_3: ModelRules = {
  contextWindow: 200_000,
  maxOutputTokens: 4096,
  defaultMaxTokens: 4096,
  thinking: NO_THINKING,
  sampling: 'both',
  prefill: true,
  forcedTools: true,
  structuredOutput: false,
  systemTurns: false,
  documents: false,
  minCacheTokens: 1024,
};
const GEN_3_5: ModelRules = { ...GEN_3, maxOutputTokens: 8192, defaultMaxTokens: 8192, documents: true };
// Up to 4.1 a prompt and `max_tokens` that do not fit the window together are refused, so the default leaves room.
const GEN_4: ModelRules = {
  ...GEN_3_5,
  maxOutputTokens: 32_000,
  defaultMaxTokens: 32_000,
  thinking: MANUAL,
  sampling: 'either',
};
const GEN_4_5: ModelRules = { ...GEN_4, maxOutputTokens: 64_000, defaultMaxTokens: 64_000, structuredOutput: true };
const GEN_4_6: ModelRules = {
  ...GEN_4_5,
  contextWindow: 1_000_000,
  maxOutputTokens: 128_000,
  defaultMaxTokens: 128_000,
  thinking: EITHER,
  prefill: false,
};
const GEN_4_7: ModelRules = { ...GEN_4_6, thinking: ADAPTIVE, sampling: 'none' };
const GEN_5: ModelRules = { ...GEN_4_7, thinking: ON, systemTurns: true, minCacheTokens: 512 };
const ALWAYS_ON: ModelRules = { ...GEN_5, thinking: ALWAYS };
const NEWEST: ModelRules = { ...GEN_5, thinking: BOUND, forcedTools: false };

/** Rules from that version on, ascending. */
type Line = readonly { readonly from: number; readonly rules: ModelRules }[];

const CREATIVE: Line = [
  { from: 0, rules: ALWAYS_ON },
  { from: 5.01, rules: NEWEST },
];

/** By model line. A version that is not there has the rules of the one before it. */
const LINES: Readonly<Record<string, Line>> = {
  haiku: [
    { from: 0, rules: { ...GEN_3, minCacheTokens: 2048 } },
    { from: 3.05, rules: { ...GEN_3_5, minCacheTokens: 2048 } },
    { from: 4.05, rules: { ...GEN_4_5, minCacheTokens: 4096 } },
    { from: 5.05, rules: { ...GEN_5, thinking: { ...ON, bound: true } } },
  ],
  sonnet: [
    { from: 0, rules: GEN_3 },
    { from: 3.05, rules: GEN_3_5 },
    { from: 3.07, rules: { ...GEN_4, maxOutputTokens: 64_000, sampling: 'both' } },
    { from: 4, rules: { ...GEN_4, maxOutputTokens: 64_000 } },
    { from: 4.05, rules: GEN_4_5 },
    { from: 4.06, rules: GEN_4_6 },
    { from: 5, rules: { ...GEN_5, systemTurns: false, minCacheTokens: 1024 } },
    { from: 5.05, rules: { ...NEWEST, thinking: { ...BOUND, off: 'between_tools' } } },
  ],
  opus: [
    { from: 0, rules: GEN_3 },
    { from: 4, rules: GEN_4 },
    { from: 4.01, rules: { ...GEN_4, structuredOutput: true } },
    { from: 4.05, rules: { ...GEN_4_5, minCacheTokens: 4096 } },
    { from: 4.06, rules: { ...GEN_4_6, minCacheTokens: 4096 } },
    { from: 4.07, rules: { ...GEN_4_7, minCacheTokens: 2048 } },
    { from: 4.08, rules: { ...GEN_4_7, systemTurns: true } },
    { from: 5, rules: GEN_5 },
    { from: 5.05, rules: NEWEST },
  ],
  fable: CREATIVE,
  mythos: CREATIVE,
};

const PREVIEW: ModelRules = {
  ...GEN_4_7,
  thinking: { ...ALWAYS, form: 'either', efforts: WITHOUT_XHIGH },
  forcedTools: false,
};

/** A model of another vendor behind the same API: what nearly all of them take. */
const FOREIGN: ModelRules = { ...GEN_3_5, maxOutputTokens: Number.MAX_SAFE_INTEGER, thinking: MANUAL };

// `claude-opus-4-1-20250805`, `claude-opus-4.1`, `anthropic.claude-opus-4-1-20250805-v1:0`; and up to 3.7 the number came first.
const LINE_FIRST = /claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)/;
const NUMBER_FIRST = /claude-(\d{1,2})(?:[-.](\d{1,2}))?-([a-z]+)/;

/** The rules for a model by its upstream id; those of the newest models for one that is newer than this table. */
export function rulesOf(model: string): ModelRules {
  return ownRules(model) ?? FOREIGN;
}

function ownRules(model: string): ModelRules | null {
  const id = model.toLowerCase();
  if (!id.includes('claude')) return null;
  if (id.includes('mythos-preview')) return PREVIEW;
  const line = LINE_FIRST.exec(id);
  const number = line === null ? NUMBER_FIRST.exec(id) : null;
  if (line !== null) return ruleFor(line[1]!, versionOf(line[2], line[3]));
  return number === null
    ? /claude-(?:\d|v\d|instant)/.test(id)
      ? GEN_3
      : NEWEST
    : ruleFor(number[3]!, versionOf(number[1], number[2]));
}

/** 4.1 as 4.01, so that versions can be compared. */
function versionOf(major: string | undefined, minor: string | undefined): number {
  return Number(major) + Number(minor ?? 0) / 100;
}

function ruleFor(line: string, version: number): ModelRules {
  const rows = Object.hasOwn(LINES, line) ? LINES[line]! : null;
  if (rows === null) return version >= 5 ? NEWEST : GEN_3;
  return rows.findLast(({ from }) => version >= from)!.rules;
}

/** `ProviderType.describe`. Null for a model of another vendor. */
export function describe(model: string): Partial<ModelInfo> | null {
  const rules = ownRules(model);
  if (rules === null) return null;
  return {
    contextWindow: rules.contextWindow,
    maxOutputTokens: rules.maxOutputTokens,
    operations: ['chat'],
    input: rules.documents ? ['text', 'image', 'file'] : ['text', 'image'],
    output: ['text'],
    tools: true,
    // Where the API has no format for it, a tool that has to be called takes the answer.
    structuredOutput: rules.structuredOutput || rules.forcedTools,
    reasoning: rules.thinking.form !== 'none',
    sampling: rules.sampling !== 'none',
    minCacheTokens: rules.minCacheTokens,
  };
}

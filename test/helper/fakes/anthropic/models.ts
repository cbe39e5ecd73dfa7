/** What one family of models takes. Every rule of the fake that depends on the model is a member here. */
export interface AnthropicModel {
  /** Names, tried in the order of the list. */
  readonly match: RegExp;
  readonly maxTokens: number;
  /** The values of `thinking.type` it takes. */
  readonly thinking: readonly ThinkingType[];
  /** Efforts refused while thinking is `disabled` or `between_tools`. */
  readonly notWhileOff?: readonly string[];
  readonly efforts: readonly string[];
  /** `free`; `one`: temperature or top_p; `default`: none but the default values. */
  readonly sampling: 'free' | 'one' | 'default';
  /** A conversation may end with text of the assistant. */
  readonly prefill: boolean;
  /** `tool_choice` of type `any` and `tool`. */
  readonly forcedTools: boolean;
  /** `output_config.format` and `strict`. */
  readonly structured: boolean;
  /** Messages of role `system` inside the conversation. */
  readonly systemTurns: boolean;
  /** The shortest prefix that is cached, in tokens; shorter ones are ignored. */
  readonly minCacheTokens: number;
}

export type ThinkingType = 'enabled' | 'disabled' | 'adaptive' | 'between_tools';

const all = ['low', 'medium', 'high', 'xhigh', 'max'];
const noXhigh = ['low', 'medium', 'high', 'max'];

const newest = {
  maxTokens: 128_000,
  thinking: ['adaptive'],
  efforts: all,
  sampling: 'default',
  prefill: false,
  forcedTools: true,
  structured: true,
  systemTurns: true,
  minCacheTokens: 1024,
} as const;
const switchable = { ...newest, thinking: ['adaptive', 'disabled'] } as const;
const both = {
  ...newest,
  thinking: ['adaptive', 'enabled', 'disabled'],
  efforts: noXhigh,
  sampling: 'one',
  systemTurns: false,
} as const;
const manual = {
  maxTokens: 64_000,
  thinking: ['enabled', 'disabled'],
  efforts: [],
  sampling: 'one',
  prefill: true,
  forcedTools: true,
  structured: true,
  systemTurns: false,
  minCacheTokens: 1024,
} as const;
const old = { ...manual, sampling: 'free', structured: false } as const;

/**
 * Efforts of 4.6: a recorded refusal. The rest: the vendor's migration guides and probes of the live API that others
 * published (thinking types, sampling fields, prefill, system turns and forced tool choice per family, autumn 2026).
 */
export const anthropicModels: readonly AnthropicModel[] = [
  { match: /^claude-(fable|mythos)-5-\d/, ...newest, forcedTools: false },
  { match: /^claude-(fable|mythos)-5/, ...newest },
  {
    match: /^claude-mythos-preview/,
    ...newest,
    thinking: ['adaptive', 'enabled'],
    efforts: noXhigh,
    forcedTools: false,
    systemTurns: false,
  },
  { match: /^claude-opus-5-5/, ...newest, forcedTools: false },
  { match: /^claude-opus-5/, ...switchable, notWhileOff: ['xhigh', 'max'] },
  { match: /^claude-opus-4-8/, ...switchable },
  { match: /^claude-opus-4-7/, ...switchable, systemTurns: false },
  {
    match: /^claude-sonnet-5-5/,
    ...newest,
    thinking: ['adaptive', 'between_tools'],
    notWhileOff: ['xhigh', 'max'],
    forcedTools: false,
  },
  { match: /^claude-sonnet-5/, ...switchable, systemTurns: false },
  { match: /^claude-haiku-5-5/, ...switchable, notWhileOff: ['xhigh', 'max'] },
  { match: /^claude-opus-4-6/, ...both },
  { match: /^claude-sonnet-4-6/, ...both },
  { match: /^claude-opus-4-5/, ...manual, efforts: ['low', 'medium', 'high'], minCacheTokens: 4096 },
  { match: /^claude-sonnet-4-5/, ...manual },
  { match: /^claude-haiku-4-5/, ...manual, minCacheTokens: 4096 },
  { match: /^claude-opus-4-1/, ...manual, maxTokens: 32_000 },
  { match: /^claude-opus-4(-0|-20\d{6})?$/, ...old, maxTokens: 32_000 },
  { match: /^claude-sonnet-4(-0|-20\d{6})?$/, ...old },
  { match: /^claude-3-7-sonnet/, ...old },
  { match: /^claude-3-5-/, ...old, maxTokens: 8192, thinking: [] },
  { match: /^claude-3-/, ...old, maxTokens: 4096, thinking: [] },
];

/** The family of a model; null where there is no such model. */
export function anthropicModel(name: string): AnthropicModel | null {
  return anthropicModels.find((model) => model.match.test(name)) ?? null;
}

/** The names that the list of models shows, newest first. */
export const listedModels: readonly string[] = [
  'claude-fable-5-1',
  'claude-opus-5-5',
  'claude-sonnet-5-5',
  'claude-haiku-5-5',
  'claude-opus-5',
  'claude-sonnet-5',
  'claude-opus-4-8',
  'claude-sonnet-4-6',
  'claude-haiku-4-5-20251001',
  'claude-sonnet-4-5-20250929',
];

import type { EncodeNotes } from '../provider.ts';
import type { ChatRequest, Message } from '../unified.ts';
import { refuse } from '../wire/json.ts';
import { isOwnReasoning } from './blocks.ts';
import type { ModelRules, ThinkingRules } from './models.ts';
import type { Native } from './native.ts';

/** `thinking.block_binding` is taken with this beta feature only. */
const BINDING_BETA = 'thinking-binding-controls-2026-08-01';

/** Tokens of reasoning by level, for models that take a budget; never more than the caller's limit leaves. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 32_768,
  max: 65_536,
};
const MIN_BUDGET = 1024;

/** Levels that callers know, ascending. */
const ORDER = ['minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

export interface ThinkingPlan {
  /** The request's `thinking`; null to say nothing. */
  readonly config: Readonly<Record<string, unknown>> | null;
  /** `output_config.effort`. */
  readonly effort: string | null;
  readonly mode: 'off' | 'manual' | 'adaptive';
  /** Beta features that it needs. */
  readonly betas: readonly string[];
}

interface Circumstances {
  readonly rules: ModelRules;
  readonly native: Native;
  /** Limit on generated tokens, reasoning included, as in `max_completion_tokens`. */
  readonly maxTokens: number;
  /** The answer has to be a call. */
  readonly forced: boolean;
  readonly notes: EncodeNotes;
}

/**
 * How the request asks for reasoning.
 *
 * The caller's limit is never raised: it includes reasoning in both APIs, so a budget is cut to three quarters of it, and given
 * up where less than the smallest one is left. Where reasoning is on by default its text is asked for, or it would be lost, and
 * with it what the model says between two calls. What the API would refuse a budget for (a forced call, a turn under way whose
 * reasoning is not there any more, a beginning of the answer) switches reasoning off for this call, with a note; models that
 * decide for themselves have no such rules.
 */
export function planThinking(request: ChatRequest, { rules, native, maxTokens, forced, notes }: Circumstances): ThinkingPlan {
  const plan =
    native.thinking === undefined
      ? byEffort(request, rules.thinking, maxTokens, notes)
      : byCaller(request, rules.thinking, native, notes);
  const field = native.thinking === undefined ? 'reasoning_effort' : native.thinkingField;
  const prefilled = request.messages.at(-1)?.role === 'assistant';
  const impossible =
    (plan.mode === 'manual' && (forced || prefilled || lacksReasoning(request.messages))) ||
    (plan.mode === 'adaptive' && prefilled);
  if (impossible) {
    notes.dropped(field);
    return off(null);
  }
  return rules.thinking.bound && plan.mode === 'adaptive' && request.messages.some(({ parts }) => parts.some(isOwnReasoning))
    ? bound(plan)
    : plan;
}

const off = (config: ThinkingPlan['config']): ThinkingPlan => ({ config, effort: null, mode: 'off', betas: [] });

function byCaller(request: ChatRequest, rules: ThinkingRules, native: Native, notes: EncodeNotes): ThinkingPlan {
  const config = native.thinking!;
  const mode = config.type === 'enabled' ? 'manual' : config.type === 'adaptive' ? 'adaptive' : 'off';
  const { reasoningEffort: level } = request;
  if (level === undefined || level === 'none') return { config, effort: null, mode, betas: [] };
  // "xhigh" and "max" are refused beside `disabled` and `between_tools` by the models since 5.
  const effort = effortFor(mode === 'off' && rank(level) > rank('high') ? 'high' : level, rules);
  if (effort === null) notes.dropped('reasoning_effort');
  return { config, effort, mode, betas: [] };
}

function byEffort(
  { reasoningEffort: level }: ChatRequest,
  rules: ThinkingRules,
  maxTokens: number,
  notes: EncodeNotes,
): ThinkingPlan {
  if (level === 'none') {
    if (!rules.onByDefault) return off(null);
    if (rules.off !== null) return off({ type: rules.off });
    notes.dropped('reasoning_effort');
    return { ...adaptive(rules), effort: rules.efforts[0] ?? null };
  }
  if (level === undefined) return rules.onByDefault ? adaptive(rules) : off(null);
  if (rank(level) === -1) {
    refuse(`\`reasoning_effort\` has to be one of: none, ${ORDER.join(', ')}.`, 'reasoning_effort');
  }
  if (rules.form === 'none') {
    notes.dropped('reasoning_effort');
    return off(null);
  }
  if (rules.form !== 'manual') return { ...adaptive(rules), effort: effortFor(level, rules) };
  const budget = Math.min(BUDGETS[level]!, Math.floor((maxTokens * 3) / 4));
  if (budget < MIN_BUDGET) {
    notes.dropped('reasoning_effort');
    return off(null);
  }
  return { config: { type: 'enabled', budget_tokens: budget }, effort: null, mode: 'manual', betas: [] };
}

function adaptive(rules: ThinkingRules): ThinkingPlan {
  return {
    config: { type: 'adaptive', ...(rules.hidden ? { display: 'summarized' } : {}) },
    effort: null,
    mode: 'adaptive',
    betas: [],
  };
}

const rank = (level: string): number => ORDER.indexOf(level as (typeof ORDER)[number]);

/** The level itself or the nearest below it that the model has, else its lowest; null when it has none or the word is unknown. */
function effortFor(level: string, { efforts }: ThinkingRules): string | null {
  const wanted = rank(level);
  if (wanted === -1) return null;
  return efforts.findLast((each) => rank(each) <= wanted) ?? efforts[0] ?? null;
}

/**
 * Whether the assistant's turn that the conversation ends in began without reasoning of its own: with a budget the API refuses
 * that ("Expected `thinking` … but found `tool_use`").
 */
function lacksReasoning(messages: readonly Message[]): boolean {
  const last = messages.findLastIndex(({ role }) => role === 'assistant');
  if (last === -1 || !messages[last]!.parts.some(({ type }) => type === 'tool_call')) return false;
  let first = last;
  for (let at = last; at >= 0 && (messages[at]!.role === 'assistant' || messages[at]!.role === 'tool'); at--) {
    if (messages[at]!.role === 'assistant') first = at;
  }
  return !messages[first]!.parts.some(isOwnReasoning);
}

/** What a client left out or changed of the conversation makes signed reasoning invalid: then it is to be ignored, not refused. */
function bound(plan: ThinkingPlan): ThinkingPlan {
  const config = { block_binding: { prefix_mismatch_behavior: 'drop_block' }, ...plan.config };
  return { ...plan, config, betas: [BINDING_BETA] };
}

import type { ChatRequest } from '../../unified.ts';
import { refuse } from '../../wire/json.ts';
import type { ModelFacts, ThinkingLevel } from '../models.ts';
import type { NativeOptions } from '../options.ts';
import type { Scene } from './media.ts';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;
type Effort = (typeof EFFORTS)[number];

/** Tokens by effort, as Google's own OpenAI-compatible endpoint has them (ai.google.dev, "OpenAI compatibility"). */
const BUDGETS: Readonly<Record<Exclude<Effort, 'none'>, number>> = {
  minimal: 1024,
  low: 1024,
  medium: 8192,
  high: 24_576,
  xhigh: 24_576,
  max: 24_576,
};

const LEVELS: Readonly<Record<Effort, ThinkingLevel>> = {
  none: 'MINIMAL',
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
  xhigh: 'HIGH',
  max: 'HIGH',
};

/**
 * `thinkingConfig` for `reasoning_effort`, or as the caller wrote it in `google.thinking_config`; undefined for neither, which
 * leaves the model at its default. Who asks for an effort is shown the thoughts (`reasoning_content`); `none` turns thinking
 * off where that can be, else down to the least. Throws `TranslationError` for both at once or an effort that does not exist.
 */
export function thinkingConfig(request: ChatRequest, options: NativeOptions, scene: Scene): Record<string, unknown> | undefined {
  const { reasoningEffort: effort } = request;
  if (options.thinking !== null) {
    if (effort !== undefined) {
      refuse('`reasoning_effort` and `google.thinking_config` say the same thing; send one of them.', 'reasoning_effort');
    }
    return options.thinking;
  }
  if (effort === undefined) return undefined;
  if (!isEffort(effort)) {
    refuse(`\`reasoning_effort\` has to be one of ${EFFORTS.join(', ')}.`, 'reasoning_effort');
  }
  const config = controlled(effort, scene.facts);
  if (config === null) {
    if (effort !== 'none') scene.notes.dropped('reasoning_effort');
    return undefined;
  }
  return effort === 'none' ? config : { ...config, includeThoughts: true };
}

function controlled(effort: Effort, { thinking }: ModelFacts): Record<string, unknown> | null {
  switch (thinking.by) {
    case 'none':
      return null;
    case 'budget': {
      const { min, max, off } = thinking;
      if (effort === 'none') return { thinkingBudget: off ? 0 : min };
      return { thinkingBudget: Math.min(max, Math.max(min, BUDGETS[effort])) };
    }
    case 'level':
      return { thinkingLevel: atLeast(LEVELS[effort], thinking.levels) };
  }
}

/** The level where the model has it, else the next higher one. */
function atLeast(wanted: ThinkingLevel, levels: readonly ThinkingLevel[]): ThinkingLevel {
  const order: readonly ThinkingLevel[] = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'];
  return levels.find((level) => order.indexOf(level) >= order.indexOf(wanted)) ?? levels.at(-1)!;
}

function isEffort(value: string): value is Effort {
  return (EFFORTS as readonly string[]).includes(value);
}

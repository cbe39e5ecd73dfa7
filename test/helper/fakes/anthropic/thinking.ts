import { type AnthropicError, invalid } from './errors.ts';
import { type Check, dictionary, fields, integer, nullable, oneOf, tagged } from './fields.ts';
import type { AnthropicModel, ThinkingType } from './models.ts';

const display = { display: nullable(oneOf('summarized', 'omitted', 'updates')), block_binding: nullable(dictionary) };
export const thinkingCheck: Check = tagged({
  enabled: fields({ budget_tokens: integer(1024) }, display, 'type'),
  disabled: fields({}, {}, 'type'),
  adaptive: fields({}, display, 'type'),
  between_tools: fields({}, {}, 'type'),
});

const guide = 'https://docs.claude.com/en/docs/build-with-claude/extended-thinking';

/** Which thinking the model takes, its budget, and the sampling fields beside it. */
export function checkThinking(body: Record<string, unknown>, model: AnthropicModel): AnthropicError | null {
  const thinking = body.thinking as { type: ThinkingType; budget_tokens?: number } | undefined;
  const on = thinking?.type === 'enabled' || thinking?.type === 'adaptive';
  if (thinking !== undefined) {
    const refused = checkType(thinking.type, body, model);
    if (refused !== null) return refused;
    if (typeof body.max_tokens === 'number' && (thinking.budget_tokens ?? 0) >= body.max_tokens) {
      return invalid(
        '`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at ' +
          `${guide}#max-tokens-and-context-window-size`,
      );
    }
  }
  return checkSampling(body, model, on);
}

function checkType(type: ThinkingType, body: Record<string, unknown>, model: AnthropicModel): AnthropicError | null {
  const effort = (body.output_config as { effort?: string } | undefined)?.effort;
  if (model.thinking.includes(type)) {
    const off = type === 'disabled' || type === 'between_tools';
    if (!off || effort === undefined || model.notWhileOff?.includes(effort) !== true) return null;
    return invalid(
      `"thinking.type" value "${type}" is not supported with "output_config.effort" value "${effort}" for this model`,
    );
  }
  // Models without thinking take it for granted that it is off.
  if (type === 'disabled' && model.thinking.length === 0) return null;
  if (type === 'adaptive') return invalid('adaptive thinking is not supported on this model');
  if (model.thinking.length === 0) return invalid('thinking is not supported on this model');
  const lowest = model.thinking.includes('between_tools') ? 'between_tools' : 'adaptive';
  return invalid(
    type === 'disabled' && lowest === 'between_tools'
      ? '"thinking.type.disabled" is not supported for this model. Use "thinking.type.between_tools" for the lowest thinking setting.'
      : `"thinking.type.${type}" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.`,
  );
}

function checkSampling(body: Record<string, unknown>, model: AnthropicModel, thinking: boolean): AnthropicError | null {
  const temperature = body.temperature as number | undefined;
  const topP = body.top_p as number | undefined;
  const topK = body.top_k as number | undefined;
  if (model.sampling === 'default') {
    if (temperature !== undefined && temperature !== 1) return invalid('`temperature` is deprecated for this model.');
    if (topP !== undefined && topP < 0.99) return invalid('`top_p` is deprecated for this model.');
    if (topK !== undefined) return invalid('`top_k` is deprecated for this model.');
  }
  if (model.sampling === 'one' && temperature !== undefined && topP !== undefined) {
    return invalid('`temperature` and `top_p` cannot both be specified for this model. Please use only one.');
  }
  if (!thinking) return null;
  const more = `Please consult our documentation at ${guide}#important-considerations-when-using-extended-thinking`;
  if (temperature !== undefined && temperature !== 1)
    return invalid(`\`temperature\` may only be set to 1 when thinking is enabled. ${more}`);
  if (topP !== undefined && topP < 0.95) {
    return invalid(`\`top_p\` must be greater than or equal to 0.95 or unset when thinking is enabled. ${more}`);
  }
  return topK === undefined ? null : invalid(`\`top_k\` must be unset when thinking is enabled. ${more}`);
}

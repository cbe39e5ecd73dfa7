import { expect, test } from 'vitest';
import { validateAnthropic } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: the members of a request beside its messages.

const base = { model: 'claude-haiku-4-5', max_tokens: 2048, messages: [{ role: 'user', content: 'x' }] };
const says = (more: object) => {
  const body = JSON.parse(JSON.stringify({ ...base, ...more })) as unknown;
  return validateAnthropic('/v1/messages', body)?.body.error.message ?? null;
};

const schema = (properties: object = {}) => ({ type: 'object', properties });
const tool = (name = 'f', more: object = {}) => ({ name, input_schema: schema(), ...more });
const tools = (...list: object[]) => ({ tools: list });
const thinking = (value: object, more: object = {}) => ({ thinking: value, ...more });
const enabled = { type: 'enabled', budget_tokens: 1024 };
const on = (model: string, more: object) => ({ model, ...more });
const guide = 'https://docs.claude.com/en/docs/build-with-claude/extended-thinking';
const sampling = `Please consult our documentation at ${guide}#important-considerations-when-using-extended-thinking`;

test.each<[string, object, object, string]>([
  [
    'known members',
    { service_tier: 'auto' },
    { parallel_tool_calls: true },
    'parallel_tool_calls: Extra inputs are not permitted',
  ],
  ['a limit', {}, { max_tokens: undefined }, 'max_tokens: Field required'],
  ['a limit above 0', { max_tokens: 1 }, { max_tokens: 0 }, 'max_tokens: Input should be greater than or equal to 1'],
  [
    'a limit of the model',
    { max_tokens: 64_000 },
    { max_tokens: 64_001 },
    'max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for claude-haiku-4-5',
  ],
  ['a whole limit', { max_tokens: 2 }, { max_tokens: 1.5 }, 'max_tokens: Input should be a valid integer'],
  ['temperature', { temperature: 1 }, { temperature: 1.1 }, 'temperature: range: 0..1'],
  ['no null', { temperature: 0 }, { temperature: null }, 'temperature: Input should be a valid number'],
  ['top_p', { top_p: 1 }, { top_p: 2 }, 'top_p: range: 0..1'],
  [
    'temperature or top_p',
    { temperature: 1, top_k: 5 },
    { temperature: 1, top_p: 1 },
    '`temperature` and `top_p` cannot both be specified for this model. Please use only one.',
  ],
  [
    'both on older models',
    on('claude-3-7-sonnet-latest', { temperature: 1, top_p: 1 }),
    on('claude-sonnet-4-5', { temperature: 1, top_p: 1 }),
    '`temperature` and `top_p` cannot both be specified for this model. Please use only one.',
  ],
  [
    'temperature of newer models',
    on('claude-opus-5', { temperature: 1 }),
    on('claude-opus-5', { temperature: 0.5 }),
    '`temperature` is deprecated for this model.',
  ],
  [
    'top_p of newer models',
    on('claude-sonnet-4-6', { top_p: 0.5 }),
    on('claude-sonnet-5', { top_p: 0.5 }),
    '`top_p` is deprecated for this model.',
  ],
  [
    'top_k of newer models',
    on('claude-sonnet-4-6', { top_k: 5 }),
    on('claude-haiku-5-5', { top_k: 5 }),
    '`top_k` is deprecated for this model.',
  ],
  [
    'stops with text',
    { stop_sequences: ['\n\nx'] },
    { stop_sequences: ['\n\n'] },
    'stop_sequences: each stop sequence must contain non-whitespace',
  ],
  ['stops as a list', { stop_sequences: ['x'] }, { stop_sequences: 'x' }, 'stop_sequences: Input should be a valid list'],
  [
    'metadata of its own',
    { metadata: { user_id: null } },
    { metadata: { trace: 'x' } },
    'metadata.trace: Extra inputs are not permitted',
  ],
  [
    'the user’s id',
    { metadata: { user_id: 'x'.repeat(256) } },
    { metadata: { user_id: 'x'.repeat(257) } },
    'metadata.user_id: String should have at most 256 characters',
  ],
  [
    'the user’s id as text',
    { metadata: { user_id: 'x' } },
    { metadata: { user_id: 5 } },
    'metadata.user_id: Input should be a valid string',
  ],
  [
    'tiers of its own',
    { service_tier: 'standard_only' },
    { service_tier: 'flex' },
    "service_tier: Input should be 'auto' or 'standard_only'",
  ],
  [
    'a prefill of older models',
    { messages: [...base.messages, { role: 'assistant', content: 'y' }] },
    on('claude-opus-4-6', { messages: [...base.messages, { role: 'assistant', content: 'y' }] }),
    'This model does not support assistant message prefill. The conversation must end with a user message.',
  ],
])('a request needs %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)).toBe(message);
});

test.each<[string, object, object, string]>([
  ['a budget', thinking(enabled), thinking({ type: 'enabled' }), 'thinking.enabled.budget_tokens: Field required'],
  [
    '1,024 tokens',
    thinking(enabled),
    thinking({ type: 'enabled', budget_tokens: 1023 }),
    'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024',
  ],
  [
    'room beside the budget',
    thinking(enabled, { max_tokens: 1025 }),
    thinking(enabled, { max_tokens: 1024 }),
    `\`max_tokens\` must be greater than \`thinking.budget_tokens\`. Please consult our documentation at ${guide}#max-tokens-and-context-window-size`,
  ],
  [
    'no budget on newer models',
    on('claude-opus-4-6', thinking(enabled)),
    on('claude-opus-4-7', thinking(enabled)),
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
  ],
  [
    'adaptive on newer models',
    on('claude-sonnet-4-6', thinking({ type: 'adaptive' })),
    on('claude-sonnet-4-5', thinking({ type: 'adaptive' })),
    'adaptive thinking is not supported on this model',
  ],
  [
    'a switch that is there',
    on('claude-opus-5', thinking({ type: 'disabled' })),
    on('claude-opus-5-5', thinking({ type: 'disabled' })),
    '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.',
  ],
  [
    'the lowest setting of its model',
    on('claude-sonnet-5-5', thinking({ type: 'between_tools' })),
    on('claude-sonnet-5-5', thinking({ type: 'disabled' })),
    '"thinking.type.disabled" is not supported for this model. Use "thinking.type.between_tools" for the lowest thinking setting.',
  ],
  [
    'effort that fits',
    on('claude-opus-5', thinking({ type: 'disabled' }, { output_config: { effort: 'high' } })),
    on('claude-opus-5', thinking({ type: 'disabled' }, { output_config: { effort: 'max' } })),
    '"thinking.type" value "disabled" is not supported with "output_config.effort" value "max" for this model',
  ],
  [
    'a model that thinks',
    on('claude-3-5-haiku-latest', thinking({ type: 'disabled' })),
    on('claude-3-5-haiku-latest', thinking(enabled)),
    'thinking is not supported on this model',
  ],
  [
    'temperature 1',
    thinking(enabled, { temperature: 1 }),
    thinking(enabled, { temperature: 0.5 }),
    `\`temperature\` may only be set to 1 when thinking is enabled. ${sampling}`,
  ],
  [
    'top_p near 1',
    thinking(enabled, { top_p: 0.95 }),
    thinking(enabled, { top_p: 0.9 }),
    `\`top_p\` must be greater than or equal to 0.95 or unset when thinking is enabled. ${sampling}`,
  ],
  ['no top_k', { top_k: 5 }, thinking(enabled, { top_k: 5 }), `\`top_k\` must be unset when thinking is enabled. ${sampling}`],
  [
    'a free choice of tools',
    thinking(enabled, { ...tools(tool()), tool_choice: { type: 'auto' } }),
    thinking(enabled, { ...tools(tool()), tool_choice: { type: 'any' } }),
    'Thinking may not be enabled when tool_choice forces tool use.',
  ],
])('thinking needs %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)).toBe(message);
});

test('beta members are unknown without the beta', () => {
  const body = { ...base, mcp_servers: [{ type: 'url', name: 'n', url: 'https://a.test' }] };
  expect(validateAnthropic('/v1/messages', body, { beta: true })).toBeNull();
  expect(validateAnthropic('/v1/messages', body)?.body.error.message).toBe('mcp_servers: Extra inputs are not permitted');
});

test('counting takes no limit and lets a forced choice stand beside adaptive thinking', () => {
  const { max_tokens: _limit, ...counted } = {
    ...base,
    ...tools(tool()),
    model: 'claude-opus-4-6',
    thinking: { type: 'adaptive' },
    tool_choice: { type: 'any' },
  };
  expect(validateAnthropic('/v1/messages/count_tokens', counted)).toBeNull();
  expect(validateAnthropic('/v1/messages/count_tokens', { ...counted, max_tokens: 1 })?.body.error.message).toBe(
    'max_tokens: Extra inputs are not permitted',
  );
});

test('a body is an object, and other addresses are 404', () => {
  expect(validateAnthropic('/v1/messages', [])?.status).toBe(400);
  expect(validateAnthropic('/v1/message', base)?.status).toBe(404);
});

test('a model that is not there is 404', () => {
  expect(validateAnthropic('/v1/messages', { ...base, model: 'gpt-5' })).toEqual({
    status: 404,
    body: { type: 'error', error: { type: 'not_found_error', message: 'model: gpt-5' } },
  });
});

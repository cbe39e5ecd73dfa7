import { expect, test } from 'vitest';
import { redactedData, signThinking } from './signatures.ts';
import { validateAnthropic } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: thinking blocks and cache markers.

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const text = (value: string, more: object = {}) => ({ type: 'text', text: value, ...more });
const use = (id: string, more: object = {}) => ({ type: 'tool_use', id, name: 'f', input: {}, ...more });
const result = (id: string, more: object = {}) => ({ type: 'tool_result', tool_use_id: id, content: 'r', ...more });
const thought = (thinking: string, signature = signThinking(thinking)) => ({ type: 'thinking', thinking, signature });
const cache = (ttl?: string) => ({ cache_control: { type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) } });

const base = { model: 'claude-haiku-4-5', max_tokens: 2048 };

function says(messages: unknown, more: object = {}): string | null {
  return validateAnthropic('/v1/messages', { ...base, messages, ...more })?.body.error.message ?? null;
}

const loop = (...blocks: object[]) => [user('x'), assistant([...blocks, use('a')]), user([result('a')])];
const enabled = { thinking: { type: 'enabled', budget_tokens: 1024 } };
const first = (found: string) =>
  `messages.1.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${found}\`. When \`thinking\` is enabled, a final \`assistant\` message must start with a thinking block`;

test.each<[string, unknown[], unknown[], string]>([
  [
    'a signature of the service',
    loop(thought('t')),
    loop(thought('t', 'c2ln')),
    'messages.1.content.0: Invalid `signature` in `thinking` block',
  ],
  [
    'a signature',
    loop(thought('t')),
    loop({ type: 'thinking', thinking: 't' }),
    'messages.1.content.0.thinking.signature: Field required',
  ],
  [
    'the text that was signed',
    loop(thought('t')),
    loop(thought('other', signThinking('t'))),
    'messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.',
  ],
  [
    'data of the service where it is redacted',
    loop({ type: 'redacted_thinking', data: redactedData(1) }),
    loop({ type: 'redacted_thinking', data: 'AAAA' }),
    'messages.1.content.0: Invalid `data` in `redacted_thinking` block',
  ],
  [
    'no cache marker',
    loop(thought('t')),
    loop({ ...thought('t'), ...cache() }),
    'messages.1.content.0.thinking.cache_control: Extra inputs are not permitted',
  ],
  [
    'the assistant',
    loop(thought('t')),
    [user([thought('t')])],
    'messages.0: `thinking` blocks can only be in `assistant` messages',
  ],
  ['its place ahead of the call', loop(thought('t'), text('y')), loop(text('y'), thought('t')), first('text')],
  ['its place in a tool loop', loop(thought('t')), loop(), first('tool_use')],
])('thinking blocks need %s', (_rule, accepted, refused, message) => {
  expect(says(accepted, enabled)).toBeNull();
  expect(says(refused, enabled)?.slice(0, message.length)).toBe(message);
});

test('thinking blocks: the first answer of a loop needs one, later ones need none', () => {
  const later = [assistant([use('b')]), user([result('b')])];
  expect(says([...loop(thought('t')), ...later], enabled)).toBeNull();
  expect(says([...loop(), assistant([thought('t'), use('b')]), user([result('b')])], enabled)).toContain(first('tool_use'));
});

test('thinking blocks: none are needed outside of a loop, without thinking, with adaptive thinking, and foreign ones are taken when trusted', () => {
  expect(says([user('x'), assistant('y'), user('z')], enabled)).toBeNull();
  expect(says(loop())).toBeNull();
  expect(says(loop(), { model: 'claude-opus-5', thinking: { type: 'adaptive' } })).toBeNull();
  const body = { ...base, ...enabled, messages: loop(thought('t', 'c2ln')) };
  expect(validateAnthropic('/v1/messages', body, { trustSignatures: true })).toBeNull();
});

const marked = (count: number, ttl?: string) => user(Array.from({ length: count }, (_, index) => text(`t${index}`, cache(ttl))));

test.each<[string, object, object, string]>([
  [
    'four in all',
    { system: [text('s', cache())], messages: [marked(3)] },
    { system: [text('s', cache())], messages: [marked(4)] },
    'A maximum of 4 blocks with cache_control may be provided. Found 5.',
  ],
  [
    'the one of the request too',
    { ...cache(), messages: [marked(3)] },
    { ...cache(), messages: [marked(4)] },
    'A maximum of 4 blocks with cache_control may be provided. Found 5.',
  ],
  [
    'long ones before short ones',
    { system: [text('s', cache('1h'))], messages: [marked(1, '5m')] },
    { system: [text('s', cache())], messages: [marked(1, '1h')] },
    "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`.",
  ],
  [
    'two lifetimes',
    { messages: [marked(1, '1h')] },
    { messages: [marked(1, '2h')] },
    "messages.0.content.0.text.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
  ],
  [
    'one kind',
    { messages: [marked(1)] },
    { messages: [user([text('x', { cache_control: { type: 'persistent' } })])] },
    "messages.0.content.0.text.cache_control: Input tag 'persistent' found using 'type' does not match any of the expected tags: 'ephemeral'",
  ],
  [
    'a block with text',
    { messages: [user([text('x', cache())])] },
    { messages: [user([text('x'), text('', cache())])] },
    'messages.0.content.1.text.cache_control: cache_control cannot be set for empty text blocks',
  ],
])('cache markers: %s', (_rule, accepted, refused, message) => {
  expect(validateAnthropic('/v1/messages', { ...base, ...accepted })).toBeNull();
  expect(validateAnthropic('/v1/messages', { ...base, ...refused })?.body.error.message).toBe(message);
});

import { expect, test } from 'vitest';
import { validateAnthropic } from './validate.ts';

// One refused request per rule, each beside its nearest accepted neighbour: messages, system prompt and their blocks.

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const text = (value: string, more: object = {}) => ({ type: 'text', text: value, ...more });
const use = (id: string, more: object = {}) => ({ type: 'tool_use', id, name: 'f', input: {}, ...more });
const result = (id: string, more: object = {}) => ({ type: 'tool_result', tool_use_id: id, content: 'r', ...more });
const image = (source: object) => user([{ type: 'image', source }]);

const serverCall = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} };
const serverResult = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] };

const base = { model: 'claude-haiku-4-5', max_tokens: 2048 };

function says(messages: unknown, more: object = {}): string | null {
  return validateAnthropic('/v1/messages', { ...base, messages, ...more })?.body.error.message ?? null;
}

const unanswered = (at: number, ...ids: string[]) =>
  `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. ` +
  'Each `tool_use` block must have a corresponding `tool_result` block in the next message.';
const unexpected = (path: string, id: string) =>
  `${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. ` +
  'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.';

test.each<[string, unknown[], unknown[], string]>([
  ['there is one', [user('x')], [], 'messages: at least one message is required'],
  [
    'the first is the user’s',
    [user('x'), assistant('y')],
    [assistant('y'), user('x')],
    'messages: first message must use the "user" role',
  ],
  [
    'roles',
    [user('x'), user('y')],
    [user('x'), { role: 'tool', content: 'y' }],
    "messages.1.role: Input should be 'user' or 'assistant'",
  ],
  [
    'no system role',
    [user('x')],
    [{ role: 'system', content: 'y' }, user('x')],
    'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.',
  ],
  ['content', [user('x')], [{ role: 'user' }], 'messages.0.content: Field required'],
  [
    'some content',
    [user('x'), assistant('')],
    [user('')],
    'messages.0: all messages must have non-empty content except for the optional final assistant message',
  ],
  ['texts with text', [user([text('x')])], [user([text('x'), text('')])], 'messages: text content blocks must be non-empty'],
  [
    'texts with more than white space',
    [user([text(' x ')])],
    [user([text(' \n')])],
    'messages: text content blocks must contain non-whitespace text',
  ],
  [
    'a prefill without a space at its end',
    [user('x'), assistant('y')],
    [user('x'), assistant('y ')],
    'messages: final assistant content cannot end with trailing whitespace',
  ],
  ['known members of a message', [user('x')], [{ ...user('x'), name: 'n' }], 'messages.0.name: Extra inputs are not permitted'],
  [
    'known members of a block',
    [user([text('x', { citations: null })])],
    [user([text('x', { prompt: 1 })])],
    'messages.0.content.0.text.prompt: Extra inputs are not permitted',
  ],
  [
    'members of a call',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([{ type: 'tool_use', id: 'a', name: 'f' }]), user([result('a')])],
    'messages.1.content.0.tool_use.input: Field required',
  ],
  [
    'arguments as an object',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([use('a', { input: '{}' })]), user([result('a')])],
    'messages.1.content.0.tool_use.input: Input should be a valid dictionary',
  ],
  [
    'ids of calls',
    [user('x'), assistant([use('call_1-b')]), user([result('call_1-b')])],
    [user('x'), assistant([use('call.1')]), user([result('call.1')])],
    "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
  ],
  [
    'ids of calls once',
    [user('x'), assistant([use('a'), use('b')]), user([result('a'), result('b')])],
    [user('x'), assistant([use('a'), use('a')]), user([result('a')])],
    'messages: `tool_use` ids must be unique',
  ],
  [
    'calls answered',
    [user('x'), assistant([use('a'), use('b')]), user([result('b'), result('a')])],
    [user('x'), assistant([use('a'), use('b')]), user([result('a')])],
    unanswered(1, 'b'),
  ],
  [
    'calls answered at once',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([use('a')]), user('y'), assistant('z'), user([result('a')])],
    unanswered(1, 'a'),
  ],
  [
    'calls answered at the end',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([use('a')])],
    unanswered(1, 'a'),
  ],
  [
    'results first',
    [user('x'), assistant([use('a')]), user([result('a'), text('y')])],
    [user('x'), assistant([use('a')]), user([text('y'), result('a')])],
    unanswered(1, 'a'),
  ],
  [
    'results in several messages',
    [user('x'), assistant([use('a'), use('b')]), user([result('a')]), user([result('b')])],
    [user('x'), assistant([use('a'), use('b')]), user([result('a')]), user('y'), user([result('b')])],
    unanswered(1, 'b'),
  ],
  [
    'results of calls',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant('y'), user([result('a')])],
    unexpected('messages.2.content.0', 'a'),
  ],
  [
    'one result a call',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([use('a')]), user([result('a'), result('a')])],
    'messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` blocks with id: a',
  ],
  [
    'failed results as text',
    [user('x'), assistant([use('a')]), user([result('a', { is_error: true })])],
    [
      user('x'),
      assistant([use('a')]),
      user([result('a', { is_error: true, content: [{ type: 'image', source: { type: 'url', url: 'https://a.test/b' } }] })]),
    ],
    'messages.2.content.0.tool_result: all content must be type "text" if `is_error` is true',
  ],
  [
    'calls of the assistant',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user([use('a')])],
    'messages.0: `tool_use` blocks can only be in `assistant` messages',
  ],
  [
    'results of the user',
    [user('x'), assistant([use('a')]), user([result('a')])],
    [user('x'), assistant([result('a')])],
    'messages.1: `tool_result` blocks can only be in `user` messages',
  ],
  [
    'blocks it knows',
    [user([text('x')])],
    [user([{ type: 'image_url', image_url: { url: 'x' } }])],
    "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the expected tags: ",
  ],
  [
    'images by address',
    [image({ type: 'url', url: 'https://a.test/b' })],
    [image({ type: 'url', url: 'data:image/png;base64,AAAA' })],
    'messages.0.content.0.image.source.url.url: Only HTTPS URLs are supported.',
  ],
  [
    'types of images',
    [image({ type: 'base64', media_type: 'image/png', data: 'AAAA' })],
    [image({ type: 'base64', media_type: 'image/bmp', data: 'AAAA' })],
    "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
  ],
  [
    'data of images',
    [image({ type: 'base64', media_type: 'image/png', data: 'AA+/' })],
    [image({ type: 'base64', media_type: 'image/png', data: 'AA-_' })],
    'messages.0.content.0.image.source.base64.data: Invalid base64 data',
  ],
  [
    'blocks as objects',
    [user([text('x')])],
    [user(['x'])],
    'messages.0.content.0: Input should be a valid dictionary or object to extract fields from',
  ],
  ['blocks with a type', [user([text('x')])], [user([{ text: 'x' }])], 'messages.0.content.0.type: Field required'],
  ['messages as objects', [user('x')], ['x'], 'messages.0: Input should be a valid dictionary or object to extract fields from'],
  [
    'addresses as text',
    [image({ type: 'url', url: 'https://a.test/b' })],
    [image({ type: 'url', url: { href: 'x' } })],
    'messages.0.content.0.image.source.url.url: Input should be a valid string',
  ],
  [
    'data as text',
    [image({ type: 'base64', media_type: 'image/png', data: 'AAAA' })],
    [image({ type: 'base64', media_type: 'image/png', data: 5 })],
    'messages.0.content.0.image.source.base64.data: Input should be a valid string',
  ],
  [
    'results of the service after its calls',
    [user('x'), assistant([serverCall, serverResult]), user('y')],
    [user('x'), assistant([serverResult, serverCall]), user('y')],
    'messages.1.content.0: unexpected `tool_use_id` found in `web_search_tool_result` blocks: srvtoolu_1. Each `web_search_tool_result` block must have a corresponding `server_tool_use` block before it.',
  ],
  [
    'documents',
    [user([{ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'AAAA' } }])],
    [user([{ type: 'document', source: { type: 'base64', media_type: 'text/plain', data: 'AAAA' } }])],
    "messages.0.content.0.document.source.base64.media_type: Input should be 'application/pdf'",
  ],
])('messages: %s', (_rule, accepted, refused, message) => {
  expect(says(accepted)).toBeNull();
  expect(says(refused)?.slice(0, message.length)).toBe(message);
});

test.each<[string, object, object, string]>([
  ['texts with text', { system: [text('x')] }, { system: [text('')] }, 'system: text content blocks must be non-empty'],
  [
    'text only',
    { system: 'x' },
    { system: [{ type: 'image', source: {} }] },
    "system.0: Input tag 'image' found using 'type' does not match any of the expected tags: 'text'",
  ],
  ['no null', { system: '' }, { system: null }, 'system: Input should be a valid list'],
])('system: %s', (_rule, accepted, refused, message) => {
  expect(says([user('x')], accepted)).toBeNull();
  expect(says([user('x')], refused)).toBe(message);
});

test.each<[string, unknown[], unknown[], string]>([
  [
    'something of the user before it',
    [user('x'), { role: 'system', content: 's' }, assistant('y'), user('z')],
    [user('x'), assistant('y'), { role: 'system', content: 's' }],
    "messages.2: role 'system' must follow a user message",
  ],
  [
    'nothing of the user behind it',
    [user('x'), { role: 'system', content: 's' }],
    [user('x'), { role: 'system', content: 's' }, user('z')],
    "messages.1: role 'system' must be last or be followed by an assistant message",
  ],
  [
    'text only',
    [user('x'), { role: 'system', content: [text('s')] }],
    [user('x'), { role: 'system', content: [use('a')] }],
    "messages.1: role 'system' takes text only",
  ],
])('system turns of models that take them need %s', (_rule, accepted, refused, message) => {
  const model = { model: 'claude-opus-4-8' };
  expect(says(accepted, model)).toBeNull();
  expect(says(refused, model)).toBe(message);
  expect(says(accepted)).toContain('Unexpected role "system"');
});

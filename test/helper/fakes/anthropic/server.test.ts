import { expect, test } from 'vitest';
import { opened } from '../../cleanup.ts';
import type { Json } from '../gemini/asking.ts';
import { type FakeAnthropic, type FakeAnthropicOptions, startFakeAnthropic } from './server.ts';
import { eventReply, overloadedEvent } from './stream.ts';

// What the fake does over HTTP: keys, answers, streams, the cache, models, scripts.

async function start(options: FakeAnthropicOptions = {}): Promise<FakeAnthropic> {
  return opened(await startFakeAnthropic(options));
}

const version = { 'anthropic-version': '2023-06-01' };
const base = { model: 'claude-haiku-4-5', max_tokens: 2048 };
const user = (content: unknown) => ({ role: 'user', content });

async function send(
  fake: FakeAnthropic,
  body: Json,
  headers: Record<string, string> = { ...version, 'x-api-key': fake.apiKey },
  path = '/messages',
) {
  const answer = await fetch(`${fake.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: (text.startsWith('{') ? JSON.parse(text) : undefined) as Json,
  };
}

function eventsOf(text: string): Json[] {
  const blocks = text.split('\n\n').filter(Boolean);
  return blocks.map((block) => {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(block)!;
    const event = JSON.parse(data!) as Json;
    expect(event.type).toBe(name);
    return event;
  });
}

test.each<[string, (key: string) => Record<string, string>, number, string]>([
  ['the header', (key) => ({ ...version, 'x-api-key': key }), 200, ''],
  ['a bearer', (key) => ({ ...version, authorization: `Bearer ${key}` }), 200, ''],
  ['no key', () => version, 401, 'authentication_error'],
  ['a wrong key', () => ({ ...version, 'x-api-key': 'wrong' }), 401, 'authentication_error'],
  ['no version', (key) => ({ 'x-api-key': key }), 400, 'invalid_request_error'],
  ['another version', (key) => ({ 'x-api-key': key, 'anthropic-version': '2099-01-01' }), 400, 'invalid_request_error'],
])('headers: %s', async (_case, headers, status, type) => {
  const fake = await start();
  const answer = await send(fake, { ...base, messages: [user('x')] }, headers(fake.apiKey));
  expect(answer.status).toBe(status);
  expect(answer.headers.get('request-id')).toMatch(/^req_/);
  if (status !== 200)
    expect(answer.json).toMatchObject({ type: 'error', error: { type }, request_id: answer.headers.get('request-id') });
});

test('a body that is no JSON, or too large, is refused', async () => {
  const fake = await start();
  const post = async (body: string) => {
    const answer = await fetch(`${fake.url}/messages`, {
      method: 'POST',
      headers: { ...version, 'x-api-key': fake.apiKey },
      body,
    });
    return ((await answer.json()) as Json).error.type;
  };
  expect(await post('{')).toBe('invalid_request_error');
  expect(await post(`{"x":"${'x'.repeat(33 * 1024 * 1024)}"}`)).toBe('request_too_large');
});

test('a loop of two steps with parallel calls and thinking goes through and ends in text', async () => {
  const fake = await start();
  const tools = [{ name: 'f', input_schema: { type: 'object', properties: { a: { type: 'integer' } } } }];
  const messages: Json[] = [user('steps:2 parallel:2')];
  const ask = () => send(fake, { ...base, messages, tools, thinking: { type: 'enabled', budget_tokens: 1024 } });
  for (const step of [0, 1]) {
    const { json } = await ask();
    expect([json.stop_reason, json.content.map((block: Json) => block.type)]).toEqual([
      'tool_use',
      ['thinking', 'tool_use', 'tool_use'],
    ]);
    const calls = json.content.slice(1) as Json[];
    const results = calls.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: `${step}${call.input.a}` }));
    messages.push({ role: 'assistant', content: json.content }, user(results));
  }
  expect((await ask()).json.content[1].text).toBe('Results: ["17","17"]');
  expect(fake.requests.map((request) => request.status)).toEqual([200, 200, 200]);
});

test('a choice forces a call, and one call at a time where parallel ones are switched off', async () => {
  const fake = await start();
  const tools = [{ name: 'f', input_schema: { type: 'object' } }];
  const ask = async (tool_choice: Json) =>
    (await send(fake, { ...base, messages: [user('no tools parallel:2')], tools, tool_choice })).json.content;
  expect(await ask({ type: 'auto' })).toMatchObject([{ type: 'text' }]);
  expect(await ask({ type: 'any' })).toHaveLength(2);
  expect(await ask({ type: 'any', disable_parallel_tool_use: true })).toHaveLength(1);
});

test('a stream has named events whose payloads may end in spaces, a ping, and its parts join to the whole answer', async () => {
  const fake = await start();
  const tools = [{ name: 'f', input_schema: { type: 'object', properties: { a: { type: 'string' } } } }];
  const body = { ...base, messages: [user('x')], tools, thinking: { type: 'enabled', budget_tokens: 1024 } };
  const whole = await send(fake, body);
  const { text } = await send(fake, { ...body, stream: true });
  const events = eventsOf(text);
  expect(text).toMatch(/\} +\n\n/);
  expect(events.map((event) => event.type).filter((type, at, all) => type !== all[at - 1])).toEqual([
    'message_start',
    'content_block_start',
    'ping',
    'content_block_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  const deltas = events.filter((event) => event.type === 'content_block_delta').map((event) => event.delta as Json);
  expect(deltas.map((delta) => delta.thinking ?? '').join('')).toBe(whole.json.content[0].thinking);
  expect(deltas.find((delta) => delta.type === 'signature_delta')!.signature).toBe(whole.json.content[0].signature);
  expect(JSON.parse(deltas.map((delta) => delta.partial_json ?? '').join(''))).toEqual(whole.json.content[1].input);
  expect(events.at(-2)).toMatchObject({
    delta: { stop_reason: 'tool_use' },
    usage: { output_tokens: whole.json.usage.output_tokens },
  });
});

test('answers end at a stop sequence or at the limit', async () => {
  const fake = await start();
  const ask = async (more: Json) => (await send(fake, { ...base, messages: [user('say:one two three')], ...more })).json;
  expect(await ask({ stop_sequences: [' two'] })).toMatchObject({
    content: [{ text: 'one' }],
    stop_reason: 'stop_sequence',
    stop_sequence: ' two',
  });
  expect(await ask({ max_tokens: 1 })).toMatchObject({
    content: [{ text: 'one ' }],
    stop_reason: 'max_tokens',
    stop_sequence: null,
  });
});

test('a marked prefix is written once, read until it expires, and counted beside the input', async () => {
  let now = 0;
  const fake = await start({ now: () => now });
  const system = (ttl: string, size = 20_000) => [
    { type: 'text', text: 'x'.repeat(size), cache_control: { type: 'ephemeral', ttl } },
  ];
  const usage = async (block: unknown) => {
    const { json } = await send(fake, { ...base, system: block, messages: [user('1234')] });
    const { cache_creation: created, cache_read_input_tokens: read, input_tokens: input } = json.usage as Json;
    return [created.ephemeral_5m_input_tokens, created.ephemeral_1h_input_tokens, read, input];
  };
  expect(await usage(system('5m'))).toEqual([5000, 0, 0, 1]);
  expect(await usage(system('5m'))).toEqual([0, 0, 5000, 1]);
  now += 300_001;
  expect(await usage(system('1h'))).toEqual([0, 5000, 0, 1]);
  expect(await usage(system('5m', 4000))).toEqual([0, 0, 0, 1001]);
});

test('tokens are counted, models are listed in pages and looked up', async () => {
  const fake = await start();
  const counted = await send(fake, { model: 'claude-haiku-4-5', messages: [user('12345')] }, undefined, '/messages/count_tokens');
  expect(counted.json).toEqual({ input_tokens: 2 });
  const get = async (path: string) => {
    const answer = await fetch(`${fake.url}${path}`, { headers: { ...version, 'x-api-key': fake.apiKey } });
    return { status: answer.status, json: (await answer.json()) as Json };
  };
  const page = await get('/models?limit=4');
  const rest = await get(`/models?limit=1000&after_id=${page.json.last_id}`);
  expect([page.json.data.length, page.json.has_more, rest.json.has_more]).toEqual([4, true, false]);
  expect((await get('/models/claude-opus-5')).json).toMatchObject({ type: 'model', id: 'claude-opus-5' });
  expect((await get('/models/nothing')).status).toBe(404);
});

test('scripts: 529, 429 with a wait, overloaded inside a stream, and a cut', async () => {
  const fake = await start();
  const body = { ...base, messages: [user('x')], stream: true };
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  fake.next({ status: 529, body: overloaded }, { status: 429, headers: { 'retry-after': '7' }, body: overloaded });
  expect((await send(fake, body)).status).toBe(529);
  expect((await send(fake, body)).headers.get('retry-after')).toBe('7');
  const whole = eventsOf((await send(fake, body)).text);
  fake.next(eventReply([whole[0] as Json & { type: string }, overloadedEvent]));
  expect(eventsOf((await send(fake, body)).text).at(-1)).toEqual(overloaded);
  fake.next(eventReply([whole[0] as Json & { type: string }], { cut: 20, end: 'rst' }));
  await expect(send(fake, body)).rejects.toThrow();
});

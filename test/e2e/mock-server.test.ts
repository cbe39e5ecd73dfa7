import { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import { beforeAll, expect, test } from 'vitest';
import { whenDone } from '../helper/cleanup.ts';
import { startGateway } from '../helper/gateway.ts';
import { patient } from '../helper/overlay.ts';

// Upstream and client written by others: an independent mock of the API behind the gateway, the official client in front.

let mock: LLMock;
let client: OpenAI;
const say = (content: string) => [{ role: 'user' as const, content }];

beforeAll(async () => {
  mock = new LLMock({ port: 0 });
  mock.onMessage('hello', { content: 'Hi there, 東京 👋!' });
  mock.onMessage('weather', { toolCalls: [{ name: 'get_weather', arguments: '{"city":"Oslo"}' }] });
  mock.onMessage('city', { content: '{"name":"Oslo"}' });
  mock.onMessage('broken', {
    error: { message: 'Invalid value', type: 'invalid_request_error', code: 'invalid_value' },
    status: 400,
  });
  mock.onEmbedding('vector', { embedding: [0.1, -0.25, 0.5] });
  await mock.start();
  whenDone(() => mock.stop());
  const gateway = await startGateway({ overlay: patient(`${mock.url}/v1`) });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0, logLevel: 'off' });
});

test('chat', async () => {
  const answer = await client.chat.completions.create({ model: 'm', messages: say('hello') });
  expect(answer.choices[0]?.message.content).toBe('Hi there, 東京 👋!');
  expect(mock.getLastRequest()?.body).toMatchObject({ model: 'up-1', messages: say('hello') });
});

test('streamed chat, with and without usage', async () => {
  for (const include_usage of [false, true]) {
    let text = '';
    let usage = false;
    for await (const chunk of await client.chat.completions.create({
      model: 'm',
      messages: say('hello'),
      stream: true,
      stream_options: { include_usage },
    })) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage ||= 'usage' in chunk && chunk.usage !== null;
    }
    expect(text).toBe('Hi there, 東京 👋!');
    expect(usage).toBe(include_usage);
  }
});

test('tools, streamed and not', async () => {
  const tools = [
    {
      type: 'function' as const,
      function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
    },
  ];
  const whole = await client.chat.completions.create({ model: 'm', messages: say('weather'), tools });
  const streamed = await client.chat.completions.stream({ model: 'm', messages: say('weather'), tools }).finalChatCompletion();
  for (const { choices } of [whole, streamed]) {
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(choices[0]?.message.tool_calls).toMatchObject([
      { type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
    ]);
  }
});

test('structured output', async () => {
  const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false };
  const parsed = await client.chat.completions.parse({
    model: 'm',
    messages: say('city'),
    response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } },
  });
  expect(parsed.choices[0]?.message.parsed).toEqual({ name: 'Oslo' });
});

test('embeddings: the default encoding of the client gives the values of the upstream', async () => {
  const { data } = await client.embeddings.create({ model: 'm', input: 'vector' });
  expect([...data[0]!.embedding]).toEqual([...new Float32Array([0.1, -0.25, 0.5])]);
});

test('responses, streamed and not', async () => {
  expect((await client.responses.create({ model: 'm', input: 'hello' })).output_text).toBe('Hi there, 東京 👋!');
  const final = await client.responses.stream({ model: 'm', input: 'hello' }).finalResponse();
  expect(final.output_text).toBe('Hi there, 東京 👋!');
});

test('an error of the upstream', async () => {
  const failure = await client.chat.completions.create({ model: 'm', messages: say('broken') }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(OpenAI.BadRequestError);
  expect(failure).toMatchObject({ code: 'invalid_value' });
});

import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { chat, chatBody, chatStream, errorBody, plainUsage } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { inPriority, neverOpen, provider } from '../helper/overlay.ts';
import { json, paced, sse } from '../helper/replies.ts';
import { streamNamed } from '../helper/streams.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// The official client against the gateway, with a scripted upstream behind it.

let upstream: Upstream;
let gateway: TestGateway;
let client: OpenAI;
const messages = [{ role: 'user' as const, content: 'Say hello.' }];

beforeAll(async () => {
  upstream = opened(await startUpstream(chat));
  const overlay = inPriority({ up: upstream.url }, { health: { ...neverOpen, max_rest: '0s' }, retries: { max_attempts: 1 } });
  gateway = await startGateway({
    overlay: { ...overlay, providers: { up: provider(upstream.url, { models: ['vendor/family/big', 'plain'] }) } },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0, logLevel: 'off' });
});

test('chat: the answer, its usage and the request id', async () => {
  upstream.script = chat;
  const { data, response, request_id } = await client.chat.completions.create({ model: 'm', messages }).withResponse();
  expect(data).toMatchObject(chatBody());
  expect(request_id).toBe(response.headers.get('x-request-id'));
  expect(response.headers.get('x-postern-exchange-id')).toMatch(/^ex_/);
  expect(response.headers.get('x-postern-provider')).toBe('up');
  expect(response.headers.get('x-postern-model')).toBe('up-1');
});

test('the client may be pointed at the host without /v1', async () => {
  upstream.script = chat;
  const bare = new OpenAI({ baseURL: gateway.url, apiKey: 'unused', maxRetries: 0 });
  expect(await bare.chat.completions.create({ model: 'm', messages })).toMatchObject(chatBody());
});

test('a stream without usage asked for: no chunk has a usage key', async () => {
  upstream.script = chatStream();
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ model: 'm', messages, stream: true })) chunks.push(chunk);
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Hello there');
  for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
  expect(upstream.calls.at(-1)?.json).toMatchObject({ stream_options: { include_usage: true } });
  expect((await gateway.ledgerRows(1)).at(-1)).toMatchObject({ input: 11, output: 3, usage_source: 'provider' });
});

test('a stream with usage asked for: the last chunk has it', async () => {
  upstream.script = chatStream();
  const chunks = [];
  const options = { model: 'm', messages, stream: true, stream_options: { include_usage: true } } as const;
  for await (const chunk of await client.chat.completions.create(options)) chunks.push(chunk);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: plainUsage });
});

test('parallel tool calls of a stream are put together by the client', async () => {
  upstream.script = sse(streamNamed('tools').bytes);
  const final = await client.chat.completions.stream({ model: 'm', messages }).finalChatCompletion();
  expect(final.choices[0]?.message.tool_calls).toMatchObject([
    { id: 'call_a1', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
    { id: 'call_b2', function: { name: 'clock', arguments: '{"zone":"CET"}' } },
  ]);
});

test('structured output is parsed', async () => {
  upstream.script = json(200, chatBody('{"name":"Oslo","population":700000}'));
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, population: { type: 'integer' } },
    required: ['name', 'population'],
    additionalProperties: false,
  };
  const response_format = { type: 'json_schema', json_schema: { name: 'city', strict: true, schema } } as const;
  const parsed = await client.chat.completions.parse({ model: 'm', messages, response_format });
  expect(parsed.choices[0]?.message.parsed).toEqual({ name: 'Oslo', population: 700_000 });
  expect(upstream.calls.at(-1)?.json).toMatchObject({ response_format });
});

describe('responses', () => {
  test('one document', async () => {
    const output = [
      {
        type: 'message',
        id: 'msg_1',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hi', annotations: [] }],
      },
    ];
    const usage = { input_tokens: 3, output_tokens: 1, total_tokens: 4 };
    upstream.script = json(200, { id: 'resp_1', object: 'response', status: 'completed', model: 'up-1', output, usage });
    const response = await client.responses.create({ model: 'm', input: 'hi' });
    expect(response.output_text).toBe('Hi');
    expect((await gateway.ledgerRows(1)).at(-1)).toMatchObject({
      operation: 'responses',
      input: 3,
      output: 1,
      usage_source: 'provider',
    });
  });

  test('a stream: every event in order', async () => {
    upstream.script = sse(streamNamed('responses-text').bytes);
    const types = [];
    for await (const event of await client.responses.create({ model: 'm', input: 'hi', stream: true }))
      types.push([event.sequence_number, event.type]);
    expect(types.map(([number]) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(types.at(-1)?.[1]).toBe('response.completed');
    expect((await gateway.ledgerRows(1)).at(-1)).toMatchObject({ input: 9, output: 4, usage_source: 'provider' });
  });

  test('U10: a broken stream throws', async () => {
    const { bytes, contentEnd } = streamNamed('responses-text');
    upstream.script = sse(bytes, { framing: 'close', cut: contentEnd + 20, end: 'fin' });
    const read = async () => {
      for await (const event of await client.responses.create({ model: 'm', input: 'hi', stream: true })) void event;
    };
    await expect(read()).rejects.toThrow(OpenAI.APIError);
  });
});

describe('models', () => {
  test('the list has what is configured, each with a whole number for created', async () => {
    const ids = [];
    for await (const model of client.models.list()) {
      ids.push(model.id);
      expect(model).toMatchObject({ object: 'model', owned_by: expect.any(String) });
      expect(Number.isInteger(model.created)).toBe(true);
    }
    expect(ids).toContain('m');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.some((id) => id.endsWith('vendor/family/big'))).toBe(true);
  });

  test('every model of the list can be retrieved by its id, slashes and all', async () => {
    for await (const { id } of client.models.list())
      expect(await client.models.retrieve(id)).toMatchObject({ id, object: 'model' });
    const plain = await fetch(`${gateway.url}/v1/models/up/vendor/family/big`);
    expect(plain.status).toBe(200);
    expect(await plain.json()).toMatchObject({ object: 'model' });
  });

  test('an unknown one is NotFoundError with model_not_found', async () => {
    await expect(client.models.retrieve('nobody')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

test.each([
  [
    400,
    json(400, errorBody('Bad temperature.', 'invalid_request_error', null, 'temperature')),
    OpenAI.BadRequestError,
    { param: 'temperature' },
  ],
  [
    404,
    json(404, errorBody('No such model.', 'invalid_request_error', 'model_not_found')),
    OpenAI.NotFoundError,
    { code: 'model_not_found' },
  ],
  [422, json(422, errorBody('Cannot be processed.', 'invalid_request_error')), OpenAI.UnprocessableEntityError, {}],
  [
    429,
    json(429, errorBody('Slow down.', 'requests', 'rate_limit_exceeded'), { 'retry-after-ms': '1' }),
    OpenAI.RateLimitError,
    { code: 'rate_limit_exceeded' },
  ],
  [401, json(401, errorBody('Bad key.')), OpenAI.InternalServerError, { status: 502 }],
  [500, json(500, errorBody('Oops.')), OpenAI.InternalServerError, { status: 502, code: 'upstream_error' }],
] as const)('an upstream %i becomes the right exception', async (_status, script, type, shape) => {
  upstream.script = script;
  const failure = await client.chat.completions.create({ model: 'm', messages }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(type);
  expect(failure).toMatchObject({ ...shape, requestID: expect.stringMatching(/./) });
});

test('a client that retries by itself is told when it helps: one 500, then an answer', async () => {
  const retrying = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 2 });
  let calls = 0;
  upstream.script = (call, wire) => (calls++ === 0 ? json(500, errorBody('Oops.'))(call, wire) : chat(call, wire));
  expect(await retrying.chat.completions.create({ model: 'm', messages })).toMatchObject(chatBody());
  expect(calls).toBe(2);
});

test('an aborted stream closes the upstream socket', { retry: 2 }, async () => {
  const words = Array.from({ length: 500 }, (_, index) => `data: {"choices":[{"index":0,"delta":{"content":"w${index} "}}]}`);
  upstream.script = paced(words, 5);
  const stream = await client.chat.completions.create({ model: 'm', messages, stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content === 'w5 ') break;
  const at = performance.now();
  await expect.poll(() => upstream.calls.at(-1)!.abortedAt, { interval: 2 }).not.toBeNull();
  expect(upstream.calls.at(-1)!.abortedAt! - at).toBeLessThan(100);
});

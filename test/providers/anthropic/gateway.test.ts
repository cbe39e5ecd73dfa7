import OpenAI, { APIError } from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventReply, type FakeAnthropic, overloadedEvent, startFakeAnthropic } from '../../helper/fakes/index.ts';
import { startGateway, type TestGateway } from '../../helper/gateway.ts';
import { close, delta, ending, open, start, stop } from './support.ts';

// A client of the usual kind through the whole gateway to an API that refuses what the real one refuses.

type Json = Record<string, unknown>;

const tools: ChatCompletionTool[] = [
  { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } },
];
const user = (content: string) => ({ role: 'user' as const, content });

let fake: FakeAnthropic;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  fake = await startFakeAnthropic();
  gateway = await startGateway({
    overlay: {
      providers: { claude: { type: 'anthropic', base_url: fake.url, api_key: fake.apiKey } },
      retries: { max_attempts: 1 },
    },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

const last = () => fake.requests.at(-1)!;
const blocks = () => ((last().body as Json).messages as { role: string; content: Json[] }[]).flatMap(({ content }) => content);

describe('through the gateway', () => {
  it('an answer comes as JSON and as a stream alike', async () => {
    const ask = { model: 'claude/claude-sonnet-4-5', messages: [user('say:Grüß Gott, 日本 👋')] };
    const whole = await client.chat.completions.create(ask);
    expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Grüß Gott, 日本 👋', refusal: null } });
    const streamed = await client.chat.completions
      .stream({ ...ask, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(streamed.choices[0]!.message.content).toBe('Grüß Gott, 日本 👋');
    expect(streamed.usage).toEqual(whole.usage);
    expect(last().refusal).toBeNull();
  });

  it.each([
    ['claude-haiku-4-5', false],
    ['claude-sonnet-4-5', true],
    ['claude-opus-4-8', true],
    ['claude-fable-5-1', false],
  ])('%s has its signed thinking back in a loop of parallel calls (stream: %s)', async (model, stream) => {
    const messages: ChatCompletionMessageParam[] = [
      { role: 'system', content: 'Use the tools.' },
      user('Weather? steps:3 parallel:2'),
    ];
    for (let step = 0; step < 4; step++) {
      const ask = { model: `claude/${model}`, messages, tools, reasoning_effort: 'low' as const };
      const { choices } = stream
        ? await client.chat.completions.stream(ask).finalChatCompletion()
        : await client.chat.completions.create(ask);
      const { message, finish_reason: reason } = choices[0]!;
      expect(last().refusal).toBeNull();
      expect(reason).toBe(step < 3 ? 'tool_calls' : 'stop');
      expect(blocks().filter(({ type }) => type === 'thinking')).toHaveLength(step);
      const calls = (message.tool_calls ?? []).flatMap((call) =>
        call.type === 'function'
          ? [{ id: call.id, type: call.type, function: { name: call.function.name, arguments: call.function.arguments } }]
          : [],
      );
      messages.push({ role: 'assistant', content: message.content, tool_calls: calls });
      for (const { id } of calls) messages.push({ role: 'tool', tool_call_id: id, content: 'cold' });
    }
  });

  it('what the cache took and gave is in the usage, and in the ledger', async () => {
    const before = (await gateway.ledgerRows()).length;
    const long = 'All of this is worth keeping. '.repeat(400);
    const system = [{ type: 'text', text: long, cache_control: { type: 'ephemeral' } }];
    const ask = { model: 'claude/claude-sonnet-4-5', messages: [{ role: 'system', content: system }, user('hi')] } as never;
    const first = (await client.chat.completions.create(ask)) as OpenAI.ChatCompletion;
    const second = (await client.chat.completions.create(ask)) as OpenAI.ChatCompletion;
    expect(first.usage!.prompt_tokens).toBeGreaterThan(1024);
    expect(second.usage!.prompt_tokens).toBe(first.usage!.prompt_tokens);
    expect(first.usage!.prompt_tokens_details?.cached_tokens ?? 0).toBe(0);
    expect(second.usage!.prompt_tokens_details?.cached_tokens).toBeGreaterThan(1024);
    const rows = (await gateway.ledgerRows(before + 2)).slice(before);
    expect(rows.map(({ cached }) => cached ?? 0)).toEqual([0, second.usage!.prompt_tokens_details!.cached_tokens]);
    expect(rows.every(({ cost_nano: cost }) => cost !== null && cost > 0)).toBe(true);
  });

  it('a service that is overloaded is unavailable, before the stream and at its beginning', async () => {
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    const ask = { model: 'claude/claude-sonnet-4-5', messages: [user('hi')] };
    for (const reply of [{ status: 529, body: overloaded }, eventReply([overloadedEvent])]) {
      fake.always(reply);
      const error = await client.chat.completions
        .create({ ...ask, stream: 'headers' in reply })
        .catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(APIError);
      expect((error as APIError).status).toBe(503);
    }
    fake.always(null);
  });

  it('a stream that breaks off with an error says so to the client', async () => {
    const begun = [start(), open(0, { type: 'text', text: '' }), delta(0, { type: 'text_delta', text: 'It' })];
    fake.next(eventReply([...begun, overloadedEvent] as never));
    const stream = client.chat.completions.stream({ model: 'claude/claude-sonnet-4-5', messages: [user('hi')] });
    let text = '';
    const read = async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toThrow(/overloaded/);
    expect(text).toBe('It');
    fake.next(eventReply([...begun, close(0), ending('end_turn'), stop] as never));
    const after = client.chat.completions.stream({ model: 'claude/claude-sonnet-4-5', messages: [user('hi')] });
    expect((await after.finalChatCompletion()).choices[0]!.message.content).toBe('It');
  });

  it('what the API refuses is refused with its words', async () => {
    const ask = { model: 'claude/claude-sonnet-4-5', messages: [user('hi')], anthropic: { container: 7 } };
    const error = (await client.chat.completions.create(ask as never).catch((thrown: unknown) => thrown)) as APIError;
    expect(error.status).toBe(400);
    expect(error.message).toContain('container');
  });

  it('its models are listed with what they can do', async () => {
    const { data } = await client.models.list();
    const model = data.find(({ id }) => id === 'claude/claude-opus-5-5') as unknown as Json;
    expect(model).toBeDefined();
    expect(
      fake.requests.some(({ method, path, query }) => method === 'GET' && path === '/v1/models' && query.get('limit') === '1000'),
    ).toBe(true);
  });
});

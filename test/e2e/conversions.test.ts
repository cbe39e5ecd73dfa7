import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { chatBody, chatStream, plainUsage } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf, jsonOf, ask as request } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, patient } from '../helper/overlay.ts';
import { json, sse } from '../helper/replies.ts';
import { chatStreams, digest, streamNamed } from '../helper/streams.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// The upstream answers in another form than was asked for (S13), and embeddings in another encoding.

let upstream: Upstream;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  upstream = opened(await startUpstream(() => {}));
  gateway = await startGateway({ overlay: patient(upstream.url) });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 });
});

interface Message {
  readonly content: string | null;
  readonly tool_calls?: {
    readonly id: string;
    readonly type: string;
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
}
const calls = [
  { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
  { id: 'call_2', type: 'function', function: { name: 'clock', arguments: '{}' } },
];

describe('S13: a JSON answer to a request for a stream', () => {
  test('comes as a stream with its text, its finish_reason and [DONE]', async () => {
    upstream.script = json(200, chatBody('All at once'));
    const reply = await request(gateway.url, { body: ask({ stream: true, stream_options: { include_usage: true } }) });
    expect(reply.headers['content-type']).toMatch(/^text\/event-stream/);
    const chunks = eventsOf(reply.body);
    expect(chunks.at(-1)?.data).toBe('[DONE]');
    const parsed = chunks.slice(0, -1).map(({ data }) => JSON.parse(data) as { object: string; usage?: unknown });
    expect(new Set(parsed.map(({ object }) => object))).toEqual(new Set(['chat.completion.chunk']));
    expect(digest(parsed)).toBe(
      JSON.stringify([
        ['0 content', 'All at once'],
        ['0 finish_reason', 'stop'],
      ]),
    );
    expect(parsed.findLast(({ usage }) => usage != null)?.usage).toEqual(plainUsage);
  });

  test('keeps tool calls, numbered, and shows no usage that was not asked for', async () => {
    const message = { role: 'assistant', content: null, tool_calls: calls };
    upstream.script = json(200, chatBody('', { choices: [{ index: 0, message, finish_reason: 'tool_calls' }] }));
    const stream = client.chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.tool_calls).toMatchObject(calls);
    expect(final.choices[0]?.finish_reason).toBe('tool_calls');
    const reply = await request(gateway.url, { body: ask({ stream: true }) });
    expect(reply.body.toString()).not.toContain('"usage"');
  });
});

describe('S13: a stream in answer to a request for JSON', () => {
  test('is put together, with its usage', async () => {
    upstream.script = chatStream({ text: ['One', ' piece'] });
    const reply = await request(gateway.url, { body: ask() });
    expect(reply.headers['content-type']).toMatch(/^application\/json/);
    expect(jsonOf(reply)).toMatchObject({
      id: 'chatcmpl-7Qx',
      object: 'chat.completion',
      model: 'up-1',
      choices: [{ index: 0, message: { role: 'assistant', content: 'One piece' }, finish_reason: 'stop' }],
      usage: plainUsage,
    });
  });

  test('keeps parallel tool calls', async () => {
    upstream.script = sse(streamNamed('tools').bytes);
    const { choices } = jsonOf<{ choices: { message: Message; finish_reason: string }[] }>(
      await request(gateway.url, { body: ask() }),
    );
    expect(choices[0]?.finish_reason).toBe('tool_calls');
    expect(choices[0]?.message.content).toBeNull();
    expect(choices[0]?.message.tool_calls).toEqual([
      { id: 'call_a1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
      { id: 'call_b2', type: 'function', function: { name: 'clock', arguments: '{"zone":"CET"}' } },
    ]);
  });

  test('keeps every choice, reasoning and refusal', async () => {
    const messages = async (name: string) => {
      upstream.script = sse(streamNamed(name).bytes);
      return jsonOf<{ choices: { message: Record<string, unknown> }[] }>(await request(gateway.url, { body: ask() })).choices.map(
        (choice) => choice.message,
      );
    };
    expect((await messages('choices')).map(({ content }) => content)).toEqual(['Red one', 'Blue two']);
    expect(await messages('reasoning')).toMatchObject([{ content: 'It is 4.', reasoning_content: 'Two plus two: add.' }]);
    expect(await messages('refusal')).toMatchObject([{ content: null, refusal: "I can't help with that." }]);
  });

  test.each(chatStreams.map(({ name }) => name))('G4: %s cut short is 502, not a part of the answer', async (name) => {
    const { bytes, completeEnd } = streamNamed(name);
    for (const cut of [completeEnd - 1, Math.floor(completeEnd / 2), 1]) {
      upstream.script = sse(bytes, { framing: 'close', cut, end: 'fin' });
      expect((await request(gateway.url, { body: ask() })).status).toBe(502);
    }
  });
});

describe('embeddings', () => {
  const vector = [0.25, -1.5, 3.4028234663852886e38, 1.401298464324817e-45, 0, 0.1];
  const base64 = Buffer.from(new Float32Array(vector).buffer).toString('base64');
  const body = (embedding: unknown) => ({
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding }],
    model: 'up-embed',
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });
  const forms = [
    ['floats', vector],
    ['base64', base64],
  ] as const;

  test.each(forms)('the official client reads the right values when the upstream sends %s', async (_name, embedding) => {
    upstream.script = json(200, body(embedding));
    const { data } = await client.embeddings.create({ model: 'm', input: 'x' });
    expect([...data[0]!.embedding]).toEqual([...new Float32Array(vector)]);
  });

  test.each(forms)('encoding_format base64 gives base64 when the upstream sends %s', async (_name, embedding) => {
    upstream.script = json(200, body(embedding));
    const reply = await request(gateway.url, {
      path: '/v1/embeddings',
      body: { model: 'm', input: 'x', encoding_format: 'base64' },
    });
    expect(jsonOf<ReturnType<typeof body>>(reply).data[0]?.embedding).toBe(base64);
    expect(jsonOf(reply)).toMatchObject({ object: 'list', model: 'up-embed', usage: { prompt_tokens: 2 } });
  });

  test.each([
    ['floats', vector, 'float'],
    ['base64', base64, 'float'],
    ['floats', vector, undefined],
    ['base64', base64, undefined],
  ] as const)('%s from the upstream come as floats for encoding_format $2', async (_name, embedding, encoding_format) => {
    upstream.script = json(200, body(embedding));
    const reply = await request(gateway.url, {
      path: '/v1/embeddings',
      body: { model: 'm', input: 'x', ...(encoding_format && { encoding_format }) },
    });
    const got = jsonOf<{ data: { embedding: number[] }[] }>(reply).data[0]!.embedding;
    expect([...new Float32Array(got)]).toEqual([...new Float32Array(vector)]);
  });

  test('usage goes into the ledger', async () => {
    upstream.script = json(200, body(vector));
    await client.embeddings.create({ model: 'm', input: 'x' });
    const rows = await gateway.ledgerRows(1);
    expect(rows.at(-1)).toMatchObject({ operation: 'embeddings', input: 2, usage_source: 'provider', outcome: 'ok' });
  });

  test('A12: an answer without vectors is 502', async () => {
    upstream.script = json(200, { object: 'list', data: 'none' });
    const reply = await request(gateway.url, { path: '/v1/embeddings', body: { model: 'm', input: 'x' } });
    expect(reply.status).toBe(502);
  });
});

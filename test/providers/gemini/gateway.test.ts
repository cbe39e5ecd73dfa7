import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { whenDone } from '../../helper/cleanup.ts';
import { type FakeGemini, geminiError, startFakeGemini } from '../../helper/fakes/index.ts';
import { startGateway } from '../../helper/gateway.ts';
import { documentOf, streamText } from './support.ts';

// Through the whole gateway and a socket, with a client that keeps the documented fields only, against a fake that refuses what
// the API refuses.

const model = 'gemini-3-flash-preview';
const tool = {
  type: 'function' as const,
  function: { name: 'lookup', parameters: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] } },
};

async function start(
  overlay: object = {},
  apiKey?: string,
): Promise<{ fake: FakeGemini; client: OpenAI; gateway: Awaited<ReturnType<typeof startGateway>> }> {
  const fake = await startFakeGemini();
  whenDone(() => fake.close());
  const gateway = await startGateway({
    overlay: {
      providers: { google: { type: 'gemini', base_url: fake.url, api_key: apiKey ?? fake.apiKey, catalogue: false } },
      models: {
        m: { targets: [{ provider: 'google', model }] },
        e: { targets: [{ provider: 'google', model: 'gemini-embedding-001' }] },
      },
      retries: { max_attempts: 1 },
      ...overlay,
    },
  });
  return { fake, gateway, client: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 }) };
}

const statusOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: InstanceType<typeof OpenAI.APIError>) => ({ status: error.status, code: error.code, param: error.param }),
  );

describe('the official SDK and the Gemini API', () => {
  it.each([false, true])('run a loop of parallel calls without a signature on the client’s side (stream: %s)', async (stream) => {
    const { fake, client } = await start();
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'parallel:2 steps:4 please' }];
    let rounds = 0;
    for (; rounds < 8; rounds++) {
      const request = { model: 'm', messages, tools: [tool] };
      const message = stream
        ? await client.chat.completions.stream(request).finalMessage()
        : (await client.chat.completions.create(request)).choices[0]!.message;
      const calls = (message.tool_calls ?? []).filter((call) => call.type === 'function');
      if (calls.length === 0) break;
      expect(calls).toHaveLength(2);
      expect(new Set(calls.map((call) => call.id)).size).toBe(2);
      messages.push({
        role: 'assistant',
        content: message.content,
        tool_calls: calls.map(({ id, function: { name, arguments: args } }) => ({
          id,
          type: 'function',
          function: { name, arguments: args },
        })),
      });
      for (const { id } of calls.toReversed()) messages.push({ role: 'tool', tool_call_id: id, content: `Result for ${id}` });
    }
    expect(rounds).toBe(4);
    expect(fake.requests.map((request) => request.refusal)).toEqual(fake.requests.map(() => null));
    const last = JSON.stringify(fake.requests.at(-1)!.body);
    expect(last.match(/thoughtSignature/g)).toHaveLength(4);
    expect(last).not.toContain('skip_thought_signature_validator');
  });

  it('embed more texts than one request takes, in the form the SDK asks for', async () => {
    const { fake, client, gateway } = await start();
    const input = Array.from({ length: 150 }, (_, at) => `text ${at}`);
    const { data } = await client.embeddings.create({ model: 'e', input, dimensions: 256 });
    expect(fake.requests.map((request) => [request.path, request.status])).toEqual([
      ['/v1beta/models/gemini-embedding-001:batchEmbedContents', 200],
      ['/v1beta/models/gemini-embedding-001:batchEmbedContents', 200],
    ]);
    expect(data.map((each) => each.index)).toEqual(input.map((_, at) => at));
    for (const { embedding } of data) {
      expect(embedding).toHaveLength(256);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 4);
    }
    expect(await gateway.ledgerRows(1)).toHaveLength(1);
  });

  it('S13: read a stream that a proxy made one JSON array of', async () => {
    const { fake, client } = await start();
    const open = { finishReason: undefined };
    fake.next({
      headers: { 'content-type': 'application/json' },
      body: [documentOf([{ text: 'One ' }], {}, open), documentOf([{ text: 'two' }])],
    });
    let text = '';
    const chunks = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
    });
    for await (const chunk of chunks) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('One two');
  });

  it('S1, S2: read a stream that comes byte by byte', async () => {
    const { fake, client } = await start();
    fake.next({
      headers: { 'content-type': 'text/event-stream' },
      body: streamText([documentOf([{ text: 'Grüße ' }], {}, { finishReason: undefined }), documentOf([{ text: '👩‍🚀' }])]),
      piece: 1,
    });
    const { choices } = await client.chat.completions
      .stream({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
      .finalChatCompletion();
    expect(choices[0]!.message.content).toBe('Grüße 👩‍🚀');
  });

  it('get speech from a model that writes nothing else, asked for as the API wants it', async () => {
    const { fake, client } = await start({
      models: { m: { targets: [{ provider: 'google', model: 'gemini-2.5-flash-preview-tts' }] } },
    });
    fake.next({ body: documentOf([{ inlineData: { mimeType: 'audio/L16;codec=pcm;rate=24000', data: 'AQACAA==' } }]) });
    const { choices } = await client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'Say hello' }],
      modalities: ['text', 'audio'],
      audio: { voice: 'Kore', format: 'wav' },
    });
    expect(fake.requests.map((request) => request.refusal)).toEqual([null]);
    expect(Buffer.from(choices[0]!.message.audio!.data, 'base64').toString('latin1', 0, 4)).toBe('RIFF');
  });

  it('A6: hear nothing of a wrong key of the operator', async () => {
    const { client } = await start({}, 'not-the-key');
    const failure = await statusOf(client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] }));
    expect(failure?.status).toBe(502);
  });

  it('A7: are told the name of what cannot be asked', async () => {
    const { fake, client } = await start();
    const request = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }], logit_bias: { '1': 5 } };
    expect(await statusOf(client.chat.completions.create(request))).toMatchObject({ status: 400, param: 'logit_bias' });
    expect(fake.requests).toHaveLength(0);
  });

  it('get an answer elsewhere when a model makes a call that is none', async () => {
    const second = await startFakeGemini();
    whenDone(() => second.close());
    const { fake, client } = await start({ retries: { max_attempts: 2 } });
    const both = await startGateway({
      overlay: {
        providers: {
          one: { type: 'gemini', base_url: fake.url, api_key: fake.apiKey, catalogue: false },
          two: { type: 'gemini', base_url: second.url, api_key: second.apiKey, catalogue: false },
        },
        models: { m: { strategy: 'priority', targets: ['one', 'two'].map((provider) => ({ provider, model })) } },
      },
    });
    client.baseURL = `${both.url}/v1`;
    fake.next({
      body: documentOf([], {}, { finishReason: 'MALFORMED_FUNCTION_CALL', finishMessage: 'Malformed function call' }),
    });
    const answer = await client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'say:Fine' }] });
    expect(answer.choices[0]!.message.content).toBe('Fine');
    expect(second.requests).toHaveLength(1);
  });

  it('A1: are told how long to wait', async () => {
    const { fake, client } = await start();
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '7.5s' }];
    const { body } = geminiError(429, 'Slow down.');
    fake.next({ status: 429, body: { error: { ...body.error, details } } });
    const error = await client.chat.completions
      .create({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] })
      .catch((failure: InstanceType<typeof OpenAI.APIError>) => failure);
    expect(error).toMatchObject({ status: 429 });
    // By chance up to half as long again.
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toMatch(/^(?:8|9|10|11)$/);
  });
});

import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import type { DecisionBody } from '../../schemas/decision.ts';
import { chatBody, chatEvents, chatStream, errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { eventsOf } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, inPriority, neverOpen, upstreamKey } from '../helper/overlay.ts';
import { answer, json, sse } from '../helper/replies.ts';
import { streamNamed } from '../helper/streams.ts';
import { startUpstream, type Upstream } from '../helper/upstream.ts';

// `gateway.explain`: the answer says why its target was chosen.

const secrets = { friend: 'sk-postern-test-friend-0123456789', stranger: 'sk-postern-test-stranger-0123456789' };
const explained = { gateway: { explain: true } };
const messages = [{ role: 'user' as const, content: 'Say hello.' }];

let broken: Upstream;
let upstream: Upstream;
let gateway: TestGateway;
let client: OpenAI;

beforeAll(async () => {
  broken = opened(await startUpstream(json(500, errorBody('server_error'))));
  upstream = opened(await startUpstream(json(200, chatBody())));
  const keys = { friend: { secret: secrets.friend, options: ['explain', 'only'] }, stranger: { secret: secrets.stranger } };
  gateway = await startGateway({
    overlay: inPriority({ a: broken.url, b: upstream.url }, { keys, health: neverOpen, retries: { max_attempts: 2 } }),
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secrets.friend, maxRetries: 0, logLevel: 'off' });
});

async function post(path: string, body: object, key = secrets.friend) {
  const reply = await fetch(`${gateway.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: reply.status, headers: reply.headers, text: await reply.text() };
}

const chat = (extra: object = explained, key?: string) => post('chat/completions', ask(extra), key);

interface Explained {
  readonly gateway: { readonly decision: DecisionBody };
}

/** Everything that a call which failed over has to say. */
const failedOver = {
  version: 1,
  model: 'm',
  key: 'key_friend',
  options: { explain: true },
  choices: [
    { purpose: 'first', chosen: 'a/up-1' },
    { purpose: 'failover', chosen: 'b/up-1' },
  ],
  attempts: [
    { target: 'a/up-1', outcome: 'failed', reason: 'server', ended_ms: expect.any(Number) },
    { target: 'b/up-1', outcome: 'ok', first_content_ms: expect.any(Number), ended_ms: expect.any(Number) },
  ],
};

describe('a JSON answer', () => {
  test('ends with the decision; every byte of the provider before it is its own', async () => {
    const body =
      '{ "id" : "c",\t"choices":[{"index":0,"message":{"role":"assistant","content":"\\u00e9"},"n":1.50}],"model":"up-1" }\n';
    upstream.script = answer(body, { headers: { 'content-type': 'application/json' } });
    const { status, headers, text } = await chat();
    expect(status).toBe(200);
    const end = body.lastIndexOf('}');
    expect(text.slice(0, end)).toBe(body.slice(0, end));
    expect(text.endsWith('}}}\n')).toBe(true);
    expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(text));
    const { decision } = (JSON.parse(text) as Explained).gateway;
    expect(decision).toMatchObject(failedOver);
    expect(decision.exchange).toBe(headers.get('x-postern-exchange-id'));
    expect(Object.keys(JSON.parse(text) as object).at(-1)).toBe('gateway');
  });

  test('of embeddings and responses too', async () => {
    upstream.script = json(200, { object: 'list', data: [{ object: 'embedding', index: 0, embedding: [1] }], model: 'up-1' });
    const vectors = await post('embeddings', { model: 'm', input: 'x', ...explained });
    expect((JSON.parse(vectors.text) as Explained).gateway.decision).toMatchObject({
      operation: 'embeddings',
      attempts: [{}, {}],
    });
    upstream.script = json(200, { id: 'r', object: 'response', status: 'completed', model: 'up-1', output: [] });
    const response = await post('responses', { model: 'm', input: 'x', ...explained });
    expect((JSON.parse(response.text) as Explained).gateway.decision).toMatchObject({ operation: 'responses' });
  });

  test('is as ever for those who do not ask, and the upstream never hears of it', async () => {
    upstream.script = json(200, chatBody());
    for (const extra of [{}, { gateway: { explain: false } }, { gateway: { explain: null } }]) {
      expect((await chat(extra)).text).toBe(JSON.stringify(chatBody()));
    }
    await chat();
    for (const { body } of upstream.calls) expect(body.toString()).not.toContain('explain');
  });

  test('the SDK takes it', async () => {
    upstream.script = json(200, chatBody());
    const completion = await client.chat.completions.create({ model: 'm', messages, ...explained } as never);
    expect(completion).toMatchObject({ ...chatBody(), gateway: { decision: failedOver } });
  });
});

describe('a stream', () => {
  test('has one more event, before [DONE]; the others are as ever', async () => {
    upstream.script = chatStream();
    const plain = eventsOf((await chat({ stream: true })).text);
    const events = eventsOf((await chat({ stream: true, ...explained })).text);
    expect(events.filter((_, at) => at !== events.length - 2)).toEqual(plain);
    expect(events.at(-1)!.data).toBe('[DONE]');
    const extra = JSON.parse(events.at(-2)!.data) as Explained;
    expect(extra).toMatchObject({
      id: 'chatcmpl-7Qx',
      object: 'chat.completion.chunk',
      model: 'up-1',
      choices: [],
      gateway: { decision: failedOver },
    });
  });

  test('the SDK iterates over it, and its own sum of the chunks has the whole answer', async () => {
    upstream.script = chatStream();
    const body = { model: 'm', messages, stream: true, stream_options: { include_usage: true }, ...explained };
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of await client.chat.completions.create(body as never as OpenAI.ChatCompletionCreateParamsStreaming))
      chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('Hello there');
    expect(chunks.at(-1)).toMatchObject({ choices: [], gateway: { decision: failedOver } });
    const whole = await client.chat.completions.stream(body as never).finalChatCompletion();
    expect(whole).toMatchObject({
      id: 'chatcmpl-7Qx',
      choices: [{ message: { content: 'Hello there' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 11 },
      gateway: { decision: failedOver },
    });
  });

  test('of the Responses API ends with an event of its own, which the SDK iterates over', async () => {
    const { bytes } = streamNamed('responses-text');
    upstream.script = sse(bytes);
    const body = { model: 'm', input: 'x', stream: true, ...explained };
    const { text } = await post('responses', body);
    expect(text.startsWith(bytes.toString('utf8').slice(0, 200))).toBe(true);
    expect(eventsOf(text).at(-1)).toMatchObject({ event: 'gateway.decision' });
    const types: string[] = [];
    let last: unknown;
    for await (const event of await client.responses.create(body as never as OpenAI.Responses.ResponseCreateParamsStreaming)) {
      types.push(event.type);
      last = event;
    }
    expect(types.slice(-2)).toEqual(['response.completed', 'gateway.decision']);
    expect(last).toMatchObject({ decision: { ...failedOver, operation: 'responses' } });
  });
});

describe('a failure', () => {
  test('has the decision beside its error', async () => {
    const { status, text, headers } = await chat({ gateway: { explain: true, only: ['a'] } });
    expect(status).toBe(502);
    expect(JSON.parse(text)).toMatchObject({
      error: { code: 'upstream_error' },
      gateway: {
        decision: {
          attempts: [{ target: 'a/up-1', outcome: 'failed' }],
          choices: [{ targets: [{}, { excluded: 'not_allowed' }] }, {}],
        },
      },
    });
    expect(Number(headers.get('content-length'))).toBe(Buffer.byteLength(text));
    await expect(
      client.chat.completions.create({ model: 'm', messages, gateway: { explain: true, only: ['a'] } } as never),
    ).rejects.toMatchObject({
      status: 502,
      code: 'upstream_error',
    });
  });

  test('S5: of a stream that broke has it in the event that ends it, without [DONE]', async () => {
    upstream.script = sse(chatEvents({ finish: null, usage: null, done: false }), { end: 'fin' });
    const events = eventsOf((await chat({ stream: true, ...explained })).text);
    expect(JSON.parse(events.at(-1)!.data)).toMatchObject({
      error: { code: 'stream_interrupted' },
      gateway: { decision: { attempts: [{}, { outcome: 'failed', reason: 'truncated' }] } },
    });
    expect(events.some(({ data }) => data === '[DONE]')).toBe(false);
  });
});

describe('who may ask', () => {
  test('security 13: nobody whose key may not; nothing is sent then', async () => {
    const before = [broken.calls.length, upstream.calls.length];
    const { status, text } = await chat(explained, secrets.stranger);
    expect([status, JSON.parse(text)]).toEqual([
      403,
      { error: expect.objectContaining({ code: 'option_not_allowed', param: 'gateway.explain' }) },
    ]);
    expect([broken.calls.length, upstream.calls.length]).toEqual(before);
  });

  test('each is told of its own call only', async () => {
    upstream.script = json(200, chatBody());
    const replies = await Promise.all(Array.from({ length: 10 }, () => chat()));
    for (const { headers, text } of replies) {
      const { decision } = (JSON.parse(text) as Explained).gateway;
      expect(decision.exchange).toBe(headers.get('x-postern-exchange-id'));
      for (const other of replies) {
        const id = other.headers.get('x-postern-exchange-id')!;
        if (id !== decision.exchange) expect(text).not.toContain(id);
      }
    }
  });

  test('security 36: nobody is told a secret or the address of an upstream', async () => {
    upstream.script = chatStream();
    for (const extra of [explained, { stream: true, ...explained }, { gateway: { explain: true, only: ['a'] } }]) {
      const { text } = await chat(extra);
      for (const hidden of [upstreamKey, secrets.friend, '127.0.0.1', String(broken.port), String(upstream.port)]) {
        expect(text).not.toContain(hidden);
      }
    }
  });
});

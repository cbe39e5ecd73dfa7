import { describe, expect, test } from 'vitest';
import { chat, chatBody, chatStream, chunk, errorBody, plainUsage } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { jsonOf, ask as request, streamError, textOf } from '../helper/client.ts';
import { startGateway, type TestGateway } from '../helper/gateway.ts';
import { ask, neverOpen, provider } from '../helper/overlay.ts';
import { json, sse } from '../helper/replies.ts';
import { type Script, startUpstream, type Upstream } from '../helper/upstream.ts';

// Models that take over for a cause of their own: a call that is too long, an answer that a content filter withheld.

interface Rig {
  readonly gateway: TestGateway;
  readonly own: Upstream;
  readonly other: Upstream;
}

const target = (name: string, model = 'up-1') => ({ targets: [{ provider: name, model }] });

/** Model `m` at `own`, and `spare` at `other`, named by the given list of `m`. */
async function rig(list: string, script: Script, extra: { model?: object; own?: object; rest?: object } = {}): Promise<Rig> {
  const own = opened(await startUpstream(script));
  const other = opened(await startUpstream(chat));
  const gateway = await startGateway({
    overlay: {
      providers: { own: provider(own.url, extra.own), other: provider(other.url) },
      models: {
        m: { ...target('own'), [list]: ['spare'], ...extra.model },
        spare: target('other'),
        third: target('other', 'up-3'),
      },
      health: neverOpen,
      server: { keep_alive_comments: '0s' },
      ...extra.rest,
    },
  });
  return { gateway, own, other };
}

const content = (reply: Parameters<typeof jsonOf>[0]) =>
  jsonOf<{ choices: { message: { content: string } }[] }>(reply).choices[0]!.message.content;
const rowsOf = async ({ gateway }: Rig, count: number) =>
  (await gateway.ledgerRows(count)).map((row) => [row.provider, row.outcome, row.reason, row.usage_source]);

const tooLong = json(400, errorBody('This model has 10 tokens.', 'invalid_request_error', 'context_length_exceeded'));
const refused = json(400, errorBody('Not allowed.', 'invalid_request_error', 'content_policy_violation'));
const filteredMessage = { index: 0, message: { role: 'assistant', content: null }, finish_reason: 'content_filter' };
const filtered: Script = (call, wire) =>
  (call.json as { stream?: boolean }).stream === true
    ? chatStream({ text: [], finish: 'content_filter' })(call, wire)
    : json(200, chatBody('', { choices: [filteredMessage] }))(call, wire);

describe.each([{ stream: false }, { stream: true }])('stream $stream', ({ stream }) => {
  test('a call that the upstream finds too long is answered by the model for long ones', async () => {
    const all = await rig('context_window_fallbacks', tooLong);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
    expect(await rowsOf(all, 2)).toEqual([
      ['own', 'failed', 'context_length', 'none'],
      ['other', 'ok', null, 'provider'],
    ]);
  });

  test('a call that the content policy of the upstream refuses is answered by the model for those', async () => {
    const all = await rig('content_policy_fallbacks', refused);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
  });

  test('A14: an answer of which the content filter left nothing is answered by another model, where one is there for that', async () => {
    const all = await rig('content_policy_fallbacks', filtered);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
    expect(stream ? textOf(reply.body) : content(reply)).toBe('Hello there');
    expect(reply.body.toString()).not.toContain('content_filter');
    expect(await rowsOf(all, 2)).toEqual([
      ['own', 'failed', 'content_policy', 'provider'],
      ['other', 'ok', null, 'provider'],
    ]);
  });

  test.each(['fallbacks', 'context_window_fallbacks'])('A14: with %s alone it is an answer as ever', async (list) => {
    const all = await rig(list, filtered);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'own', 'x-postern-attempts': '1' } });
    expect(reply.body.toString()).toContain('"finish_reason":"content_filter"');
    expect(await rowsOf(all, 1)).toEqual([['own', 'ok', null, 'provider']]);
  });

  test('A14: an answer of which something is left is delivered', async () => {
    const part = { ...filteredMessage, message: { role: 'assistant', content: 'Hel' } };
    const script: Script = stream
      ? chatStream({ text: ['Hel'], finish: 'content_filter' })
      : json(200, chatBody('', { choices: [part] }));
    const all = await rig('content_policy_fallbacks', script);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'own', 'x-postern-attempts': '1' } });
    expect(reply.body.toString()).toContain('"finish_reason":"content_filter"');
  });

  test('A14: where the other form comes than was asked for it is seen as well', async () => {
    const form: Script = stream
      ? json(200, chatBody('', { choices: [filteredMessage] }))
      : chatStream({ text: [], finish: 'content_filter' });
    const all = await rig('content_policy_fallbacks', form);
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply.headers).toMatchObject({ 'x-postern-provider': 'other', 'x-postern-attempts': '2' });
  });

  test('A14: when the models for that are out, or no send is left, the filtered answer is delivered', async () => {
    const last = await rig('content_policy_fallbacks', filtered, { rest: { retries: { max_attempts: 1 } } });
    expect((await request(last.gateway.url, { body: ask({ stream }) })).headers['x-postern-provider']).toBe('own');
    const out = await rig('content_policy_fallbacks', filtered, {
      rest: { health: { consecutive_failures: 1, open_for: '60s' } },
    });
    out.other.script = json(500, errorBody('broken'));
    await request(out.gateway.url, { body: ask({ model: 'spare' }) });
    const reply = await request(out.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'own', 'x-postern-attempts': '1' } });
    expect(reply.body.toString()).toContain('"finish_reason":"content_filter"');
  });

  test('A14: a chain is entered once: what its model filters is delivered', async () => {
    const all = await rig('content_policy_fallbacks', filtered, { model: { content_policy_fallbacks: ['spare', 'third'] } });
    all.other.script = filtered;
    const reply = await request(all.gateway.url, { body: ask({ stream }) });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
    expect(reply.body.toString()).toContain('"finish_reason":"content_filter"');
  });
});

// Each dialect's own word for it; the caller speaks another one.
const dialects: readonly [name: string, path: string, answer: (stream: boolean) => Script][] = [
  [
    'gemini',
    '/v1beta',
    (stream) => {
      const blocked = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 } };
      return stream ? sse([`data: ${JSON.stringify(blocked)}`]) : json(200, blocked);
    },
  ],
  [
    'anthropic',
    '/v1',
    (stream) => {
      const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'up-1', content: [], stop_reason: null };
      const usage = { input_tokens: 4, output_tokens: 1 };
      if (!stream) return json(200, { ...message, stop_reason: 'refusal', stop_sequence: null, usage });
      const event = (type: string, data: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}`;
      return sse([
        event('message_start', { message: { ...message, usage } }),
        event('message_delta', { delta: { stop_reason: 'refusal', stop_sequence: null }, usage }),
        event('message_stop', {}),
      ]);
    },
  ],
];

describe.each(dialects)('%s', (type, path, answerOf) => {
  test.each([{ stream: false }, { stream: true }])(
    'A14: what its filter withholds is answered by another model (stream $stream)',
    async ({ stream }) => {
      const own = opened(await startUpstream(answerOf(stream)));
      const other = opened(await startUpstream(chat));
      const entry = { type, base_url: own.url.replace(/\/v1$/, path), api_key: 'k', catalogue: false };
      const overlay = (chain: object) => ({
        providers: { own: entry, other: provider(other.url) },
        models: { m: { ...target('own'), ...chain }, spare: target('other') },
        health: neverOpen,
      });
      const plain = await startGateway({ overlay: overlay({}) });
      const before = await request(plain.url, { body: ask({ stream }) });
      expect(before.status).toBe(200);
      expect(before.body.toString()).toContain('"finish_reason":"content_filter"');
      const chained = await startGateway({ overlay: overlay({ content_policy_fallbacks: ['spare'] }) });
      const reply = await request(chained.url, { body: ask({ stream }) });
      expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
      expect(stream ? textOf(reply.body) : content(reply)).toBe('Hello there');
      if (stream) expect(streamError(reply.body)).toBeNull();
      const [row] = await chained.ledgerRows(2);
      expect(row).toMatchObject({ outcome: 'failed', reason: 'content_policy', input: 4, usage_source: 'provider' });
    },
  );
});

test.each([{ stream: false }, { stream: true }])(
  'A14: a filtered Response is answered by another model (stream $stream)',
  async ({ stream }) => {
    const response = (members: object) => ({
      id: 'resp_1',
      object: 'response',
      model: 'up-1',
      output: [],
      usage: null,
      ...members,
    });
    const incomplete = response({ status: 'incomplete', incomplete_details: { reason: 'content_filter' } });
    const complete = response({
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'Hi' }] }],
    });
    const answered = (type: string, body: object): Script =>
      stream ? sse([`event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: 0, response: body })}`]) : json(200, body);
    const all = await rig('content_policy_fallbacks', answered('response.incomplete', incomplete));
    all.other.script = answered('response.completed', complete);
    const reply = await request(all.gateway.url, { path: '/v1/responses', body: { model: 'm', input: 'Hi', stream } });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '2' } });
  },
);

test('a call that is too long by estimate for every target is sent to the model for long ones only', async () => {
  const info = { model_info: { 'up-1': { context_window: 100 } } };
  const all = await rig('context_window_fallbacks', chat, { own: info });
  const long = ask({ messages: [{ role: 'user', content: 'word '.repeat(2_000) }] });
  const reply = await request(all.gateway.url, { body: long });
  expect(reply).toMatchObject({ status: 200, headers: { 'x-postern-provider': 'other', 'x-postern-attempts': '1' } });
  expect(all.own.calls).toHaveLength(0);
  expect((await request(all.gateway.url, { body: ask() })).headers['x-postern-provider']).toBe('own');
  const without = await rig('fallbacks', chat, { own: info, model: { fallbacks: [] } });
  expect((await request(without.gateway.url, { body: long })).status).toBe(400);
});

test.each([
  ['context_window_fallbacks', refused],
  ['content_policy_fallbacks', tooLong],
  ['fallbacks', tooLong],
  ['fallbacks', refused],
])('%s is for its own cause: the caller is told of another', async (list, script) => {
  const all = await rig(list, script);
  expect(await request(all.gateway.url, { body: ask() })).toMatchObject({ status: 400, headers: { 'x-postern-attempts': '1' } });
  expect(all.other.calls).toHaveLength(0);
});

test('the models of a chain are no fallbacks for an outage', async () => {
  const all = await rig('context_window_fallbacks', json(503, errorBody('overloaded')));
  expect((await request(all.gateway.url, { body: ask() })).status).toBe(503);
  expect(all.other.calls).toHaveLength(0);
});

test('a chain keeps within the sends of an exchange, and takes nothing from the retry budget', async () => {
  const one = await rig('context_window_fallbacks', tooLong, { rest: { retries: { max_attempts: 1 } } });
  expect(await request(one.gateway.url, { body: ask() })).toMatchObject({ status: 400, headers: { 'x-postern-attempts': '1' } });
  const budget = { ratio: 0, min_per_second: 0, window: '10s' };
  const broke = await rig('context_window_fallbacks', tooLong, { rest: { retries: { budget } } });
  expect(await request(broke.gateway.url, { body: ask() })).toMatchObject({
    status: 200,
    headers: { 'x-postern-attempts': '2' },
  });
});

test('embeddings do not leave their space by a chain', async () => {
  const all = await rig('context_window_fallbacks', tooLong, { model: target('own', 'embed-1') });
  const reply = await request(all.gateway.url, { path: '/v1/embeddings', body: { model: 'm', input: 'x' } });
  expect(reply.status).toBe(400);
  expect(all.other.calls).toHaveLength(0);
});

test('a refusal of the model itself is content, and is not held back', async () => {
  const all = await rig(
    'content_policy_fallbacks',
    sse([
      chunk({ role: 'assistant' }),
      chunk({ refusal: 'I cannot.' }),
      chunk({}, 'stop'),
      `data: ${JSON.stringify({ choices: [], usage: plainUsage })}`,
      'data: [DONE]',
    ]),
  );
  const reply = await request(all.gateway.url, { body: ask({ stream: true }) });
  expect(reply.headers['x-postern-provider']).toBe('own');
  expect(reply.body.toString()).toContain('I cannot.');
});

import { describe, expect, test } from 'vitest';
import type { LedgerRow } from '../helper/ledger.ts';
import { type Any, answer, asking, chunks, delta, expected, framed, logprobs, reply, signature, usage } from './by-hand.ts';
import { ledgerDifferences } from './ledger-check.ts';
import { checkReply } from './reply-check.ts';
import { randomSplits } from './splits.ts';
import type { UpstreamAnswer } from './upstream-answers.ts';

// The checks of the replayed recordings, tried on an answer made by hand that is right, and on every way it can be wrong.

describe('a stream', () => {
  test('that is right has nothing wrong', async () => {
    expect(await checkReply(answer, asking, reply(framed(chunks())))).toEqual([]);
  });

  test.each<[string, (list: Any[]) => unknown, RegExp]>([
    ['a lost character', (list) => Object.assign(delta(list, 3), { content: '世' }), /^text: /m],
    ['a lost chunk', (list) => list.splice(2, 1), /^text: /m],
    ['text out of order', (list) => list.splice(2, 2, list[3]!, list[2]!), /^text: /m],
    ['a cut character', (list) => Object.assign(delta(list, 3), { content: '世\ufffd' }), /no character was cut/],
    ['a thought in the text', (list) => Object.assign(delta(list, 1), { content: 'two calls' }), /^text: /m],
    ['a lost thought', (list) => list.splice(1, 1), /^reasoning: /m],
    ['a lost call', (list) => list.splice(10, 2), /names of the calls/],
    [
      'other arguments',
      (list) => Object.assign(delta(list, 9).tool_calls[0].function, { arguments: '"sea"}' }),
      /arguments of call 0/,
    ],
    ['a call that is numbered from 1', (list) => Object.assign(delta(list, 10).tool_calls[0], { index: 2 }), /numbered 0\.\.n/],
    ['a call without an index', (list) => delete delta(list, 10).tool_calls[0].index, /numbered 0\.\.n/],
    [
      'an id that comes twice',
      (list) => Object.assign(delta(list, 10).tool_calls[0], { id: 'call_1' }),
      /ids of calls are unique/,
    ],
    ['a long id', (list) => Object.assign(delta(list, 10).tool_calls[0], { id: 'c'.repeat(41) }), /at most 40/],
    ['an odd id', (list) => Object.assign(delta(list, 10).tool_calls[0], { id: 'call:2' }), /at most 40/],
    ['an id in a later fragment', (list) => Object.assign(delta(list, 9).tool_calls[0], { id: 'call_1' }), /first fragment only/],
    ['a lost signature', (list) => delete delta(list, 7).tool_calls[0].extra_content, /signature of call 0/],
    [
      'a signature on another call',
      (list) => Object.assign(delta(list, 10).tool_calls[0], signature('c2lnLTE=')),
      /signature of call 1/,
    ],
    ['the signature of the text twice', (list) => list.splice(6, 0, list[6]!), /signature of the text/],
    [
      'stop although there are calls',
      (list) => Object.assign(list[12]!.choices[0], { finish_reason: 'stop' }),
      /^finish_reason: /m,
    ],
    ['no end', (list) => list.splice(12, 1), /ends with a finish_reason/],
    ['text after the end', (list) => list.splice(13, 0, list[3]!), /after a finish_reason/],
    ['the role twice', (list) => Object.assign(delta(list, 1), { role: 'assistant' }), /role in the first delta/],
    ['no role', (list) => delete delta(list, 0).role, /role in the first delta/],
    ['two ids', (list) => Object.assign(list[5]!, { id: 'chatcmpl-2' }), /one id in a stream/],
    ['two times', (list) => Object.assign(list[5]!, { created: 1_790_000_001 }), /one created in a stream/],
    ['two models', (list) => Object.assign(list[5]!, { model: 'm-2' }), /one model in a stream/],
    ['another model', (list) => list.map((chunk) => Object.assign(chunk, { model: 'm-2' })), /^model: /m],
    ['no model', (list) => Object.assign(list[5]!, { model: '' }), /every chunk has id, created, model/],
    ['no usage', (list) => list.splice(13, 1), /usage once, in the last chunk/],
    ['usage twice', (list) => list.push(list[13]!), /usage once, in the last chunk/],
    ['usage ahead of the end', (list) => list.splice(12, 0, ...list.splice(13, 1)), /usage once, in the last chunk/],
    ['a sum that is none', (list) => Object.assign(list[13]!, { usage: { ...usage, total_tokens: 41 } }), /total_tokens/],
    ['a miscounted prompt', (list) => Object.assign(list[13]!, { usage: { ...usage, prompt_tokens: 22 } }), /prompt_tokens/],
    [
      'thoughts that are not counted',
      (list) => Object.assign(list[13]!, { usage: { ...usage, completion_tokens: 7 } }),
      /completion_tokens/,
    ],
    [
      'a forgotten cache',
      (list) => Object.assign(list[13]!, { usage: { ...usage, prompt_tokens_details: {} } }),
      /cached_tokens/,
    ],
    ['a lost image', (list) => list.splice(4, 1), /^images: /m],
    ['a lost source', (list) => list.splice(5, 1), /sources that are missing/],
    ['lost probabilities', (list) => Object.assign(list[2]!.choices[0], { logprobs: null }), /tokens with probabilities/],
  ])('%s is found', async (_what, change, finding) => {
    const list = chunks();
    change(list);
    expect((await checkReply(answer, asking, reply(framed(list)))).join('\n')).toMatch(finding);
  });

  test.each<[string, string, RegExp]>([
    ['no [DONE]', '', /\[DONE\] once/],
    ['two [DONE]', 'data: [DONE]\n\ndata: [DONE]\n\n', /\[DONE\] once/],
    ['an event after [DONE]', `data: [DONE]\n\ndata: ${JSON.stringify(chunks()[13])}\n\n`, /nothing comes after/],
    ['a last event without its blank line', 'data: [DONE]\n', /the last event is whole/],
  ])('%s is found', async (_what, end, finding) => {
    expect((await checkReply(answer, asking, reply(framed(chunks(), end)))).join('\n')).toMatch(finding);
  });

  test('usage nobody asked for is found', async () => {
    const found = await checkReply(answer, { ...asking, usage: false }, reply(framed(chunks())));
    expect(found).toContain('no usage unasked');
  });

  test('a cookie of the provider is found', async () => {
    expect(await checkReply(answer, asking, reply(framed(chunks()), { 'set-cookie': 'a=b' }))).toHaveLength(1);
  });
});

describe('a JSON answer', () => {
  const message = {
    role: 'assistant',
    content: 'Grüße, 世界',
    refusal: null,
    reasoning_content: 'two calls',
    images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aW1n' } }],
    annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.test/a' } }],
    tool_calls: [
      { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":"sky"}' }, ...signature('c2lnLTE=') },
      { id: 'call_2', type: 'function', function: { name: 'look', arguments: '{}' } },
    ],
    ...signature('c2lnLTI='),
  };
  const document = (): Any =>
    structuredClone({
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_790_000_000,
      model: 'm-1',
      choices: [{ index: 0, message, logprobs, finish_reason: 'tool_calls' }],
      usage,
    });
  const json = { ...asking, stream: false };
  const found = async (body: Any) => (await checkReply(answer, json, reply(Buffer.from(JSON.stringify(body))))).join('\n');

  test('that is right has nothing wrong', async () => expect(await found(document())).toBe(''));

  test.each<[string, (body: Any) => unknown, RegExp]>([
    ['no content', (body) => delete body.choices[0].message.content, /content is there/],
    ['content that is no text', (body) => Object.assign(body.choices[0].message, { content: [] }), /content is there/],
    ['no refusal', (body) => delete body.choices[0].message.refusal, /refusal is there/],
    ['no finish_reason', (body) => Object.assign(body.choices[0], { finish_reason: null }), /finish_reason is there/],
    [
      'arguments that are no text',
      (body) => Object.assign(body.choices[0].message.tool_calls[1].function, { arguments: {} }),
      /a call has/,
    ],
    ['a lost call', (body) => body.choices[0].message.tool_calls.pop(), /names of the calls/],
    ['no usage', (body) => delete body.usage, /prompt_tokens/],
    ['a second choice', (body) => body.choices.push({ ...body.choices[0], index: 1 }), /number of choices/],
  ])('%s is found', async (_what, change, finding) => {
    const body = document();
    change(body);
    expect(await found(body)).toMatch(finding);
  });
});

const failing: UpstreamAnswer = {
  ...answer,
  expected: {
    kind: 'failure',
    status: 503,
    type: 'server_error',
    code: 'upstream_unavailable',
    param: null,
    message: null,
    afterContent: true,
  },
};

describe('an error', () => {
  const error = { message: 'The provider is overloaded.', type: 'server_error', param: null, code: 'upstream_unavailable' };
  const retry = { 'x-should-retry': 'true', 'retry-after': '1' };
  const replied = (body: object, headers: Record<string, string>, status: number) =>
    checkReply(failing, { ...asking, stream: false }, reply(Buffer.from(JSON.stringify(body)), headers, status));

  test('that is right has nothing wrong', async () => {
    expect(await replied({ error }, retry, 503)).toEqual([]);
    const event = { error: { ...error, code: 'stream_interrupted' } };
    expect(await checkReply(failing, asking, reply(framed([...chunks().slice(0, 3), event], '')))).toEqual([]);
  });

  test.each<[string, object, Record<string, string>, number]>([
    ['529', { error }, retry, 529],
    ['200', { error }, retry, 200],
    ['another type', { error: { ...error, type: 'overloaded_error' } }, retry, 503],
    ['no param', { error: { message: 'x', type: 'server_error', code: 'upstream_unavailable' } }, retry, 503],
    ['no envelope', error, retry, 503],
    ['no wait', { error }, { 'x-should-retry': 'true' }, 503],
    ['no word on repeating it', { error }, { 'retry-after': '1' }, 503],
  ])('%s is found', async (_what, body, headers, status) => {
    expect(await replied(body, headers, status)).not.toEqual([]);
  });

  test('a stream that broke and ends as if all were well is found', async () => {
    expect(await checkReply(failing, asking, reply(framed(chunks())))).toEqual(['the stream ends as if all were well']);
  });
});

describe('bytes of the same dialect', () => {
  const body = framed(chunks());
  const same: UpstreamAnswer = { ...answer, provider: 'openai', dialect: 'openai', body };
  const without = chunks()
    .slice(0, -1)
    .map(({ usage: _usage, ...chunk }) => chunk);

  test('that pass have nothing wrong', async () => {
    expect(await checkReply(same, asking, reply(body))).toEqual([]);
    expect(await checkReply(same, { ...asking, usage: false }, reply(framed(without)))).toEqual([]);
  });

  test.each<[string, boolean, Buffer]>([
    ['other spaces', true, Buffer.from(body.toString('utf8').replace('"id":', '"id": '))],
    ['another number of chunks', true, framed([...chunks().slice(0, -1), chunks()[13], chunks()[13]])],
    ['usage nobody asked for', false, body],
    ['a member that is missing', false, framed(without.map(({ created: _created, ...chunk }) => chunk))],
  ])('%s are found', async (_what, usageAsked, got) => {
    expect(await checkReply(same, { ...asking, usage: usageAsked }, reply(got))).not.toEqual([]);
  });
});

describe('vectors', () => {
  const vectors: UpstreamAnswer = {
    ...answer,
    operation: 'embeddings',
    streamed: false,
    expected: { kind: 'vectors', vectors: [[3, 4]], usage: null },
  };
  const numbers = { ...asking, stream: false };
  const body = (embedding: unknown, index = 0) => reply(Buffer.from(JSON.stringify({ data: [{ index, embedding }] })));

  test('have the length 1 and the form asked for', async () => {
    expect(await checkReply(vectors, numbers, body([0.6, 0.8]))).toEqual([]);
    const base64 = Buffer.from(new Float32Array([0.6, 0.8]).buffer).toString('base64');
    expect(await checkReply(vectors, { ...numbers, base64: true }, body(base64))).toEqual([]);
    for (const wrong of [body([3, 4]), body([0.8, 0.6]), body([0.6]), body(base64), body([0.6, 0.8], 1)])
      expect(await checkReply(vectors, numbers, wrong)).not.toEqual([]);
  });
});

describe('a row of the ledger', () => {
  const row = (more: object, quantities: object = { input: 30, output: 12, cached: 8, reasoning: 5 }) =>
    [
      {
        outcome: 'ok',
        usage_source: 'provider',
        target: 'openai/gpt-4o',
        cost_nano: 185_000,
        quantities: JSON.stringify(quantities),
        ...more,
      },
    ] as unknown as LedgerRow[];

  test('that is right has nothing wrong', () => {
    expect(ledgerDifferences(expected, row({}), 'openai')).toEqual([]);
  });

  test.each<[string, LedgerRow[]]>([
    ['two rows', [...row({}), ...row({})]],
    ['no row', []],
    ['an answer that is booked as a failure', row({ outcome: 'failed' })],
    ['an estimate', row({ usage_source: 'estimated' })],
    ['a miscounted prompt', row({}, { input: 22, output: 12, cached: 8, reasoning: 5 })],
    ['a forgotten cache', row({}, { input: 30, output: 12, reasoning: 5 })],
    ['no cost', row({ cost_nano: null })],
    ['another cost', row({ cost_nano: 185_002 })],
  ])('%s are found', (_what, rows) => {
    expect(ledgerDifferences(expected, rows, 'openai')).not.toEqual([]);
  });

  test('of a failure that is booked as an answer is found', () => {
    expect(ledgerDifferences(failing.expected, row({ outcome: 'failed' }), null)).toEqual([]);
    expect(ledgerDifferences(failing.expected, row({}), null)).not.toEqual([]);
  });
});

test('random splits follow from their seed, and are inside', () => {
  const splits = randomSplits(5000, 'a', 24);
  expect(splits).toEqual(randomSplits(5000, 'a', 24));
  expect(splits).not.toEqual(randomSplits(5000, 'b', 24));
  expect(splits.length).toBeGreaterThan(10);
  expect(splits.every((at, i) => at > (splits[i - 1] ?? 0) && at < 5000)).toBe(true);
});

import { describe, expect, it } from 'vitest';
import { translateSameDialect } from '../../../providers/openai/passthrough/index.ts';
import { TranslationError } from '../../../providers/provider.ts';
import { accumulate } from '../accumulate.ts';
import { chatStreams, fixture } from '../fixtures.ts';
import { callOf, eventOf, payloads, play, targetOf } from '../support.ts';

const collector = () => translateSameDialect(callOf({ model: 'm', messages: [] }), targetOf())!.aggregate();

/** A delta's null says nothing, while an answer has to have `refusal` and `logprobs`. */
const withoutNulls = (value: unknown) => JSON.parse(JSON.stringify(value, (_key, inner) => (inner === null ? undefined : inner)));

describe('S13: a stream in answer to a call for JSON', () => {
  it.each(chatStreams)('makes of %s the answer its chunks add up to', (name) => {
    const aggregate = collector();
    play(aggregate, fixture(name));
    const answer = aggregate.result();
    const { object, ...made } = JSON.parse(answer.bytes.toString());
    expect(object).toBe('chat.completion');
    expect(withoutNulls(made)).toEqual(
      withoutNulls(accumulate(payloads(fixture(name)).filter((payload) => payload !== '[DONE]'))),
    );
  });

  it('reads usage, model and characters', () => {
    const aggregate = collector();
    play(aggregate, fixture('stream-parallel-tools.sse'));
    expect(aggregate.result()).toMatchObject({
      usage: { input: 20, output: 12 },
      model: 'gpt-5.4-mini-2026-03-01',
      characters: 34,
    });
  });

  it('writes nothing on the way', () => {
    expect(collector().push(eventOf({ choices: [{ index: 0, delta: { content: 'x' } }] }))).toBeNull();
  });

  it.each([
    ['a cut stream', [{ choices: [{ index: 0, delta: { content: 'x' } }] }], 'truncated'],
    ['an empty stream', [], 'truncated'],
    ['[DONE] without a finish reason', [{ choices: [{ index: 0, delta: { content: 'x' } }] }, '[DONE]'], 'truncated'],
    ['text that is not JSON', ['{"cho'], 'protocol'],
    ['an error', [{ error: { code: 429, message: 'slow' } }], 'rate_limit'],
    ['a bad index', [{ choices: [{ index: 1e9, delta: {} }] }], 'protocol'],
  ])('S17: throws for %s', (_name, documents, reason) => {
    const aggregate = collector();
    for (const document of documents) aggregate.push(eventOf(document));
    expect(() => aggregate.result()).toThrow(TranslationError);
    expect(aggregate.failure?.reason).toBe(reason);
  });

  it('S17: allocates nothing for a huge index inside a delta', () => {
    const aggregate = collector();
    for (let i = 0; i < 3; i++)
      aggregate.push(eventOf({ choices: [{ index: 0, delta: { annotations: [{ index: 1e9 + i, a: 1 }] } }] }));
    aggregate.push(eventOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
    expect(JSON.parse(aggregate.result().bytes.toString()).choices[0].message.annotations).toHaveLength(3);
  });

  it('I6: a key named __proto__ stays data, at every level', () => {
    const aggregate = collector();
    const proto = '"__proto__":{"polluted":1}';
    const choice = `{"index":0,"delta":{${proto},"x":{${proto}}},${proto},"finish_reason":"stop"}`;
    aggregate.push(eventOf(`{"id":"a","choices":[{"index":0,"delta":{"content":"x"}}]}`));
    aggregate.push(eventOf(`{"choices":[${choice}],${proto}}`));
    const text = aggregate.result().bytes.toString();
    expect(text.split(proto)).toHaveLength(5);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('A15: refuses an answer that grows without end', () => {
    const aggregate = collector();
    const event = eventOf(`{"choices":[{"index":0,"delta":{"audio":{"data":""}}}]}${' '.repeat(1_000_000)}`);
    for (let i = 0; i < 70; i++) aggregate.push(event);
    expect(aggregate.failure).toMatchObject({ reason: 'protocol', message: expect.stringContaining('too large') });
  });

  it('collects a hundred thousand tokens with log probabilities in linear time', () => {
    const aggregate = collector();
    const event = eventOf({
      choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }], refusal: null } }],
    });
    const start = performance.now();
    for (let i = 0; i < 100_000; i++) aggregate.push(event);
    aggregate.push(eventOf({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }));
    expect(aggregate.result().characters).toBe(100_000);
    expect(performance.now() - start).toBeLessThan(8000);
  });
});

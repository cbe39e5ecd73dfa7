import { describe, expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import { TranslationError } from '../../../providers/provider.ts';
import type { ChatEvent } from '../../../providers/unified.ts';
import { accumulate } from '../accumulate.ts';
import { chatStreams, fixture, fixtureJson } from '../fixtures.ts';
import { eventOf, payloads } from '../support.ts';

/** Unified events of a stream's chunks. */
function decode(chunks: readonly unknown[]): ChatEvent[] {
  const decoder = chatCodec.decoder();
  return chunks.flatMap((chunk) => [...decoder.push(eventOf(chunk))]);
}

function encode(events: readonly ChatEvent[], usage = true): unknown[] {
  const encoder = chatCodec.encoder({ usage });
  return JSON.parse(JSON.stringify(events.flatMap((event) => encoder.push(event)))) as unknown[];
}

const chunk = (delta: unknown, more: object = {}) => ({
  id: 'c',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta, ...more }],
});
const calls = (...fragments: object[]) => fragments.map((fragment) => chunk({ tool_calls: [fragment] }));
const called = (events: readonly ChatEvent[]) => events.filter(({ type }) => type === 'tool_call' || type === 'tool_arguments');

describe('chat stream codec', () => {
  it.each(chatStreams)('%s adds up to the same answer after a round trip', (name) => {
    const chunks = payloads(fixture(name)).filter((payload) => payload !== '[DONE]');
    expect(accumulate(encode(decode(chunks)))).toEqual(accumulate(chunks));
  });

  it.each(chatStreams)('%s is complete at its end, not before', (name) => {
    const decoder = chatCodec.decoder();
    const states = payloads(fixture(name)).map((payload) => {
      decoder.push(eventOf(payload));
      return decoder.completed;
    });
    expect(states[0]).toBe(false);
    expect(states.at(-1)).toBe(true);
  });

  it('gives every chunk the same identity, and usage null on all but the usage chunk', () => {
    const chunks = encode(decode(payloads(fixture('stream-text.sse')))) as Record<string, unknown>[];
    for (const one of chunks)
      expect(one).toMatchObject({ id: 'chatcmpl-S1', object: 'chat.completion.chunk', system_fingerprint: 'fp_1' });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 20 } });
  });

  it('A13: says nothing of usage to a client who did not ask', () => {
    const chunks = encode(decode(payloads(fixture('stream-text.sse'))), false) as Record<string, unknown>[];
    expect(chunks.some((one) => 'usage' in one)).toBe(false);
  });

  it('opens every choice with the role, once', () => {
    const chunks = encode(decode(payloads(fixture('stream-two-choices.sse')))) as {
      choices: { index: number; delta: { role?: string } }[];
    }[];
    const roles = chunks.flatMap(({ choices }) => choices).filter(({ delta }) => delta.role === 'assistant');
    expect(roles.map(({ index }) => index)).toEqual([0, 1]);
  });

  it('keeps the order of the tokens that log probabilities are for', () => {
    const [first] = accumulate(encode(decode(payloads(fixture('stream-two-choices.sse'))))).choices as {
      logprobs: { content: { token: string }[] };
    }[];
    expect(first?.logprobs.content.map(({ token }) => token)).toEqual(['A', 'a', '\n']);
  });

  it('says the signature of the text once, the last one: clients join the texts of deltas', () => {
    const signed = (signature: string): ChatEvent => ({ type: 'reasoning', choice: 0, text: '', signature, dialect: 'gemini' });
    const chunks = encode([
      { type: 'start', id: 'c', created: 1, model: 'm' },
      { type: 'text', choice: 0, text: 'a' },
      signed('Zmlyc3Q='),
      { type: 'text', choice: 0, text: 'b' },
      signed('bGFzdA=='),
      { type: 'finish', choice: 0, reason: 'stop' },
    ]);
    expect(accumulate(chunks).choices).toMatchObject([
      { message: { content: 'ab', extra_content: { google: { thought_signature: 'bGFzdA==' } } }, finish_reason: 'stop' },
    ]);
  });

  it('drops obfuscation, which is padding', () => {
    expect(JSON.stringify(encode(decode(payloads(fixture('stream-text.sse')))))).not.toContain('obfuscation');
  });

  it('numbers tool calls from 0 whatever the upstream numbers them', () => {
    const events = decode(
      calls(
        { index: 3, id: 'a', function: { name: 'f', arguments: '{' } },
        { index: 7, id: 'b', function: { name: 'g' } },
        { index: 3, function: { arguments: '}' } },
      ),
    );
    expect(called(events)).toMatchObject([
      { type: 'tool_call', call: 0, id: 'a', name: 'f' },
      { type: 'tool_arguments', call: 0, text: '{' },
      { type: 'tool_call', call: 1, id: 'b', name: 'g' },
      { type: 'tool_arguments', call: 0, text: '}' },
    ]);
  });

  it('keeps parallel calls apart that come without an index', () => {
    const events = decode(payloads(fixture('stream-calls-without-index.sse')));
    expect(called(events)).toMatchObject([
      { type: 'tool_call', call: 0, id: '', name: 'f', signature: 'c2ln' },
      { type: 'tool_arguments', call: 0, text: '{"a":1}' },
      { type: 'tool_call', call: 1, id: '', name: 'f' },
      { type: 'tool_arguments', call: 1, text: '{"a":2}' },
    ]);
  });

  it('continues the last call with fragments that have neither index nor name', () => {
    const events = decode(calls({ id: 'a', function: { name: 'f', arguments: '{"x"' } }, { function: { arguments: ':1}' } }));
    expect(called(events).map((event) => ('text' in event ? event.text : event.type))).toEqual(['tool_call', '{"x"', ':1}']);
  });

  it('S14: begins a call for another id at a used index', () => {
    const events = decode(
      calls(
        { index: 0, id: 'a', function: { name: 'f', arguments: '{}' } },
        { index: 0, id: 'b', function: { name: 'g', arguments: '{}' } },
      ),
    );
    expect(called(events).filter(({ type }) => type === 'tool_call')).toMatchObject([{ call: 0 }, { call: 1 }]);
  });

  it('takes an id repeated on every fragment for the same call', () => {
    const events = decode(
      calls(
        { index: 0, id: 'a', function: { name: 'f', arguments: '{' } },
        { index: 0, id: 'a', function: { name: 'f', arguments: '}' } },
      ),
    );
    expect(called(events).filter(({ type }) => type === 'tool_call')).toHaveLength(1);
  });

  it('waits for the name of a call that starts without one', () => {
    const events = decode(
      calls({ index: 0, id: 'a', function: { arguments: '{' } }, { index: 0, function: { name: 'f', arguments: '}' } }),
    );
    expect(called(events)).toMatchObject([{ type: 'tool_call', name: 'f' }, { text: '{' }, { text: '}' }]);
  });

  it('names a stream by its first chunk with choices', () => {
    const opening = { id: '', created: 0, model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] };
    const [start] = decode([opening, chunk({ role: 'assistant', content: '' })]);
    expect(start).toMatchObject({
      type: 'start',
      id: 'c',
      model: 'm',
      extensions: { openai: { prompt_filter_results: [{ prompt_index: 0 }] } },
    });
  });

  it('reads the thinking parts of a streamed content array', () => {
    const events = decode([
      chunk({
        content: [
          { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
          { type: 'text', text: '4' },
        ],
      }),
    ]);
    expect(events.slice(1)).toEqual([
      { type: 'reasoning', choice: 0, text: 'hm' },
      { type: 'text', choice: 0, text: '4' },
    ]);
  });

  it('finds usage where compatible servers put it', () => {
    const usage = { prompt_tokens: 3, completion_tokens: 4 };
    for (const place of [{ usage }, { x_groq: { usage } }]) {
      expect(decode([{ ...chunk({}), ...place }]).at(-1)).toMatchObject({ type: 'usage', usage: { input: 3, output: 4 } });
    }
    expect(decode([chunk({}, { usage })]).at(-1)).toMatchObject({ type: 'usage', usage: { input: 3 } });
  });

  it.each(Object.entries(fixtureJson('errors.json')))('S10: throws the error of an event: %s', (_name, body) => {
    expect(() => decode([chunk({ content: 'x' }), body])).toThrow(TranslationError);
  });

  it.each([-1, 1e9, 1.5, '__proto__', '0', {}])('S17: refuses choice index %j', (index) => {
    expect(() => decode([{ choices: [{ index, delta: {} }] }])).toThrow(TranslationError);
  });

  it.each([-1, 1e9, 1.5, '__proto__', '0'])('S17: refuses tool call index %j', (index) => {
    expect(() => decode(calls({ index, id: 'a', function: { name: 'f' } }))).toThrow(TranslationError);
  });

  it('S17: refuses more tool calls than any model makes', () => {
    const many = Array.from({ length: 1100 }, (_, index) => ({ id: `c${index}`, function: { name: 'f' } }));
    expect(() => decode(calls(...many))).toThrow(TranslationError);
  });
});

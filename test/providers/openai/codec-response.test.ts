import { describe, expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import { TranslationError } from '../../../providers/provider.ts';
import { fixtureJson } from '../fixtures.ts';

const answers = Object.entries(fixtureJson('responses.json')) as [string, Record<string, unknown>][];
const answer = (name: string) => chatCodec.decodeResponse(answers.find(([key]) => key === name)![1]);

describe('chat response codec', () => {
  it.each(answers)('gives an answer back unchanged: %s', (_name, body) => {
    expect(chatCodec.encodeResponse(chatCodec.decodeResponse(body))).toStrictEqual(body);
  });

  it('says text, refusal, reasoning and tool calls in the unified model', () => {
    expect(answer('parallel tool calls beside text').choices[0]?.parts).toMatchObject([
      { type: 'text', text: 'Let me look.' },
      { type: 'tool_call', id: 'call_1', name: 'f', arguments: '{"a":1}' },
      { type: 'tool_call', id: 'call_2', name: 'g', arguments: '{broken' },
      { type: 'tool_call', kind: 'custom', id: 'call_3', name: 'h', arguments: 'free text' },
    ]);
    expect(answer('refusal').choices[0]?.parts).toEqual([{ type: 'refusal', text: 'I cannot help with that.' }]);
    for (const name of ['reasoning_content', 'reasoning by its other name']) {
      expect(answer(name).choices[0]?.parts).toEqual([
        { type: 'reasoning', text: '2+2' },
        { type: 'text', text: '4' },
      ]);
    }
  });

  it('reads usage with the details inside the totals', () => {
    expect(answer('text').usage).toEqual({
      input: 20,
      cached: 8,
      cache_write_5m: 2,
      input_audio: 0,
      output: 12,
      reasoning: 4,
      output_audio: 0,
      accepted_prediction: 0,
      rejected_prediction: 0,
    });
  });

  it('A12: has no usage when the upstream sent none that can be read', () => {
    expect(answer('null usage').usage).toBeNull();
    for (const usage of [undefined, {}, { prompt_tokens: -1 }, { prompt_tokens: '5' }, [], 'x']) {
      const body = { id: '1', object: 'chat.completion', created: 1, model: 'm', choices: [], usage };
      expect(chatCodec.decodeResponse(body).usage).toBeNull();
    }
  });

  it('reads an unknown finish reason as a stop', () => {
    expect(answer('vendor finish reason').choices[0]?.finishReason).toBe('stop');
  });

  it.each([
    ['no choices', { choices: null }],
    ['a choice that is no object', { choices: [null] }],
    ['a choice without a message', { choices: [{ index: 0 }] }],
    ['a bad index', { choices: [{ index: 1e9, message: {} }] }],
  ])('S17: refuses %s', (_name, body) => {
    expect(() => chatCodec.decodeResponse(body)).toThrow(TranslationError);
  });

  it("writes another dialect's answer with every key a client expects", () => {
    const body = chatCodec.encodeResponse({
      id: 'x',
      created: 5,
      model: 'm',
      usage: { input: 3, output: 4, cached: 1 },
      choices: [
        {
          index: 0,
          finishReason: 'stop',
          parts: [
            { type: 'text', text: 'a' },
            { type: 'reasoning', text: 'r', dialect: 'elsewhere' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
    });
    expect(body).toEqual({
      id: 'x',
      object: 'chat.completion',
      created: 5,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'ab', refusal: null, reasoning_content: 'r' },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, prompt_tokens_details: { cached_tokens: 1 } },
    });
  });
});

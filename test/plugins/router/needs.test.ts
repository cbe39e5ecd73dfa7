import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canTake, needsOf } from '../../../plugins/router/needs.ts';
import type { Call, ModelInfo, Operation } from '../../../providers/provider.ts';
import { target } from './targets.ts';

function needs(json: Record<string, unknown>, operation: Operation = 'chat', estimate = 10) {
  const call = { operation, body: { json, bytes: Buffer.alloc(0), members: [] } } as unknown as Call;
  return needsOf(call, estimate);
}

const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });
const text = { type: 'text', text: 'x' };
const able = (info: Partial<ModelInfo>) => ({ ...target('x'), info: { id: 'x', created: 0, ownedBy: '', ...info } });
const refusal = (json: Record<string, unknown>, info: Partial<ModelInfo>, operation: Operation = 'chat') =>
  canTake(needs(json, operation), able(info));

describe('what a call needs', () => {
  it.each([
    ['image', { type: 'image_url', image_url: { url: 'https://example.test/a.png' } }],
    ['image', { type: 'image_url', image_url: 'https://example.test/a.png' }],
    ['image', { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }],
    ['file', { type: 'image_url', image_url: { url: 'data:application/pdf;base64,AAAA' } }],
    ['audio', { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }],
    ['video', { type: 'video_url', video_url: { url: 'https://example.test/a.mp4' } }],
    ['file', { type: 'file', file: { file_id: 'file-1' } }],
    ['file', { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA' } }],
    ['file', { type: 'file', file: { file_data: 'AAAA', filename: 'a.pdf' } }],
    ['image', { type: 'file', file: { file_data: 'data:image/jpeg;base64,AAAA' } }],
    ['audio', { type: 'file', file: { file_data: 'data:audio/mpeg;base64,AAAA' } }],
  ])('is %s for %j', (modality, part) => {
    expect(needs(user(text, part)).input).toEqual([modality]);
  });

  it('is each modality once, from every turn', () => {
    const image = { type: 'image_url', image_url: { url: 'x' } };
    const messages = [
      { role: 'user', content: [image, image] },
      { role: 'assistant', content: 'seen' },
      { role: 'tool', content: [{ type: 'input_audio', input_audio: {} }] },
    ];
    expect(needs({ messages }).input).toEqual(['image', 'audio']);
  });

  it('is nothing but text for texts, unknown parts and nulls', () => {
    const messages = [
      { role: 'user', content: 'x' },
      { role: 'assistant', content: null },
      null,
      7,
      { content: [text, null, 7, {}] },
    ];
    expect(needs({ messages, tools: null, modalities: null, response_format: null, max_tokens: null })).toEqual({
      operation: 'chat',
      input: [],
      output: [],
      tools: false,
      structuredOutput: false,
      inputTokens: 10,
      outputTokens: 0,
    });
    expect(needs(user({ type: '__proto__' }, { type: 'constructor' })).input).toEqual([]);
  });

  it('names tools, a schema, modalities and the limit of the answer', () => {
    const schema = { type: 'json_schema', json_schema: { name: 'a', schema: {} } };
    expect(needs({ messages: [], tools: [{}], response_format: schema, modalities: ['text', 'audio'] })).toMatchObject({
      tools: true,
      structuredOutput: true,
      output: ['text', 'audio'],
    });
    expect(needs({ messages: [], functions: [{ name: 'f' }], tools: [] }).tools).toBe(true);
    expect(needs({ messages: [], response_format: { type: 'json_object' } }).structuredOutput).toBe(false);
    expect(needs({ messages: [], max_tokens: 5, max_completion_tokens: 7 }).outputTokens).toBe(7);
  });

  it('is read in the words of the Responses API', () => {
    const input = [
      { role: 'user', content: [{ type: 'input_image', image_url: 'data:image/png;base64,AAAA' }] },
      { type: 'function_call_output', output: [{ type: 'input_file', file_id: 'f' }] },
    ];
    const format = { type: 'json_schema', name: 'a', schema: {} };
    expect(needs({ input, text: { format }, max_output_tokens: 9 }, 'responses')).toMatchObject({
      input: ['image', 'file'],
      structuredOutput: true,
      outputTokens: 9,
    });
    expect(needs({ input: 'plain', text: null }, 'responses').input).toEqual([]);
  });

  it('never throws, whatever a body holds', () => {
    const json = fc.dictionary(
      fc.constantFrom('messages', 'input', 'tools', 'modalities', 'response_format', 'text', 'max_tokens', 'functions'),
      fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.record({
            content: fc.array(
              fc.record({
                type: fc.constantFrom('image_url', 'file', 'input_file'),
                file: fc.jsonValue(),
                image_url: fc.jsonValue(),
              }),
            ),
          }),
        ),
      ),
    );
    fc.assert(
      fc.property(json, fc.constantFrom<Operation>('chat', 'responses', 'embeddings'), (body, operation) => {
        canTake(needs(body, operation), able({ input: [], output: [], tools: false, contextWindow: 1 }));
      }),
    );
  });
});

describe('a target', () => {
  const everything = user(text, { type: 'input_audio', input_audio: {} }, { type: 'file', file: {} });
  const all = { ...everything, tools: [{}], modalities: ['audio'], response_format: { type: 'json_schema' }, max_tokens: 1e7 };

  it('of which nothing is known takes everything', () => {
    expect(canTake(needs(all, 'chat', 1e9), target('x'))).toBeNull();
    expect(canTake(needs(all, 'chat', 1e9), able({}))).toBeNull();
  });

  it('is refused by name for a modality it does not read, and told what it reads', () => {
    expect(refusal(everything, { input: ['text', 'image', 'file'] })).toMatchObject({
      reason: 'invalid_request',
      status: 400,
      code: 'unsupported_value',
      param: 'messages',
      unsent: true,
      message: expect.stringMatching(/^The model `x` does not read audio, only text, images and documents\./),
    });
    expect(refusal(everything, { input: ['text', 'audio', 'file'] })).toBeNull();
  });

  it.each([
    [{ modalities: ['text', 'audio'] }, { output: ['text'] }, 'modalities', 'does not generate audio, only text'],
    [{ tools: [{}] }, { tools: false }, 'tools', 'does not call tools'],
    [
      { response_format: { type: 'json_schema' } },
      { structuredOutput: false },
      'response_format',
      'does not answer by a JSON schema',
    ],
    [{}, { operations: ['responses'] }, 'model', 'does not take chat, only responses'],
    [{}, { operations: [] }, 'model', 'does not take chat, only what is not served here'],
  ] as [Record<string, unknown>, Partial<ModelInfo>, string, string][])(
    'is refused for %j with %j',
    (json, info, param, words) => {
      const found = refusal({ messages: [], ...json }, info);
      expect(found).toMatchObject({ reason: 'invalid_request', param });
      expect(found!.message).toContain(`The model \`x\` ${words}`);
    },
  );

  it('names the parameter of the Responses API for a call of that', () => {
    const input = [{ content: [{ type: 'input_image', image_url: 'x' }] }];
    expect(refusal({ input }, { input: ['text'] }, 'responses')).toMatchObject({ param: 'input' });
    expect(refusal({ text: { format: { type: 'json_schema' } } }, { structuredOutput: false }, 'responses')).toMatchObject({
      param: 'text',
    });
  });

  it('is refused for its context only when the estimate is half as large again', () => {
    const at = (estimate: number, more: Record<string, unknown> = {}, info: Partial<ModelInfo> = {}) =>
      canTake(needs({ messages: [], ...more }, 'chat', estimate), able({ contextWindow: 1000, ...info }));
    expect(at(1500)).toBeNull();
    expect(at(1501)).toMatchObject({ reason: 'context_length', code: 'context_length_exceeded', param: 'messages', status: 400 });
    expect(at(1501)!.message).toContain('about 1501 tokens, while the context of the model `x` has 1000');
    expect(at(1000, { max_tokens: 600 })!.message).toContain('and 600 are asked for as the answer');
    expect(at(1000, { max_tokens: 500 })).toBeNull();
  });

  it('is not refused for a limit above what it can generate', () => {
    const asks = needs({ messages: [], max_tokens: 1_000_000 }, 'chat', 900);
    expect(canTake(asks, able({ contextWindow: 1000, maxOutputTokens: 400 }))).toBeNull();
  });

  it('is not refused for many texts of one embeddings call: each counts by itself', () => {
    expect(canTake(needs({ input: ['a'] }, 'embeddings', 1e6), able({ contextWindow: 8192 }))).toBeNull();
  });
});

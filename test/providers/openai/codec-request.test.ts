import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import { TranslationError } from '../../../providers/provider.ts';
import type { ChatRequest, Message } from '../../../providers/unified.ts';
import { fixtureJson, fixtures } from '../fixtures.ts';

const roundTrip = (body: object) => chatCodec.encodeRequest(chatCodec.decodeRequest(body as Record<string, unknown>));

/** A message of another dialect: no extension says otherwise. */
const encode = (message: Message) => {
  const request: ChatRequest = { model: 'm', messages: [message], sampling: {}, stream: false, streamUsage: false };
  return chatCodec.encodeRequest(request).messages;
};

describe('chat request codec', () => {
  it.each(fixtures('request-'))('gives %s back unchanged', (name) => {
    const body = fixtureJson(name);
    const again = roundTrip(body);
    expect(again).toStrictEqual(body);
    expect(Object.keys(again).sort()).toEqual(Object.keys(body).sort());
  });

  it('the fixture with all fields has all 37 of them', () => {
    expect(Object.keys(fixtureJson('request-all-fields.json'))).toHaveLength(37);
  });

  it('gives any unknown or oddly typed field back unchanged', () => {
    const names = Object.keys(fixtureJson('request-all-fields.json')).filter((name) => name !== 'model' && name !== 'messages');
    const key = fc.oneof(fc.constantFrom(...names, 'top_k', 'vendor_field'), fc.string()).filter((name) => name !== '__proto__');
    const extra = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 });
    fc.assert(
      fc.property(extra, (fields) => {
        const body = JSON.parse(JSON.stringify({ ...fields, model: 'm', messages: [{ role: 'user', content: 'x' }] }));
        expect(roundTrip(body)).toStrictEqual(body);
      }),
      { numRuns: 300 },
    );
  });

  it('gives any message back unchanged', () => {
    const key = fc.constantFrom(
      'content',
      'name',
      'refusal',
      'tool_calls',
      'audio',
      'tool_call_id',
      'reasoning',
      'reasoning_content',
      'x',
    );
    const part = fc.record({
      type: fc.constantFrom('text', 'image_url', 'file', 'refusal', 'odd'),
      text: fc.jsonValue({ maxDepth: 1 }),
    });
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string(), fc.array(part));
    const role = fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function', 'other');
    fc.assert(
      fc.property(role, fc.dictionary(key, value, { maxKeys: 5 }), (speaker, fields) => {
        const body = JSON.parse(JSON.stringify({ model: 'm', messages: [{ ...fields, role: speaker }] }));
        expect(roundTrip(body)).toStrictEqual(body);
      }),
      { numRuns: 500 },
    );
  });

  it('says in the unified model what every dialect understands', () => {
    const request = chatCodec.decodeRequest(fixtureJson('request-all-fields.json'));
    expect(request).toMatchObject({
      model: 'gpt-5.4-mini',
      stream: true,
      streamUsage: true,
      maxOutputTokens: 300,
      choices: 2,
      parallelToolCalls: false,
      reasoningEffort: 'low',
      output: { type: 'json_schema', name: 'answer', strict: true },
      toolChoice: {
        mode: 'allowed',
        required: true,
        tools: [
          { kind: 'function', name: 'get_weather' },
          { kind: 'custom', name: 'run_sql' },
        ],
      },
      sampling: { temperature: 0.7, topP: 0.9, stop: ['END', 'STOP'], seed: 7, logprobs: { top: 3 } },
    });
    expect(request.messages.map(({ role }) => role)).toEqual([
      'developer',
      'user',
      'assistant',
      'tool',
      'tool',
      'assistant',
      'user',
    ]);
    expect(request.messages[1]?.parts).toMatchObject([
      { type: 'text', text: 'What is on these?', cache: { mode: 'explicit' } },
      { type: 'image', source: { kind: 'url', url: 'https://images.example.test/cat.png' }, detail: 'low' },
      { type: 'image', source: { kind: 'data', mediaType: 'image/png', data: 'iVBORw0KGgo=' } },
      { type: 'audio', source: { kind: 'data', mediaType: 'audio/wav' }, format: 'wav' },
      { type: 'file', source: { kind: 'file', id: 'file-abc' } },
      { type: 'file', source: { kind: 'data', mediaType: 'application/pdf' }, filename: 'a.pdf' },
    ]);
    expect(request.messages[2]?.parts).toMatchObject([
      { type: 'tool_call', kind: 'function', id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' },
      { type: 'tool_call', kind: 'custom', id: 'call_2', name: 'run_sql', arguments: 'select 1' },
    ]);
  });

  it('reads the deprecated limit as the limit, and writes it back by its own name', () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'x' }], max_tokens: 9 };
    expect(chatCodec.decodeRequest(body).maxOutputTokens).toBe(9);
    expect(roundTrip(body)).not.toHaveProperty('max_completion_tokens');
  });

  it('lets the request decide model, stream and usage, not the form it came in', () => {
    const body = {
      model: 'a',
      messages: [{ role: 'user', content: 'x' }],
      stream: false,
      stream_options: { include_usage: false, x: 1 },
    };
    const request = { ...chatCodec.decodeRequest(body), model: 'b', stream: true, streamUsage: true };
    expect(chatCodec.encodeRequest(request)).toMatchObject({
      model: 'b',
      stream: true,
      stream_options: { include_usage: true, x: 1 },
    });
  });

  it('keeps the signature of a tool call where the compatible endpoint of its maker puts it', () => {
    const request = chatCodec.decodeRequest(fixtureJson('request-vendor-fields.json'));
    expect(request.messages[7]?.parts[0]).toMatchObject({ type: 'tool_call', signature: 'c2ln' });
  });

  it("turns another dialect's turn with tool results into tool messages ahead of its text", () => {
    const messages = encode({
      role: 'user',
      parts: [
        { type: 'tool_result', id: 'c1', content: [{ type: 'text', text: 'one' }] },
        { type: 'tool_result', id: 'c2', content: [] },
        { type: 'text', text: 'go on' },
      ],
    });
    expect(messages).toEqual([
      { role: 'tool', tool_call_id: 'c1', content: 'one' },
      { role: 'tool', tool_call_id: 'c2', content: '' },
      { role: 'user', content: 'go on' },
    ]);
  });

  it("leaves another dialect's reasoning and its proof out of a request", () => {
    const messages = encode({
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'hm', signature: 's', dialect: 'elsewhere' },
        { type: 'tool_call', kind: 'function', id: 'c', name: 'f', arguments: '{}', signature: 'sig' },
      ],
    });
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    expect(messages).toEqual([{ role: 'assistant', content: null, tool_calls: [call] }]);
  });

  it.each<[string, Message]>([
    ['a foreign part', { role: 'user', parts: [{ type: 'foreign', dialect: 'elsewhere', value: {} }] }],
    ['a foreign part of an earlier answer', { role: 'assistant', parts: [{ type: 'foreign', dialect: 'elsewhere', value: {} }] }],
    ['an image by file id', { role: 'user', parts: [{ type: 'image', source: { kind: 'file', id: 'f' } }] }],
    ['sound by URL', { role: 'user', parts: [{ type: 'audio', source: { kind: 'url', url: 'u' } }] }],
  ])('refuses by name what this dialect cannot say: %s', (_name, message) => {
    expect(() => encode(message)).toThrow(TranslationError);
    expect(() => encode(message)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ reason: 'invalid_request' }) }),
    );
  });

  it('never changes the body it reads', () => {
    const body = fixtureJson('request-vendor-fields.json');
    const before = JSON.stringify(body);
    roundTrip(body);
    expect(JSON.stringify(body)).toBe(before);
  });

  it('I6: does not let a key named __proto__ through to a prototype', () => {
    const body = JSON.parse(
      '{"model":"m","messages":[{"role":"user","content":"x","__proto__":{"a":1}}],"__proto__":{"polluted":1}}',
    );
    roundTrip(body);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

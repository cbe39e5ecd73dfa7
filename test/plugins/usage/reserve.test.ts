import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { outputBound, prepareReservations, reserveInput } from '../../../plugins/usage/reserve.ts';
import { partsOf } from '../../../plugins/usage/reserve-parts.ts';
import { encodings } from '../../../plugins/usage/tokenizer.ts';
import type { Call, Operation } from '../../../providers/provider.ts';

const models = ['gpt-4o', 'gpt-4', 'claude-sonnet-4-5', 'gemini-3-flash', 'llama-4-scout', 'my-own-model', ''];

function callOf(json: unknown, operation: Operation = 'chat', kept: Call['kept'] = new Map()): Call {
  const body = readBody(Buffer.from(JSON.stringify(json)));
  return {
    operation,
    dialect: 'openai',
    body,
    stream: false,
    streamUsage: false,
    dropped: new Set(),
    requireParameters: false,
    kept,
  };
}

const saying = (content: unknown, more: object = {}) => callOf({ model: 'm', messages: [{ role: 'user', content }], ...more });
const held = (content: unknown, model = 'gpt-4o', more: object = {}) => reserveInput(saying(content, more), [model]);

const tool = (name: string) => ({
  type: 'function',
  function: { name, description: 'Looks something up.', parameters: { type: 'object', properties: { key: { type: 'string' } } } },
});

beforeAll(() => prepareReservations(encodings));

describe('input tokens that are held', () => {
  it('are exactly what the chat format takes where the vocabulary is the model’s own', () => {
    expect(held('hello')).toBe(8);
    expect(held('Say this is a test')).toBe(12);
  });

  it('are those of the dearest of the models that the call may go to', () => {
    const text = 'Une phrase assez longue, pour que les vocabulaires diffèrent. '.repeat(20);
    const each = models.map((model) => held(text, model));
    expect(reserveInput(saying(text), models)).toBe(Math.max(...each));
    expect(new Set(each).size).toBeGreaterThan(3);
  });

  it('are by the family of a model, whatever stands before its name', () => {
    for (const name of ['anthropic/claude-sonnet-4-5', 'us.anthropic.claude-sonnet-4-5-v1:0', 'Claude-Sonnet-4-5'])
      expect(held('hello', name)).toBe(held('hello', 'claude-sonnet-4-5'));
    expect(held('hello', 'openai/o3')).toBe(held('hello', 'o3'));
  });

  it('grow with tools, with a call that is asked for, and with the schema of the answer', () => {
    for (const model of models) {
      const plain = held('hi', model);
      const one = held('hi', model, { tools: [tool('look')] });
      expect(one).toBeGreaterThan(plain + 10);
      expect(held('hi', model, { tools: [tool('look'), tool('find')] })).toBeGreaterThan(one);
      expect(held('hi', model, { tools: [tool('look')], tool_choice: 'required' })).toBeGreaterThanOrEqual(one);
    }
    const format = {
      type: 'json_schema',
      json_schema: { name: 'a', schema: { type: 'object', properties: { x: { type: 'string' } } } },
    };
    expect(held('hi', 'gpt-4o', { response_format: format })).toBeGreaterThan(held('hi') + 20);
  });

  it('count what goes back with tool calls: signatures of the body and those that were kept', () => {
    const calling = (extra: object) => ({
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' }, ...extra }] },
        { role: 'tool', tool_call_id: 'c1', content: '{}' },
      ],
    });
    const signature = 'A'.repeat(1000);
    const plain = reserveInput(callOf(calling({})), ['gemini-3-flash']);
    const own = callOf(calling({ extra_content: { google: { thought_signature: signature } } }));
    const kept = callOf(calling({}), 'chat', new Map([['c1', { id: 'c1', dialect: 'gemini', issuer: 'g/m', signature }]]));
    expect(reserveInput(own, ['gemini-3-flash']) - plain).toBe(170);
    expect(reserveInput(kept, ['gemini-3-flash']) - plain).toBe(170);
  });

  it('hold something for what the call only names: tools of the provider, kept prompts, stored answers', () => {
    const response = (more: object) => reserveInput(callOf({ model: 'm', input: 'hi', ...more }, 'responses'), ['gpt-5']);
    const plain = response({});
    expect(response({ previous_response_id: 'resp_1' })).toBeGreaterThan(plain + 1000);
    expect(response({ tools: [{ type: 'web_search' }] })).toBeGreaterThan(plain + 1000);
    expect(held('hi', 'gemini-2.5-flash', { google: { cached_content: 'cachedContents/1' } })).toBeGreaterThan(1000);
    expect(held('hi', 'gemini-2.5-flash', { google: { tools: [{ codeExecution: {} }] } })).toBeGreaterThan(1000);
    expect(held('hi', 'claude-sonnet-4-5', { anthropic: { mcp_servers: [{}, {}] } })).toBeGreaterThan(10_000);
  });

  it('of embeddings are those of their texts, and one for each token id', () => {
    const embedding = (input: unknown) => reserveInput(callOf({ model: 'm', input }, 'embeddings'), ['text-embedding-3-small']);
    expect(embedding(['hello', 'world'])).toBe(2);
    expect(embedding([1, 2, 3])).toBe(3);
    expect(embedding([[1, 2], [3]])).toBe(3);
  });

  it('security 29: are found in bounded time for texts that would take long, in one piece or in many', () => {
    const spoken = (text: string, times: number) =>
      callOf({ messages: Array.from({ length: times }, () => ({ role: 'user', content: text })) });
    for (const letter of ['a', ' ', '😀', '\u{20000}', '\n', '机器学习', 'AbC1', '\t x']) {
      for (const [length, times] of [
        [2_000_000, 1],
        [60_000, 30],
        [250, 2000],
      ] as const) {
        const call = spoken(letter.repeat(Math.floor(length / letter.length)), times);
        const before = process.threadCpuUsage();
        const tokens = reserveInput(call, models);
        const { user, system } = process.threadCpuUsage(before);
        expect((user + system) / 1000).toBeLessThan(60);
        expect(tokens).toBeGreaterThan(10_000);
      }
    }
  });

  it('of a long text are near those of all of it, also where its script changes', () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(200) + '机器学习是人工智能的一个分支。'.repeat(300);
    const whole = Array.from(
      { length: 30 },
      (_, at) => held(text.slice((text.length / 30) * at, (text.length / 30) * (at + 1))) - 7,
    );
    const real = whole.reduce((sum, each) => sum + each);
    const estimate = held(text.repeat(5));
    expect(estimate / (real * 5)).toBeGreaterThan(1);
    expect(estimate / (real * 5)).toBeLessThan(1.35);
  });

  it('count a text that was cut out of the body, and long lists of tools, by windows of them', () => {
    const text = 'word '.repeat(100_000);
    expect(saying(text).body.cut?.size).toBe(1);
    expect(held(text) / 100_000).toBeGreaterThan(1);
    expect(held(text) / 100_000).toBeLessThan(1.3);
    const tools = Array.from({ length: 600 }, (_, at) => tool(`look_${at}`));
    expect(partsOf(saying('hi', { tools })).bulk).toHaveLength(1);
    expect(held('hi', 'claude-sonnet-4-5', { tools })).toBeGreaterThan(600 * 30);
  });
});

describe('hostile calls', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, -1, 0, 1e308, 0.5, '', 'data:;base64,', 'data:image/png;base64,iVBORw0KGgo', 'file', 'tool'),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...members), tie('any'), { maxKeys: 6 }),
    ),
  })).any;

  it('security 28: get a whole number of at least 1 for whatever stands in them, at any model', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...members), value, { maxKeys: 8 }),
        fc.constantFrom<Operation>('chat', 'embeddings', 'responses'),
        (json, operation) => {
          const call = callOf(json, operation);
          const input = reserveInput(call, models);
          expect(Number.isSafeInteger(input) && input >= 1).toBe(true);
          const output = outputBound(call, undefined, 4096);
          expect(Number.isSafeInteger(output) && output >= (operation === 'embeddings' ? 0 : 1)).toBe(true);
        },
      ),
      { numRuns: 400, seed: 7 },
    );
  });

  it('security 41: are never held for more than the models of the family read', () => {
    const page = Buffer.from('%PDF-1.7 /Count 999999 '.padEnd(300)).toString('base64');
    const document = { type: 'file', file: { file_data: `data:application/pdf;base64,${page}` } };
    expect(held([document], 'gpt-4o')).toBe(1_100_000);
    expect(
      held(
        Array.from({ length: 3000 }, () => ({ type: 'image_url', image_url: { url: 'https://a.test/b' } })),
        'gpt-4o-mini',
      ),
    ).toBe(1_100_000);
  });

  it('do not overflow the stack', () => {
    let deep: unknown = 'x';
    for (let at = 0; at < 60; at++) deep = { content: [deep] };
    expect(held([{ type: 'text', text: 'hi', deep }])).toBeGreaterThan(7);
  });
});

const members = [
  'messages', 'input', 'instructions', 'prompt', 'role', 'type', 'content', 'text', 'tool_calls', 'function', 'functions', 'name',
  'tools', 'parameters', 'properties', 'items', '$ref', 'anyOf', 'description', 'image_url', 'url', 'input_audio', 'data', 'format',
  'file', 'file_data', 'response_format', 'json_schema', 'schema', 'google', 'anthropic', 'cached_content', 'mcp_servers', 'thinking',
  'extra_content', 'thought_signature', 'encrypted_content', 'previous_response_id', 'n', 'max_tokens', 'max_completion_tokens',
  'max_output_tokens', 'toString', 'tool_choice', 'reasoning', 'reasoning_effort', 'web_search_options', 'detail',
]; // biome-ignore format: names, not a table

describe('output tokens that are held', () => {
  const info = { id: 'm', created: 0, ownedBy: '', maxOutputTokens: 8000 };
  const bound = (more: object, known: typeof info | undefined = info, assumed = 4096) =>
    outputBound(saying('hi', more), known, assumed);

  it('are what the call allows, by any of its names', () => {
    expect(bound({ max_tokens: 100 })).toBe(100);
    expect(bound({ max_completion_tokens: 200, max_tokens: 100 })).toBe(200);
    expect(bound({ max_tokens: 8_000 })).toBe(8_000);
    expect(outputBound(callOf({ input: 'hi', max_output_tokens: 300 }, 'responses'), info, 4096)).toBe(300);
  });

  it('are for each answer that is asked for', () => {
    expect(bound({ max_tokens: 100, n: 3 })).toBe(300);
    expect(bound({ n: 1e9, max_tokens: 1 })).toBe(128);
  });

  it('are not more than the model generates, whatever the call allows', () => {
    expect(bound({ max_tokens: 10_000 })).toBe(8_000);
    expect(bound({ max_tokens: 10_000, n: 2 })).toBe(16_000);
    expect(outputBound(saying('hi', { max_tokens: 10_000 }), undefined, 4096)).toBe(10_000);
  });

  it('are what is assumed where the call does not say, and not more than the model generates then', () => {
    expect(bound({})).toBe(4096);
    expect(bound({}, { ...info, maxOutputTokens: 1000 })).toBe(1000);
    expect(bound({}, undefined)).toBe(4096);
  });

  it('are none for embeddings', () => {
    expect(outputBound(callOf({ input: 'hi' }, 'embeddings'), info, 4096)).toBe(0);
  });
});

describe('a process that holds nothing', () => {
  it('has no vocabulary in memory, counts bytes for the first call, and tokens from then on', async () => {
    vi.resetModules();
    const { tokenizerOf } = await import('../../../plugins/usage/tokenizer.ts');
    const fresh = await import('../../../plugins/usage/reserve.ts');
    expect(encodings.map(tokenizerOf)).toEqual([null, null]);
    for (const text of ['What is the capital of France?', JSON.stringify(tool('look')), '机器学习是人工智能的一个分支']) {
      expect(fresh.reserveInput(saying(text), ['gpt-4o'])).toBeGreaterThanOrEqual(held(text));
    }
    await vi.waitFor(() => expect(tokenizerOf('o200k_base')).not.toBeNull(), { timeout: 10_000 });
    expect(tokenizerOf('cl100k_base')).toBeNull();
    expect(fresh.reserveInput(saying('hello'), ['gpt-4o'])).toBe(8);
  });
});

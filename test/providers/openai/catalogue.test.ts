import { describe, expect, it } from 'vitest';
import { openaiCatalogue, readModels } from '../../../providers/openai/catalogue.ts';
import { providerOf } from '../support.ts';

const read = (body: unknown) => readModels(Buffer.from(JSON.stringify(body)));

describe('catalogue', () => {
  it('asks for the model list with the credential', () => {
    expect(openaiCatalogue(providerOf({ query: '?v=1' })).request).toMatchObject({
      method: 'GET',
      path: '/v1/models?v=1',
      headers: { authorization: 'Bearer sk-test-000011112222' },
      body: null,
    });
  });

  it.each([
    [
      'OpenAI',
      { object: 'list', data: [{ id: 'a', object: 'model', created: 5, owned_by: 'o' }] },
      { id: 'a', created: 5, ownedBy: 'o' },
    ],
    [
      'vLLM',
      { data: [{ id: 'a', created: 5, owned_by: 'vllm', max_model_len: 4096 }] },
      { id: 'a', created: 5, ownedBy: 'vllm', contextWindow: 4096 },
    ],
    [
      'OpenRouter',
      { data: [{ id: 'x/a', created: 5, context_length: 9 }] },
      { id: 'x/a', created: 5, ownedBy: '', contextWindow: 9 },
    ],
    [
      'Together',
      [{ id: 'a', created: 0, organization: 'T', context_length: 9 }],
      { id: 'a', created: 0, ownedBy: 'T', contextWindow: 9 },
    ],
    ['Ollama', { models: [{ name: 'a:latest', model: 'a:latest' }] }, { id: 'a:latest', created: 0, ownedBy: '' }],
    ['Gemini', { data: [{ id: 'models/a', owned_by: 'google' }] }, { id: 'a', created: 0, ownedBy: 'google' }],
    ['bare names', ['a'], { id: 'a', created: 0, ownedBy: '' }],
  ])('reads the list of %s', (_name, body, model) => {
    expect(read(body)).toEqual([model]);
  });

  it('leaves out entries it cannot use', () => {
    const odd = [
      null,
      5,
      {},
      { id: '' },
      { id: 7 },
      { id: 'x'.repeat(257) },
      { id: 'a\nb' },
      { id: 'ok', created: -1, owned_by: 5 },
      { id: 'ok' },
    ];
    expect(read({ data: odd })).toEqual([{ id: 'ok', created: 0, ownedBy: '' }]);
  });

  it('A15: takes at most ten thousand', () => {
    expect(read({ data: Array.from({ length: 20_000 }, (_, index) => ({ id: `m${index}` })) })).toHaveLength(10_000);
  });

  it.each([null, {}, { data: {} }, 'x'])('refuses %j', (body) => {
    expect(() => read(body)).toThrow(/without a list/);
  });
});

import { describe, expect, it } from 'vitest';
import { fields } from '../../../providers/anthropic/fields.ts';
import { anthropic } from '../../../providers/anthropic/index.ts';
import { describe as describeModel, rulesOf } from '../../../providers/anthropic/models.ts';
import { fields as documented } from '../../../providers/openai/chat/fields.ts';
import { providerOf } from '../support.ts';
import { sent } from './support.ts';

describe('what is known of a model', () => {
  const cases: readonly (readonly [
    id: string,
    window: number,
    output: number,
    form: string,
    sampling: string,
    prefill: boolean,
  ])[] = [
    ['claude-2.1', 200_000, 4096, 'none', 'both', true],
    ['claude-3-haiku-20240307', 200_000, 4096, 'none', 'both', true],
    ['claude-3-5-sonnet-latest', 200_000, 8192, 'none', 'both', true],
    ['claude-3-7-sonnet-20250219', 200_000, 64_000, 'manual', 'both', true],
    ['claude-opus-4-20250514', 200_000, 32_000, 'manual', 'either', true],
    ['claude-opus-4-1-20250805', 200_000, 32_000, 'manual', 'either', true],
    ['us.anthropic.claude-opus-4-1-20250805-v1:0', 200_000, 32_000, 'manual', 'either', true],
    ['claude-sonnet-4@20250514', 200_000, 64_000, 'manual', 'either', true],
    ['claude-sonnet-4.5', 200_000, 64_000, 'manual', 'either', true],
    ['claude-haiku-4-5-20251001', 200_000, 64_000, 'manual', 'either', true],
    ['claude-opus-4-6', 1_000_000, 128_000, 'either', 'either', false],
    ['claude-opus-4-8', 1_000_000, 128_000, 'adaptive', 'none', false],
    ['claude-mythos-preview', 1_000_000, 128_000, 'either', 'none', false],
    ['claude-opus-5', 1_000_000, 128_000, 'adaptive', 'none', false],
    ['claude-haiku-5-5', 1_000_000, 128_000, 'adaptive', 'none', false],
  ];
  for (const [id, window, output, form, sampling, prefill] of cases) {
    it(`${id} is found by its id`, () => {
      const rules = rulesOf(id);
      expect([rules.contextWindow, rules.maxOutputTokens, rules.thinking.form, rules.sampling, rules.prefill]).toEqual([
        window,
        output,
        form,
        sampling,
        prefill,
      ]);
    });
  }

  it('that is newer than the table is what the newest of its line has', () => {
    expect(rulesOf('claude-sonnet-9-1')).toBe(rulesOf('claude-sonnet-5-5'));
    expect(rulesOf('claude-opus-5-20260724')).toBe(rulesOf('claude-opus-5'));
    expect(rulesOf('claude-epic-7')).toBe(rulesOf('claude-fable-5-2'));
    expect(rulesOf('claude-next')).toBe(rulesOf('claude-fable-5-2'));
    expect(sent({ temperature: 0.1 }, { model: 'claude-opus-11' }).ignored).toEqual(['temperature']);
  });

  it('of another vendor behind the same API is nothing, and it is asked in the oldest way', () => {
    expect(describeModel('some-model-2')).toBeNull();
    const { body } = sent({ max_tokens: 300_000, temperature: 0.2, top_p: 0.3 }, { model: 'some-model-2' });
    expect(body).toMatchObject({ max_tokens: 300_000, temperature: 0.2, top_p: 0.3 });
    expect(sent({}, { model: 'some-model-2' }).body.max_tokens).toBe(8192);
  });

  it('is said in the catalogue’s words', () => {
    expect(describeModel('claude-sonnet-4-5')).toEqual({
      contextWindow: 200_000,
      maxOutputTokens: 64_000,
      operations: ['chat'],
      input: ['text', 'image', 'file'],
      output: ['text'],
      tools: true,
      structuredOutput: true,
      reasoning: true,
      sampling: true,
      minCacheTokens: 1024,
    });
    expect(describeModel('claude-3-opus-20240229')).toMatchObject({ input: ['text', 'image'], reasoning: false });
    expect(describeModel('claude-opus-5-5')).toMatchObject({ sampling: false, minCacheTokens: 512 });
  });
});

describe('the table of fields', () => {
  it('rules on every documented field', () => {
    expect(Object.keys(documented)).toHaveLength(37);
    for (const field of Object.keys(documented)) expect(fields, field).toHaveProperty(field);
  });
});

describe('the provider type', () => {
  it('speaks chat only', () => {
    expect(anthropic.type).toBe('anthropic');
    expect(anthropic.defaults).toMatchObject({
      auth: { header: 'x-api-key', scheme: '' },
      headers: { 'anthropic-version': '2023-06-01' },
    });
    expect(anthropic.environment).toEqual([
      { provider: 'anthropic', apiKey: ['ANTHROPIC_API_KEY'], baseUrl: ['ANTHROPIC_BASE_URL'] },
    ]);
  });
});

describe('the vendor’s list of models', () => {
  const catalogue = (query = '') => anthropic.catalogue!(providerOf({ query }))!;
  const read = (document: unknown) => catalogue().read(Buffer.from(JSON.stringify(document)));

  it('is asked for whole', () => {
    expect(catalogue().request).toMatchObject({ method: 'GET', path: '/v1/models?limit=1000', body: null });
    expect(catalogue('?a=b').request.path).toBe('/v1/models?a=b&limit=1000');
  });

  it('is read with its limits and capabilities', () => {
    const yes = { supported: true };
    const models = read({
      data: [
        {
          id: 'claude-opus-5-5',
          type: 'model',
          display_name: 'Claude Opus 5.5',
          created_at: '2026-09-22T00:00:00Z',
          max_input_tokens: 1_000_000,
          max_tokens: 128_000,
          capabilities: { image_input: yes, pdf_input: { supported: false }, thinking: yes },
        },
        { id: 'claude-3-haiku-20240307', created_at: 'never', capabilities: null },
        { id: 'claude-3-haiku-20240307' },
        { id: '' },
        { id: 'a\nb' },
        'text',
        null,
      ],
      has_more: false,
    });
    expect(models).toEqual([
      {
        id: 'claude-opus-5-5',
        created: 1_790_035_200,
        ownedBy: 'anthropic',
        contextWindow: 1_000_000,
        maxOutputTokens: 128_000,
        input: ['text', 'image'],
        reasoning: true,
      },
      { id: 'claude-3-haiku-20240307', created: 0, ownedBy: 'anthropic' },
    ]);
  });

  it('that is none is a failure of the provider', () => {
    for (const document of [null, [], {}, { data: {} }, 'x']) expect(() => read(document)).toThrow(/without a list of models/);
  });
});

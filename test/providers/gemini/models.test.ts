import { expect, describe as group, it } from 'vitest';
import { readModels } from '../../../providers/gemini/catalogue.ts';
import { gemini } from '../../../providers/gemini/index.ts';
import { describe, factsOf } from '../../../providers/gemini/models.ts';
import { bytesOf, failureOf, providerOf, vertexOf } from './support.ts';

group('the facts of a model', () => {
  it.each([
    ['gemini-2.0-flash', { signatures: false, toolSchema: 'json', outputSchema: 'openapi', thinking: { by: 'none' } }],
    ['gemini-2.5-pro-preview-05-06', { signatures: false, thinking: { by: 'budget', min: 128, max: 32_768, off: false } }],
    ['models/gemini-2.5-flash-lite', { thinking: { by: 'budget', min: 512, max: 24_576, off: true } }],
    ['gemini-3-pro-preview', { signatures: true, thinking: { by: 'level', levels: ['LOW', 'HIGH'] } }],
    ['gemini-3.5-flash', { sampling: true, prefill: true }],
    [
      'gemini-3.5-flash-lite',
      { sampling: false, prefill: false, thinking: { by: 'level', levels: ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'] } },
    ],
    ['gemini-2.5-flash-preview-tts', { output: ['audio'], tools: false }],
    ['gemini-3-pro-image-preview', { output: ['text', 'image'], signatures: true }],
    ['gemma-3-27b-it', { systemInstruction: false, tools: false }],
    ['gemini-embedding-001', { operations: ['embeddings'] }],
  ])('%s', (model, facts) => {
    expect(factsOf(model)).toMatchObject(facts);
  });

  it.each(['gemini-4-argon', 'gemini-5.2-flash', 'gemini-12-pro-preview'])(
    'of %s, which is newer, are those of the newest',
    (model) => {
      expect(factsOf(model)).toMatchObject({ signatures: true, sampling: false, prefill: false, toolSchema: 'json' });
      expect(describe(model)).toMatchObject({ contextWindow: 1_048_576, tools: true, reasoning: true, sampling: false });
    },
  );

  it('of a name that says nothing are none to show, and the plainest to work with', () => {
    expect(describe('tunedModels/my-town')).toBeNull();
    expect(factsOf('tunedModels/my-town')).toMatchObject({ signatures: false, tools: true, thinking: { by: 'none' } });
  });

  it('say what the upstream keeps, where it can be asked to', () => {
    expect(describe('gemini-2.5-flash')?.minCacheTokens).toBe(2048);
    expect(describe('gemini-4-argon')).not.toHaveProperty('minCacheTokens');
  });
});

group('the catalogue', () => {
  it('asks for all models on one page', () => {
    expect(gemini.catalogue!(providerOf({ query: { a: 'b' } }))!.request).toMatchObject({
      method: 'GET',
      path: '/v1beta/models?pageSize=1000&a=b',
      headers: { accept: 'application/json' },
    });
  });

  it('has none on Vertex AI', () => {
    expect(gemini.catalogue!(vertexOf())).toBeNull();
  });

  it('reads names and limits over what is built in', () => {
    const models = readModels(
      bytesOf({
        models: [
          {
            name: 'models/gemini-2.5-flash',
            inputTokenLimit: 5,
            outputTokenLimit: 6,
            supportedGenerationMethods: ['generateContent'],
            thinking: true,
          },
          { name: 'models/gemini-embedding-001', supportedGenerationMethods: ['embedContent', 'countTokens'] },
          { name: 'models/veo-9', supportedGenerationMethods: ['predictLongRunning'] },
          { name: 'models/odd', inputTokenLimit: -1, outputTokenLimit: 'x' },
          { name: 'models/odd' },
          { name: '' },
          { name: 'models/a\u0000b' },
          'x',
          null,
        ],
      }),
    );
    expect(models.map((model) => model.id)).toEqual(['gemini-2.5-flash', 'gemini-embedding-001', 'odd']);
    expect(models[0]).toMatchObject({
      ownedBy: 'google',
      created: 0,
      contextWindow: 5,
      maxOutputTokens: 6,
      operations: ['chat'],
      tools: true,
    });
    expect(models[1]).toMatchObject({ operations: ['embeddings'] });
    expect(models[2]).toEqual({ id: 'odd', created: 0, ownedBy: 'google' });
  });

  it.each([
    ['a list', []],
    ['nothing', {}],
    ['text', 'x'],
  ])('refuses %s', (_name, body) => {
    expect(failureOf(() => readModels(bytesOf(body))).reason).toBe('protocol');
  });
});

group('the provider type', () => {
  it('is what the configuration and the environment expect', () => {
    expect(gemini).toMatchObject({ type: 'gemini', dialect: 'gemini' });
    expect(gemini.environment).toEqual([
      { provider: 'gemini', apiKey: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], baseUrl: ['GEMINI_BASE_URL'] },
    ]);
    const { baseUrl, credentials, vendorHost } = providerOf();
    expect({ baseUrl, credentials, vendorHost }).toEqual({
      baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
      credentials: [{ id: '1', weight: 1, headers: { 'x-goog-api-key': 'key-0123456789abcdef' } }],
      vendorHost: true,
    });
  });
});

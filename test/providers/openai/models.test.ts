import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { openai } from '../../../providers/openai/index.ts';

const about = (model: string) => openai.describe!(model);

describe('what is known of the models', () => {
  it.each([
    [
      'gpt-6-sol',
      { contextWindow: 1_050_000, maxOutputTokens: 128_000, input: ['text', 'image', 'file'], tools: true, reasoning: true },
    ],
    ['gpt-5.4-mini', { contextWindow: 400_000, structuredOutput: true }],
    ['gpt-4.1', { contextWindow: 1_047_576, maxOutputTokens: 32_768, reasoning: false }],
    ['gpt-4o', { contextWindow: 128_000, input: ['text', 'image', 'file'], output: ['text'], operations: ['chat', 'responses'] }],
    ['gpt-audio', { input: ['text', 'audio'], output: ['text', 'audio'], operations: ['chat'], structuredOutput: false }],
    ['o3-mini', { input: ['text'], reasoning: true, sampling: false }],
    ['gpt-5-pro', { operations: ['responses'] }],
    ['text-embedding-3-small', { operations: ['embeddings'], input: ['text'], tools: false }],
    ['gpt-image-1', { operations: [] }],
    ['whisper-1', { operations: [] }],
  ])('%s', (model, facts) => {
    expect(about(model)).toMatchObject(facts);
  });

  it.each([
    ['gpt-4.1-2025-04-14', 'gpt-4.1'],
    ['gpt-4-0613', 'gpt-4'],
    ['gpt-5.6-sol-2026-08-01', 'gpt-5.6-sol'],
    ['ft:gpt-4o-2024-08-06:acme:support:a1b2', 'gpt-4o'],
  ])('are those of its base for the snapshot %s', (snapshot, base) => {
    expect(about(snapshot)).not.toBeNull();
    expect(about(snapshot)).toBe(about(base));
  });

  it.each([
    'gpt-5.9',
    'gpt-6.1',
    'gpt-6-sol-mini',
    'gpt-4o-next',
    'gpt-5-2',
    'o3-ultra',
    'ft:',
    '',
    '__proto__',
    'constructor',
    'toString',
  ])('say nothing of %j, which is none of them', (model) => {
    expect(about(model)).toBeNull();
  });

  it('have no smaller context than the price data, which is a second source', () => {
    const listed = findProvider({ providerId: 'openai' })!.models;
    const both = listed.flatMap(({ id, context_window: window }) => {
      const ours = about(id)?.contextWindow;
      return window === undefined || ours === undefined ? [] : [{ id, window, ours }];
    });
    expect(both.length).toBeGreaterThan(40);
    expect(both.filter(({ window, ours }) => ours < window)).toEqual([]);
  });
});

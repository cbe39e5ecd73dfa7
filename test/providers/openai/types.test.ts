import { describe, expect, it } from 'vitest';
import { openai } from '../../../providers/openai/index.ts';
import { openaiCompatible } from '../../../providers/openai-compatible/index.ts';
import { callOf, contextOf, targetOf } from '../support.ts';

describe.each([openai, openaiCompatible])('provider type $type', (type) => {
  it.each(['chat', 'embeddings', 'responses'] as const)('speaks %s', (operation) => {
    expect(type.translate(callOf({ model: 'm' }, { operation }), targetOf(), contextOf())).not.toBeNull();
  });

  it('does not speak an operation the provider is configured without', () => {
    const target = targetOf({ operations: new Set(['chat']) });
    expect(type.translate(callOf({ model: 'm' }, { operation: 'responses' }), target, contextOf())).toBeNull();
  });

  it("does not pass another dialect's bytes", () => {
    expect(type.translate(callOf({ model: 'm' }, { dialect: 'elsewhere' }), targetOf(), contextOf())).toBeNull();
  });

  it('A5: reads failures without the credential', () => {
    const translation = type.translate(callOf({ model: 'm' }), targetOf(), contextOf())!;
    const body = Buffer.from(JSON.stringify({ error: { message: 'bad key sk-test-000011112222', code: 'invalid_api_key' } }));
    expect(translation.failure({ status: 401, headers: {} }, body)).toMatchObject({
      reason: 'authentication',
      message: 'bad key [redacted]',
    });
  });
});

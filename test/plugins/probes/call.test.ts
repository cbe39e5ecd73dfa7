import { describe, expect, it } from 'vitest';
import { smallestCall } from '../../../plugins/probes/call.ts';
import { providerTypes } from '../../../providers/index.ts';
import { createInstance } from '../../../providers/instance.ts';
import type { Operation, Target } from '../../../providers/provider.ts';

const context = { id: (prefix: string) => `${prefix}1`, now: () => 0 };

/** A target of this type that offers these operations. */
function targetOf(type: string, operations?: Operation[]): Target {
  const found = providerTypes.find((each) => each.type === type)!;
  const entry = { type, base_url: 'http://up.test/v1', api_key: 'k', ...(operations === undefined ? {} : { operations }) };
  return { id: 'up/m', provider: createInstance('up', entry, found), model: 'm', weight: 1 };
}

const bodyOf = (target: Target) => {
  const call = smallestCall(target)!;
  const { request } = target.provider.type.translate(call, target, context)!;
  return JSON.parse(request.body!.toString()) as Record<string, unknown>;
};

describe('the smallest call', () => {
  it.each([
    ['openai', { max_completion_tokens: 1 }],
    ['openai-compatible', { model: 'm' }],
    ['anthropic', { max_tokens: 1 }],
    ['gemini', { generationConfig: { maxOutputTokens: 1 } }],
  ])('asks for one token in the words of the type %s', (type, expected) => {
    expect(bodyOf(targetOf(type))).toMatchObject(expected);
  });

  it('is one of an operation that the target is known for', () => {
    expect(bodyOf(targetOf('openai-compatible', ['embeddings']))).toEqual({ model: 'm', input: 'Hi' });
    expect(bodyOf(targetOf('openai-compatible', ['responses']))).toMatchObject({ max_output_tokens: 16, store: false });
    const vectors = {
      ...targetOf('openai-compatible'),
      info: { id: 'm', created: 0, ownedBy: '', operations: ['embeddings'] as const },
    };
    expect(smallestCall(vectors)!.operation).toBe('embeddings');
  });

  it('does not exist for a target that offers nothing', () => {
    expect(smallestCall(targetOf('openai-compatible', []))).toBeNull();
  });

  it('is never streamed, and is what its bytes say', () => {
    const { body, stream } = smallestCall(targetOf('openai'))!;
    expect([stream, JSON.parse(body.bytes.toString())]).toEqual([false, body.json]);
    expect(body.members.map(({ key }) => key)).toEqual(['model', 'messages', 'max_completion_tokens']);
  });
});

import { expect, it } from 'vitest';
import { chatCodec } from '../../../providers/openai/chat/codec.ts';
import type { Part } from '../../../providers/unified.ts';

const contentOf = (parts: readonly Part[]): unknown => {
  const choices = [{ index: 0, parts, finishReason: 'length' as const }];
  const document = chatCodec.encodeResponse({ id: 'x', created: 1, model: 'm', choices, usage: null });
  return (document as { choices: { message: { content: unknown } }[] }).choices[0]!.message.content;
};

it('an answer without a text is an empty text, as when all tokens went into thoughts', () => {
  expect(contentOf([])).toBe('');
  expect(contentOf([{ type: 'reasoning', text: 'hm' }])).toBe('');
});

it('beside calls or a refusal there is no text', () => {
  expect(contentOf([{ type: 'tool_call', kind: 'function', id: 'c', name: 'f', arguments: '{}' }])).toBeNull();
  expect(contentOf([{ type: 'refusal', text: 'no' }])).toBeNull();
});

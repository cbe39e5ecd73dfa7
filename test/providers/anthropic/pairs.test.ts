import { describe, expect, it } from 'vitest';
import { checkPairs } from '../../../providers/anthropic/pairs.ts';
import type { Message } from '../../../providers/unified.ts';

const user: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] };
const system: Message = { role: 'system', parts: [{ type: 'text', text: 'x' }] };
const calls = (...ids: string[]): Message => ({
  role: 'assistant',
  parts: ids.map((id) => ({ type: 'tool_call', kind: 'function', id, name: 'f', arguments: '{}' })),
});
const result = (id: string): Message => ({ role: 'tool', parts: [{ type: 'tool_result', id, content: [] }] });

describe('calls and their results', () => {
  it.each([
    ['answered in any order', [user, calls('a', 'b'), result('b'), result('a'), user]],
    ['of two messages of one turn', [user, calls('a'), calls('b'), result('a'), result('b')]],
    ['with the same id, one for each', [user, calls('a', 'a'), result('a'), result('a'), calls('a'), result('a')]],
    ['with something said in between', [user, calls('a'), system, user, result('a'), calls('b'), result('b')]],
    ['still to be answered at the end', [user, calls('a')]],
  ])('fit together: %s', (_what, messages) => {
    expect(() => checkPairs(messages)).not.toThrow();
  });

  it.each([
    ['a result without a call', [user, result('a')], 'messages[1].tool_call_id'],
    ['a result of another turn', [user, calls('a'), result('a'), calls('b'), result('a')], 'messages[4].tool_call_id'],
    ['a second result', [user, calls('a'), result('a'), result('a')], 'messages[3].tool_call_id'],
    ['a call without a result', [user, calls('a', 'b'), result('a'), user], 'messages[1].tool_calls'],
    ['a call without a result, later on', [user, calls('a'), user, calls('b'), result('b')], 'messages[1].tool_calls'],
  ])('%s is refused by the place the caller knows', (_what, messages, param) => {
    expect(() => checkPairs(messages)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ reason: 'invalid_request', param }) }),
    );
  });
});

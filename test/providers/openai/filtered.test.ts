import { expect, test } from 'vitest';
import { chatAnswer } from '../../../providers/openai/passthrough/chat-json.ts';
import { ChatPassthroughStream } from '../../../providers/openai/passthrough/chat-stream.ts';
import { responsesAnswer } from '../../../providers/openai/passthrough/responses-json.ts';

// Whether a content filter left nothing of an answer.

const choice = (message: object, finish_reason: unknown = 'content_filter', index = 0) => ({ index, message, finish_reason });
const filtered = (...choices: object[]) => chatAnswer(Buffer.from(JSON.stringify({ choices })), []).filtered === true;

test.each([
  [{ role: 'assistant', content: null }],
  [{ role: 'assistant', content: '' }],
  [{ content: '', tool_calls: [] }],
  [{ content: null, refusal: 'No.' }],
  [{ content: null, reasoning_content: 'Hm.', reasoning: 'Hm.' }],
  [{}],
])('A14: nothing is left of %j', (message) => {
  expect(filtered(choice(message))).toBe(true);
  expect(filtered(choice(message, 'stop'))).toBe(false);
  expect(filtered(choice(message, null))).toBe(false);
});

test.each([
  [{ content: 'Hel' }],
  [{ content: [{ type: 'text', text: 'Hel' }] }],
  [{ content: null, tool_calls: [{ id: 'c', function: { name: 'f', arguments: '' } }] }],
  [{ content: null, audio: { id: 'a', data: '' } }],
  [{ content: null, of_its_own: 1 }],
])('A14: something is left of %j', (message) => {
  expect(filtered(choice(message))).toBe(false);
});

test('A14: of several answers every one has to be withheld', () => {
  expect(filtered(choice({ content: '' }), choice({ content: '' }, 'content_filter', 1))).toBe(true);
  expect(filtered(choice({ content: '' }), choice({ content: 'Hi' }, 'stop', 1))).toBe(false);
});

function streamed(...deltas: readonly [delta: object, finish: string | null, index?: number][]): boolean {
  const stream = new ChatPassthroughStream(false);
  for (const [delta, finish_reason, index = 0] of deltas)
    stream.push({ event: '', data: Buffer.from(JSON.stringify({ choices: [{ index, delta, finish_reason }] })) });
  return stream.filtered;
}

test('A14: a stream is withheld when all its answers ended so, without content', () => {
  expect(streamed([{ role: 'assistant', content: '' }, null], [{}, 'content_filter'])).toBe(true);
  expect(streamed([{}, 'content_filter'], [{}, null, 1])).toBe(false);
  expect(streamed([{}, 'content_filter'], [{}, 'stop', 1])).toBe(false);
  expect(streamed([{ content: 'a' }, null], [{}, 'content_filter'])).toBe(false);
  expect(streamed([{}, 'stop'])).toBe(false);
});

test.each([
  [{ reason: 'content_filter' }, true],
  [{ reason: 'max_output_tokens' }, false],
  [{ reason: ['content_filter'] }, false],
  [null, false],
  ['content_filter', false],
])('A14: incomplete_details %j of a Response', (incomplete_details, expected) => {
  const body = { status: 'incomplete', incomplete_details, output: [], model: 'up-1' };
  expect(responsesAnswer(Buffer.from(JSON.stringify(body)), []).filtered === true).toBe(expected);
  const output = [{ type: 'message', content: [{ type: 'output_text', text: 'Hel' }] }];
  expect(responsesAnswer(Buffer.from(JSON.stringify({ ...body, output })), []).filtered === true).toBe(false);
});

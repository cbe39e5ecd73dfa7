import { describe, expect, it } from 'vitest';
import { RuledDecoder, ruledResponse } from '../../../providers/pivot/rules.ts';
import type { StreamDecoder } from '../../../providers/provider.ts';
import type { ChatEvent } from '../../../providers/unified.ts';
import { contextOf, eventOf } from '../support.ts';

const text = (value: string, choice = 0): ChatEvent => ({ type: 'text', choice, text: value });
const call = (number: number, id: string, name = 'f', choice = 0): ChatEvent => ({
  type: 'tool_call',
  choice,
  call: number,
  kind: 'function',
  id,
  name,
});
const args = (number: number, value: string, choice = 0): ChatEvent => ({
  type: 'tool_arguments',
  choice,
  call: number,
  text: value,
});
const finish = (reason: 'stop' | 'length' | 'content_filter' = 'stop', choice = 0): ChatEvent => ({
  type: 'finish',
  choice,
  reason,
});

/** What the rules make of events, each a push of its own, and what they hold back until the end. */
function ruled(...events: ChatEvent[]) {
  const decoder: StreamDecoder = { push: () => [events.shift()!], completed: true, finished: false };
  const rules = new RuledDecoder(decoder, contextOf(), 'a-model');
  const sent: ChatEvent[] = [];
  while (events.length > 0) sent.push(...rules.push(eventOf({})));
  return { sent, held: rules.flush() };
}

describe('the rules of every translated stream', () => {
  it('make up the start that an upstream does not send', () => {
    expect(ruled(text('a')).sent).toEqual([
      { type: 'start', id: 'chatcmpl-000000000000000000000001', created: 1_700_000_000, model: 'a-model' },
      text('a'),
    ]);
  });

  it('keep the first start and no other', () => {
    const start: ChatEvent = { type: 'start', id: 'x', created: 5, model: 'm' };
    expect(ruled(start, { ...start, id: 'y', created: 6 }, text('a')).sent).toEqual([start, text('a')]);
  });

  it('S5: number tool calls in the order they appear, whatever their numbers and however they interleave', () => {
    const { sent } = ruled(call(7, 'a'), args(7, '{"x"'), text('between'), call(2, 'b'), args(7, ':1}'), args(2, '{}'));
    expect(sent.slice(1)).toEqual([call(0, 'a'), args(0, '{"x"'), text('between'), call(1, 'b'), args(0, ':1}'), args(1, '{}')]);
  });

  it('number the calls of each choice from 0', () => {
    const { sent } = ruled(call(0, 'a', 'f', 0), call(1, 'b', 'f', 1));
    expect(sent.slice(1)).toEqual([call(0, 'a', 'f', 0), call(0, 'b', 'f', 1)]);
  });

  it.each([
    ['empty', ''],
    ['longer than 40 characters', 'x'.repeat(41)],
    ['with characters that other providers refuse', 'call:1.2'],
  ])('replace an id that is %s', (_what, id) => {
    expect(ruled(call(0, id)).sent[1]).toMatchObject({ id: 'call_000000000000000000000002' });
  });

  it('give an id to one call only, and leave one of 40 characters alone', () => {
    const longest = 'x'.repeat(40);
    const ids = ruled(call(0, longest), call(1, longest))
      .sent.slice(1)
      .map((event) => (event as { id?: string }).id);
    expect(ids[0]).toBe(longest);
    expect(ids[1]).toMatch(/^call_0/);
  });

  it('S9: end with tool_calls when there was a call, once per choice, after everything else', () => {
    const { sent, held } = ruled(finish(), call(0, 'a'), args(0, '{}'), text('late'), finish('length'));
    expect(sent.map((event) => event.type)).toEqual(['start', 'tool_call', 'tool_arguments', 'text']);
    expect(held).toEqual([{ type: 'finish', choice: 0, reason: 'tool_calls' }]);
  });

  it.each(['length', 'content_filter'] as const)('leave %s what it is', (reason) => {
    expect(ruled(call(0, 'a'), args(0, '{"un'), finish(reason)).held).toEqual([finish(reason)]);
  });

  it('give calls without arguments an empty object', () => {
    expect(ruled(call(0, 'a'), args(0, ''), call(1, 'b'), args(1, '{"k":1}'), finish()).held).toEqual([
      args(0, '{}'),
      { type: 'finish', choice: 0, reason: 'tool_calls' },
    ]);
  });

  it.each([
    ['arguments of a call that was never named', [args(3, '{}')]],
    ['the same call twice', [call(1, 'a'), call(1, 'b')]],
    ['choices without end', Array.from({ length: 129 }, (_, choice) => text('x', choice))],
  ])('refuse %s', (_what, events) => {
    expect(() => ruled(...events)).toThrow(expect.objectContaining({ failure: expect.objectContaining({ reason: 'protocol' }) }));
  });
});

it('the rules hold for an answer that came whole', () => {
  const response = ruledResponse(
    {
      id: '',
      created: 0,
      model: '',
      usage: null,
      choices: [
        {
          index: 0,
          finishReason: 'stop',
          parts: [
            { type: 'tool_call', kind: 'function', id: '', name: 'f', arguments: '' },
            { type: 'tool_call', kind: 'function', id: 'own', name: 'g', arguments: '{"a":1}' },
            { type: 'tool_call', kind: 'function', id: 'own', name: 'g', arguments: '{"a":2}' },
          ],
        },
        { index: 1, finishReason: null, parts: [{ type: 'text', text: 'x' }] },
      ],
    },
    contextOf(),
    'a-model',
  );
  expect(response).toMatchObject({ model: 'a-model', created: 1_700_000_000, id: expect.stringMatching(/^chatcmpl-/) });
  expect(response.choices.map((choice) => choice.finishReason)).toEqual(['tool_calls', 'stop']);
  const [first, second, third] = response.choices[0]!.parts as readonly { id: string; arguments: string }[];
  expect([first!.arguments, second!.id, second!.arguments]).toEqual(['{}', 'own', '{"a":1}']);
  expect(new Set([first!.id, second!.id, third!.id]).size).toBe(3);
});

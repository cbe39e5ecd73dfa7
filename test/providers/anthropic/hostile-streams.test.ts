import { describe, expect, it } from 'vitest';
import { input } from './fixtures/streams.ts';
import { aggregated, close, delta, ending, open, sse, start, stop, streamed, translation } from './support.ts';

type Json = Record<string, unknown>;

describe('a hostile stream', () => {
  const broken: readonly (readonly [name: string, event: unknown])[] = [
    ['no JSON', '{'],
    ['a list', []],
    ['null', null],
    ['a block that is none', { type: 'content_block_start', index: 0 }],
    ['a block without a number', { type: 'content_block_start', content_block: { type: 'text' } }],
    ['a negative number', { type: 'content_block_stop', index: -1 }],
    ['a delta that is none', { type: 'content_block_delta', index: 0, delta: 'x' }],
    [
      'arguments of a call that was never opened',
      { type: 'content_block_delta', index: 3, delta: { type: 'input_json_delta', partial_json: '{' } },
    ],
  ];
  for (const [name, event] of broken) {
    it(`fails as no answer: ${name}`, () => {
      const data = typeof event === 'string' ? event : JSON.stringify(event);
      const { failure } = streamed(Buffer.concat([sse([start()]), Buffer.from(`data: ${data}\n\n`)]));
      expect(failure?.reason).toBe('protocol');
    });
  }

  it('of unknown events, deltas and blocks with every wrong type goes on', () => {
    const odd: readonly unknown[] = [1, null, [], {}, 'x', true];
    for (const value of odd) {
      const events = [
        { type: 'message_start', message: value },
        start({ id: value, model: value, content: value, usage: value }),
        { type: 'event_of_tomorrow', data: value },
        ...['text', 'thinking', 'redacted_thinking', 'tool_use', 'of_tomorrow'].flatMap((type, index) => [
          open(index, {
            type,
            text: value,
            thinking: value,
            signature: value,
            data: value,
            id: value,
            name: value,
            input: value,
            citations: value,
          }),
          ...['text_delta', 'thinking_delta', 'signature_delta', 'citations_delta', 'input_json_delta', 'delta_of_tomorrow'].map(
            (each) =>
              delta(index, {
                type: each,
                text: value,
                thinking: value,
                signature: value,
                citation: value,
                partial_json: value,
                content: value,
              }),
          ),
          close(index),
        ]),
        { type: 'message_delta', delta: value, usage: value },
        { type: 'message_delta', delta: { stop_reason: value, stop_details: value }, usage: { output_tokens: value } },
        stop,
      ];
      const { failure } = streamed(sse(events as Json[]));
      expect(failure).toBeNull();
    }
  });

  it('does not grow with blocks that are never closed, nor with one that never ends', () => {
    const many = [start(), ...Array.from({ length: 70 }, (_, index) => open(index, { type: 'text', text: 'x' }))];
    expect(streamed(sse(many)).failure?.reason).toBe('protocol');
    const again = translation({ stream: true }).stream();
    const long = sse([input(0, 'x'.repeat(100_000))]);
    const before = process.memoryUsage().heapUsed;
    again.push({ event: '', data: Buffer.from(JSON.stringify(start())) });
    again.push({
      event: '',
      data: Buffer.from(JSON.stringify(open(0, { type: 'server_tool_use', id: 's', name: 'n', input: {} }))),
    });
    const event = { event: '', data: long.subarray(long.indexOf('{'), long.lastIndexOf('}') + 1) };
    for (let at = 0; at < 500; at++) again.push(event);
    expect(again.failure).toBeNull();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('with keys of a prototype changes nothing but what it says', () => {
    const data =
      '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"__proto__","input":{"__proto__":{"x":1}}}}';
    const bytes = Buffer.concat([sse([start()]), Buffer.from(`data: ${data}\n\n`), sse([close(0), ending('tool_use'), stop])]);
    expect(aggregated(bytes).body.choices).toMatchObject([
      { message: { tool_calls: [{ function: { name: '__proto__', arguments: '{"__proto__":{"x":1}}' } }] } },
    ]);
    expect(({} as Json).x).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { emptyText, fixtures, input, sign, text, think, use } from './fixtures/streams.ts';
import { aggregated, close, ending, open, sse, start, stop, streamed } from './support.ts';

type Json = Record<string, unknown>;
interface Chunk {
  readonly id: string;
  readonly choices: readonly { readonly index: number; readonly delta: Json; readonly finish_reason: string | null }[];
  readonly usage?: Json | null;
}

const choicesOf = (chunks: readonly unknown[]) =>
  (chunks.filter((chunk) => chunk !== '[DONE]') as Chunk[]).flatMap(({ choices }) => choices);

describe('a stream', () => {
  it('is exactly these chunks', () => {
    const { chunks, usage } = streamed(sse(fixtures['reasoning and calls']!.events));
    const base = {
      id: 'chatcmpl-msg_01Fixture',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'claude-sonnet-4-5-20250929',
    };
    const chunk = (part: Json, finish: string | null = null) => ({
      ...base,
      choices: [{ index: 0, delta: part, logprobs: null, finish_reason: finish }],
      usage: null,
    });
    const opening = (index: number, id: string, name: string) => ({
      tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
    });
    const more = (index: number, json: string) => ({ tool_calls: [{ index, function: { arguments: json } }] });
    expect(chunks).toEqual([
      chunk({ role: 'assistant', content: null, reasoning_content: 'Let me ' }),
      chunk({ reasoning_content: 'look.' }),
      chunk({ content: 'Looking.' }),
      chunk(opening(0, 'toolu_01', 'weather')),
      chunk(more(0, '{"at":"Z')),
      chunk(more(0, 'ürich"}')),
      chunk(opening(1, 'toolu_02', 'now')),
      chunk(opening(2, 'toolu_03', 'roll')),
      chunk(more(2, '{"sides":6}')),
      chunk(more(1, '{}')),
      chunk({}, 'tool_calls'),
      {
        ...base,
        choices: [],
        usage: {
          prompt_tokens: 52,
          completion_tokens: 30,
          total_tokens: 82,
          prompt_tokens_details: { cached_tokens: 12 },
          completion_tokens_details: { reasoning_tokens: 9 },
        },
      },
      '[DONE]',
    ]);
    expect(usage).toEqual({ input: 52, cached: 12, output: 30, reasoning: 9 });
  });

  it('of usage takes what is said last', () => {
    const both = [
      start({ usage: { input_tokens: 43, cache_read_input_tokens: 5, output_tokens: 1 } }),
      open(0, emptyText),
      text(0, 'x'),
      close(0),
    ];
    expect(streamed(sse([...both, ending('end_turn', { input_tokens: 61, output_tokens: 2 }), stop])).usage).toEqual({
      input: 66,
      cached: 5,
      output: 2,
    });
    const nulls = { input_tokens: null, cache_read_input_tokens: null, output_tokens: 9 };
    expect(streamed(sse([...both, ending('end_turn', nulls), stop])).usage).toEqual({ input: 48, cached: 5, output: 9 });
    expect(
      streamed(sse([...both, ending('end_turn', { cache_read_input_tokens: 0, output_tokens: 9 }), stop])).usage,
    ).toMatchObject({ input: 43 });
  });

  it('says nothing of what it writes until the end, so that what was cut off is estimated', () => {
    expect(streamed(sse([start(), open(0, emptyText), text(0, 'x')])).usage).not.toHaveProperty('output');
  });

  it('with an error in it fails as that error, whatever came before (S10)', () => {
    const error = (type: string) => ({ type: 'error', error: { type, message: 'Not now' }, request_id: 'req_1' });
    const words: readonly (readonly [string, string])[] = [
      ['overloaded_error', 'overloaded'],
      ['api_error', 'server'],
      ['rate_limit_error', 'rate_limit'],
      ['invalid_request_error', 'invalid_request'],
      ['timeout_error', 'timeout'],
      ['billing_error', 'quota'],
      ['error_of_tomorrow', 'server'],
    ];
    for (const [type, reason] of words) {
      expect(streamed(sse([start(), error(type)])).failure).toMatchObject({ reason, message: 'Not now (req_1)' });
      const late = streamed(sse([start(), open(0, emptyText), text(0, 'x'), error(type), close(0), ending('end_turn'), stop]));
      expect(late.failure?.reason).toBe(reason);
      expect(late.out.toString()).not.toContain('[DONE]');
    }
    const nameless = Buffer.from('event: error\ndata: {"type":"overloaded_error","message":"x"}\n\n');
    expect(streamed(nameless).failure?.reason).toBe('overloaded');
  });

  it('ends with its last event: what follows is another answer', () => {
    const { events } = fixtures.text!;
    const once = streamed(sse(events));
    const twice = streamed(sse([...events, ...events]));
    expect(twice.out.equals(once.out)).toBe(true);
  });

  it('that begins twice before it says anything is one answer', () => {
    const { events } = fixtures.text!;
    expect(streamed(sse([start(), ...events])).out.equals(streamed(sse(events)).out)).toBe(true);
  });

  it('that begins again in the middle fails: what was said cannot be taken back', () => {
    const again = [
      start(),
      open(0, use('a', 'f')),
      input(0, '{"x'),
      start({ id: 'msg_02' }),
      open(0, use('b', 'f')),
      close(0),
      ending('tool_use'),
      stop,
    ];
    const { failure, out } = streamed(sse(again));
    expect(failure?.reason).toBe('protocol');
    expect(out.toString()).not.toContain('[DONE]');
  });

  it('with content in its first event has that content', () => {
    const resumed = [
      start({ content: [{ type: 'text', text: 'Go on: ' }, use('toolu_9', 'roll', { sides: 6 })], stop_reason: 'tool_use' }),
      stop,
    ];
    const { chunks } = streamed(sse(resumed));
    const choices = choicesOf(chunks);
    expect(choices.map(({ delta: part }) => part.content ?? '').join('')).toBe('Go on: ');
    expect(JSON.stringify(chunks)).toContain('{\\"sides\\":6}');
    expect(choices.at(-1)!.finish_reason).toBe('tool_calls');
  });

  it('without the start of a text, or its end, is read all the same', () => {
    const { out, failure } = streamed(sse([start(), text(0, 'a'), think(1, 'b'), ending('end_turn'), stop]));
    expect(failure).toBeNull();
    expect(out.toString()).toContain('"content":"a"');
  });

  it('with a block in the place of one that was not closed has both', () => {
    const replaced = [
      start(),
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      sign(0, 'sig=='),
      open(0, use('a', 'f', { x: 1 })),
      open(0, use('b', 'g', { y: 2 })),
      ending('tool_use'),
      stop,
    ];
    const { body, kept } = aggregated(sse(replaced));
    expect(body.choices).toMatchObject([
      { message: { tool_calls: [{ function: { arguments: '{"x":1}' } }, { function: { arguments: '{"y":2}' } }] } },
    ]);
    expect(JSON.stringify(kept)).toContain('sig==');
  });

  it('with blocks that are open together keeps them apart', () => {
    const mixed = [
      start(),
      open(0, use('a', 'f')),
      open(1, use('b', 'g')),
      input(1, '{"y":'),
      input(0, '{"x":'),
      input(1, '2}'),
      input(0, '1}'),
      close(1),
      close(0),
      ending('tool_use'),
      stop,
    ];
    expect(aggregated(sse(mixed)).body.choices).toMatchObject([
      {
        message: {
          tool_calls: [
            { id: 'a', function: { arguments: '{"x":1}' } },
            { id: 'b', function: { arguments: '{"y":2}' } },
          ],
        },
      },
    ]);
  });

  it('ends once, and shows no usage to a client that did not ask for it', () => {
    const { chunks } = streamed(sse(fixtures.text!.events), { stream_options: null });
    expect(JSON.stringify(chunks)).not.toContain('usage');
    expect(choicesOf(chunks).filter(({ finish_reason: reason }) => reason !== null)).toHaveLength(1);
  });
});

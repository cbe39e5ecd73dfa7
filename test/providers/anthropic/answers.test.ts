import { describe, expect, it } from 'vitest';
import { TranslationError, type UpstreamFailure } from '../../../providers/provider.ts';
import { payloads } from '../support.ts';
import { answer, message, translation } from './support.ts';

type Json = Record<string, unknown>;

const text = (words: string, more: Json = {}) => ({ type: 'text', text: words, ...more });
const plain = { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 };
const completion = (said: Json, finish: string, usage: Json = plain) => ({
  id: 'chatcmpl-msg_01Fixture',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'claude-sonnet-4-5-20250929',
  choices: [{ index: 0, message: { role: 'assistant', refusal: null, ...said }, finish_reason: finish, logprobs: null }],
  usage,
});

function failureOf(document: unknown): UpstreamFailure {
  try {
    answer(document);
  } catch (error) {
    if (error instanceof TranslationError) return error.failure;
    throw error;
  }
  throw new Error('The answer was taken.');
}

describe('an answer', () => {
  const use = { type: 'tool_use', id: 'toolu_01', name: 'weather', input: { at: 'Ulm' } };
  const called = { id: 'toolu_01', type: 'function', function: { name: 'weather', arguments: '{"at":"Ulm"}' } };
  const cases: readonly (readonly [name: string, content: readonly Json[], more: Json, expected: Json])[] = [
    ['a text', [text('Hello.')], {}, completion({ content: 'Hello.' }, 'stop')],
    ['several texts', [text('Hel'), text(''), text('lo.')], {}, completion({ content: 'Hello.' }, 'stop')],
    [
      'reasoning',
      [{ type: 'thinking', thinking: 'Hm.', signature: 's' }, { type: 'redacted_thinking', data: 'x' }, text('Hello.')],
      {},
      completion({ content: 'Hello.', reasoning_content: 'Hm.' }, 'stop'),
    ],
    [
      'a call',
      [text('Looking.'), use],
      { stop_reason: 'tool_use' },
      completion({ content: 'Looking.', tool_calls: [called] }, 'tool_calls'),
    ],
    [
      'calls only, one of them without input',
      [use, { type: 'tool_use', id: 'toolu_02', name: 'now', input: {} }],
      { stop_reason: 'tool_use' },
      completion(
        { content: null, tool_calls: [called, { id: 'toolu_02', type: 'function', function: { name: 'now', arguments: '{}' } }] },
        'tool_calls',
      ),
    ],
    ['a limit', [text('Hel')], { stop_reason: 'max_tokens' }, completion({ content: 'Hel' }, 'length')],
    ['a full window', [text('Hel')], { stop_reason: 'model_context_window_exceeded' }, completion({ content: 'Hel' }, 'length')],
    [
      'a stop sequence',
      [text('Hel')],
      { stop_reason: 'stop_sequence', stop_sequence: 'lo' },
      completion({ content: 'Hel' }, 'stop'),
    ],
    ['a pause', [text('Hel')], { stop_reason: 'pause_turn' }, completion({ content: 'Hel' }, 'stop')],
    ['a reason of tomorrow', [text('Hel')], { stop_reason: 'bored' }, completion({ content: 'Hel' }, 'stop')],
    ['nothing', [], {}, completion({ content: '' }, 'stop')],
    [
      'a refusal',
      [],
      { stop_reason: 'refusal', stop_details: { type: 'refusal', category: 'cyber', explanation: 'Not this.' } },
      completion({ content: null, refusal: 'Not this.' }, 'content_filter'),
    ],
    [
      'a refusal without words',
      [text('I')],
      { stop_reason: 'refusal', stop_details: null },
      completion({ content: 'I' }, 'content_filter'),
    ],
    [
      'blocks of the vendor’s own tools',
      [
        text('Searching. '),
        { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
        {
          type: 'web_search_tool_result',
          tool_use_id: 'srvtoolu_1',
          content: [{ type: 'web_search_result', url: 'https://a.test' }],
        },
        { type: 'compaction', content: 'summary' },
        { type: 'block_of_tomorrow' },
        text('Found.'),
      ],
      {},
      completion({ content: 'Searching. Found.' }, 'stop'),
    ],
    [
      'sources, by the text they stand for',
      [
        text('It is '),
        text('cold', {
          citations: [
            { type: 'web_search_result_location', url: 'https://a.test', title: 'A', cited_text: 'x' },
            { type: 'search_result_location', source: 'https://b.test', title: null },
            { type: 'char_location', document_index: 0, cited_text: 'y' },
          ],
        }),
        text('.', { citations: null }),
      ],
      {},
      completion(
        {
          content: 'It is cold.',
          annotations: [
            { type: 'url_citation', url_citation: { start_index: 6, end_index: 10, url: 'https://a.test', title: 'A' } },
            { type: 'url_citation', url_citation: { start_index: 6, end_index: 10, url: 'https://b.test', title: '' } },
          ],
        },
        'stop',
      ),
    ],
  ];
  for (const [name, content, more, expected] of cases) {
    it(`of ${name}: exactly what a client of the chat API knows`, () => {
      expect(answer(message(content, more)).body).toEqual(expected);
    });
  }

  it('as a stream says the same', () => {
    const whole = message([{ type: 'thinking', thinking: 'Hm.', signature: 's' }, text('Looking.'), use], {
      stop_reason: 'tool_use',
    });
    const { bytes, tail, usage } = translation({ stream: true }).jsonAsStream(Buffer.from(JSON.stringify(whole)));
    const chunks = payloads(Buffer.concat([bytes, tail])) as { choices: { delta: Json; finish_reason: unknown }[] }[];
    const deltas = chunks.slice(0, -1).map((chunk) => chunk.choices[0]!);
    expect(deltas.map(({ delta }) => delta.reasoning_content ?? '').join('')).toBe('Hm.');
    expect(deltas.map(({ delta }) => delta.content ?? '').join('')).toBe('Looking.');
    expect(deltas.at(-1)!.finish_reason).toBe('tool_calls');
    expect(usage).toEqual({ input: 10, output: 7 });
  });

  it('without an id, a model or usage gets what can be made up, and no usage', () => {
    const { body, usage } = answer({ content: [text('x')] });
    expect(body).toMatchObject({ id: expect.stringMatching(/^chatcmpl-/) as string, model: 'claude-sonnet-4-5' });
    expect(usage).toBeNull();
    expect(answer(message([text('x')], { id: 'msg 1\n' })).body.id).toMatch(/^chatcmpl-0/);
  });

  it('that carries an error fails as that error', () => {
    expect(failureOf({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }).reason).toBe('overloaded');
    expect(failureOf({ type: 'error', error: { type: 'api_error', message: 'Broken' }, request_id: 'req_1' })).toMatchObject({
      reason: 'server',
      message: 'Broken (req_1)',
    });
  });

  for (const document of [null, [], 'x', 1, {}, { content: 'x' }, { content: {} }, { content: [1] }, { content: [null] }]) {
    it(`that is ${JSON.stringify(document)} fails as no answer`, () => {
      expect(failureOf(document).reason).toBe('protocol');
    });
  }

  it('with members of any wrong type is read as far as it goes', () => {
    const odd = [1, null, [], {}, 'x', true];
    for (const value of odd) {
      const blocks = ['text', 'thinking', 'redacted_thinking', 'tool_use', 'server_tool_use', value].map((type) => ({
        type,
        text: value,
        thinking: value,
        signature: value,
        data: value,
        id: value,
        name: value,
        input: value,
        citations: value,
      }));
      const { body, usage } = answer(
        message(blocks as Json[], { id: value, model: value, stop_reason: value, stop_details: value, usage: value }),
      );
      expect((body.choices as unknown[]).length).toBe(1);
      expect(usage).toBeNull();
    }
  });
});

describe('usage', () => {
  const reasoning = { output_tokens_details: { thinking_tokens: 3 } };
  const cases: readonly (readonly [name: string, usage: Json, quantities: Json])[] = [
    ['without the cache', { input_tokens: 10, output_tokens: 7 }, { input: 10, output: 7 }],
    [
      'with the cache beside the input',
      { input_tokens: 3, cache_read_input_tokens: 1111, cache_creation_input_tokens: 0, output_tokens: 7 },
      { input: 1114, cached: 1111, output: 7 },
    ],
    [
      'with writes of two lengths',
      {
        input_tokens: 3,
        cache_read_input_tokens: 20,
        cache_creation_input_tokens: 300,
        cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
        output_tokens: 7,
      },
      { input: 323, cached: 20, cache_write_5m: 100, cache_write_1h: 200, output: 7 },
    ],
    [
      'with writes of no said length',
      { input_tokens: 3, cache_creation_input_tokens: 300, output_tokens: 7 },
      { input: 303, cache_write_5m: 300, output: 7 },
    ],
    [
      'with the parts of the writes only',
      { input_tokens: 3, cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 }, output_tokens: 7 },
      { input: 33, cache_write_5m: 10, cache_write_1h: 20, output: 7 },
    ],
    [
      'with reasoning inside the output',
      { input_tokens: 3, output_tokens: 7, ...reasoning },
      { input: 3, output: 7, reasoning: 3 },
    ],
    [
      'with searches',
      { input_tokens: 3, output_tokens: 7, server_tool_use: { web_search_requests: 2 } },
      { input: 3, output: 7, web_search: 2 },
    ],
    [
      'with a compaction beside the totals, and an advisor’s tokens apart',
      {
        input_tokens: 181,
        cache_read_input_tokens: 0,
        output_tokens: 8,
        iterations: [
          {
            type: 'compaction',
            input_tokens: 100,
            cache_read_input_tokens: 500,
            cache_creation_input_tokens: 40,
            output_tokens: 83,
          },
          { type: 'advisor_message', model: 'claude-opus-4-8', input_tokens: 50, output_tokens: 5 },
          { type: 'message', input_tokens: 181, output_tokens: 8 },
          null,
        ],
      },
      { input: 821, cached: 500, cache_write_5m: 40, output: 91, advisor: 55 },
    ],
    [
      'of hostile numbers',
      { input_tokens: -5, cache_read_input_tokens: '9', cache_creation_input_tokens: 1e300, output_tokens: 1.5, ...reasoning },
      { input: Number.MAX_SAFE_INTEGER, cache_write_5m: Number.MAX_SAFE_INTEGER, output: 2, reasoning: 2 },
    ],
  ];
  for (const [name, usage, quantities] of cases) {
    it(`${name}: everything read and everything generated, in their kinds`, () => {
      expect(answer(message([text('x')], { usage })).usage).toEqual(quantities);
    });
  }

  it('is shown to the client in the API’s words', () => {
    const usage = {
      input_tokens: 3,
      cache_read_input_tokens: 20,
      cache_creation_input_tokens: 300,
      output_tokens: 7,
      ...reasoning,
    };
    expect(answer(message([text('x')], { usage })).body.usage).toEqual({
      prompt_tokens: 323,
      completion_tokens: 7,
      total_tokens: 330,
      prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 300 },
      completion_tokens_details: { reasoning_tokens: 3 },
    });
  });
});

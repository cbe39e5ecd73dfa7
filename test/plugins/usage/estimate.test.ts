import { describe, expect, it } from 'vitest';
import { estimateInput, estimateOutput, mediaTokens, textTokens } from '../../../plugins/usage/estimate.ts';
import type { CallBody } from '../../../providers/provider.ts';

/** A body as the relay hands it over; the offsets of keys are not read by the estimator. */
function body(json: Record<string, unknown>): CallBody {
  const members = Object.entries(json).map(([key, value]) => ({
    key,
    keyStart: 0,
    valueStart: 0,
    valueEnd: Buffer.byteLength(JSON.stringify(value)),
  }));
  return { bytes: Buffer.from(JSON.stringify(json)), json, members };
}
const chat = (content: unknown, more: Record<string, unknown> = {}) =>
  estimateInput(body({ model: 'm', messages: [{ role: 'user', content }], ...more }), 'chat');

describe('the estimate of a text', () => {
  it('is about four characters per token for English', () => {
    expect(textTokens('The quick brown fox jumps over the lazy dog.')).toBe(11);
  });

  it('is close to one token per character for Chinese, Japanese and Korean', () => {
    for (const text of ['机器学习是人工智能的一个分支', 'これは日本語の文章です', '안녕하세요 세계']) {
      expect(textTokens(text) / text.length).toBeGreaterThan(0.7);
    }
  });

  it('counts an accent as a letter and Cyrillic between Latin and Chinese', () => {
    expect(textTokens('déjà vu')).toBe(textTokens('deja vu'));
    expect(textTokens('привет') / 6).toBeCloseTo(0.4);
  });
});

describe('the estimate of a call', () => {
  it('grows with the text of its messages', () => {
    expect(chat('word '.repeat(800)) - chat('word '.repeat(400))).toBe(500);
  });

  it('reads text parts, tool calls and tool results', () => {
    const text = 'x'.repeat(400);
    const parts = chat([{ type: 'text', text }]);
    const calls = estimateInput(
      body({
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [{ id: 'c', type: 'function', function: { name: '', arguments: text } }],
          },
        ],
      }),
      'chat',
    );
    const results = estimateInput(body({ input: [{ type: 'function_call_output', call_id: 'c', output: text }] }), 'responses');
    expect(Math.min(parts, calls, results)).toBeGreaterThanOrEqual(100);
    expect(Math.max(parts, calls, results)).toBeLessThan(110);
  });

  it('counts definitions of tools and schemas', () => {
    const tools = [
      { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { city: { type: 'string' } } } } },
    ];
    expect(chat('hi', { tools })).toBeGreaterThan(chat('hi') + 20);
  });

  it.each([
    ['an image as data', { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(100_000)}` } }],
    ['a sound', { type: 'input_audio', input_audio: { data: 'A'.repeat(100_000), format: 'wav' } }],
    ['a file', { type: 'file', file: { file_data: `data:application/pdf;base64,${'A'.repeat(100_000)}` } }],
    ['an image in a response input', { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(100_000)}` }],
  ])('counts %s as a fixed amount, not by its bytes', (_name, part) => {
    expect(chat([part]) - chat([])).toBe(mediaTokens);
  });

  it('counts data of a part it does not know as a fixed amount, and text that only begins like it as text', () => {
    const video = { type: 'clip', clip: { url: `data:video/mp4;base64,${'A'.repeat(100_000)}` } };
    expect(chat([video]) - chat([])).toBe(mediaTokens);
    expect(chat('data: 1, 2, 3')).toBeLessThan(15);
  });

  it('counts one token for each token id of an embeddings input', () => {
    expect(estimateInput(body({ input: [1, 2, 3] }), 'embeddings')).toBe(3);
    expect(estimateInput(body({ input: [[1, 2], [3]] }), 'embeddings')).toBe(3);
    expect(estimateInput(body({ input: ['aaaa', 'bbbbbbbb'] }), 'embeddings')).toBe(3);
  });

  it('is at least 1', () => {
    expect(estimateInput(body({}), 'embeddings')).toBe(1);
  });

  it('does not recurse: a deeply nested body is only slow to write', () => {
    let nested: unknown = 'x';
    for (let depth = 0; depth < 200_000; depth++) nested = [nested];
    expect(
      estimateInput(
        { bytes: Buffer.alloc(0), json: { input: nested }, members: [{ key: 'input', keyStart: 0, valueStart: 0, valueEnd: 0 }] },
        'responses',
      ),
    ).toBeGreaterThan(0);
  });

  it('takes time that grows with the text only: ten times the text, not a hundred times the time', () => {
    const time = (text: string) => {
      const one = body({ messages: [{ role: 'user', content: text }] });
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 20; run++) {
        const start = performance.now();
        for (let at = 0; at < 10; at++) estimateInput(one, 'chat');
        best = Math.min(best, performance.now() - start);
      }
      return best;
    };
    expect(time('日本'.repeat(50_000))).toBeLessThan(40 * time('日本'.repeat(5000)));
  });
});

describe('the estimate of an answer', () => {
  it('is 0 only for nothing', () => {
    expect([estimateOutput(0), estimateOutput(1), estimateOutput(1000)]).toEqual([0, 1, 260]);
  });
});

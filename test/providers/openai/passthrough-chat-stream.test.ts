import { describe, expect, it } from 'vitest';
import { ChatPassthroughStream } from '../../../providers/openai/passthrough/chat-stream.ts';
import { chatStreams, fixture, fixtureJson } from '../fixtures.ts';
import { eventOf, payloads, play } from '../support.ts';

const chunk = (delta: unknown, finish: string | null = null, index = 0) => ({
  model: 'm',
  choices: [{ index, delta, finish_reason: finish }],
});
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

/** A stream that has been sent these documents. */
function streamOf(documents: readonly unknown[], showUsage = false): ChatPassthroughStream & { readonly sent: string } {
  const stream = new ChatPassthroughStream(showUsage, ['hunter2-hunter2']);
  const sent = documents.map((document) => stream.push(eventOf(document))?.toString() ?? '').join('');
  return Object.assign(stream, { sent });
}

describe('pass-through chat stream', () => {
  it.each(chatStreams)('S1, S2, S3: gives the client the same bytes of %s at every split', (name) => {
    const bytes = fixture(name);
    for (const showUsage of [false, true]) {
      const whole = play(new ChatPassthroughStream(showUsage), bytes);
      expect(whole.toString().endsWith('data: [DONE]\n\n')).toBe(true);
      for (let cut = 1; cut < bytes.length; cut++) {
        const split = play(new ChatPassthroughStream(showUsage), bytes, [cut]);
        if (!split.equals(whole)) expect.fail(`differs when cut at byte ${cut}`);
      }
      const single = Array.from({ length: bytes.length }, (_, index) => index);
      expect(play(new ChatPassthroughStream(showUsage), bytes, single).equals(whole)).toBe(true);
    }
  });

  it.each(chatStreams)('U11: a cut of %s at any byte never passes for a whole answer', (name) => {
    const bytes = fixture(name);
    const finish = bytes.lastIndexOf('"finish_reason":"');
    for (let cut = 0; cut < finish; cut++) {
      const stream = new ChatPassthroughStream(true);
      play(stream, bytes.subarray(0, cut));
      if (stream.failure?.reason !== 'truncated') expect.fail(`no failure when cut at byte ${cut}`);
    }
  });

  it('passes payloads untouched to a client who asked for usage', () => {
    const bytes = fixture('stream-text.sse');
    expect(play(new ChatPassthroughStream(true), bytes).equals(bytes)).toBe(true);
  });

  it('passes numbers, escapes and white space as they were sent', () => {
    const payload = '{ "choices":[{"index":0,"delta":{"content":"\\u00e9\\/"},"x":1.10}] , "n":9007199254740993,"e":1E2 }';
    expect(streamOf([payload]).sent).toBe(`data: ${payload}\n\n`);
  });

  it('writes a payload that came in several data lines as several data lines', () => {
    const stream = new ChatPassthroughStream(false);
    const sent = play(stream, 'data: {"choices":[{"index":0,\ndata: "delta":{"content":"x"},"finish_reason":"stop"}]}\n\n');
    expect(payloads(sent)).toEqual([{ choices: [{ index: 0, delta: { content: 'x' }, finish_reason: 'stop' }] }, '[DONE]']);
  });

  it('A13: keeps usage from a client who did not ask, and changes no other byte', () => {
    const bytes = fixture('stream-text.sse').toString();
    const stream = new ChatPassthroughStream(false);
    const expected = bytes.replace(/data: [^\n]*"choices":\[\][^\n]*\n\n/, '').replaceAll(',"usage":null', '');
    expect(play(stream, bytes).toString()).toBe(expected);
    expect(stream.usage).toMatchObject({ input: 20, cached: 8, output: 12, reasoning: 4 });
  });

  it('A13: cuts usage out of a chunk that also has content', () => {
    const stream = streamOf([{ usage, ...chunk({ content: 'x' }, 'stop') }]);
    expect(stream.sent).toBe(`data: ${JSON.stringify(chunk({ content: 'x' }, 'stop'))}\n\n`);
    expect(stream.usage).toEqual({ input: 3, output: 4 });
  });

  it('A13: leaves a member called usage alone that is not at the top', () => {
    const document = { choices: [{ index: 0, delta: { content: 'x' }, usage: null }], x_other: { usage: 1 } };
    expect(payloads(streamOf([document]).sent)).toEqual([document]);
  });

  it('takes usage that comes after the finish reason', () => {
    const stream = streamOf([chunk({ content: 'x' }, 'stop'), { choices: [], usage }, '[DONE]']);
    expect(stream).toMatchObject({ usage: { input: 3, output: 4 }, completed: true, failure: null });
  });

  it('A12: hostile usage is none', () => {
    for (const hostile of [{ prompt_tokens: -1 }, { prompt_tokens: '9' }, [], 'x', 5, null]) {
      expect(streamOf([{ ...chunk({ content: 'x' }), usage: hostile }]).usage).toBeNull();
    }
  });

  it.each([
    [{ role: 'assistant' }, false],
    [{ role: 'assistant', content: '' }, false],
    [{ role: 'assistant', content: null, refusal: null, tool_calls: [], audio: {} }, false],
    [{}, false],
    [null, false],
    [{ content: 'x' }, true],
    [{ refusal: 'x' }, true],
    [{ reasoning_content: 'x' }, true],
    [{ reasoning: 'x' }, true],
    [{ tool_calls: [{ index: 0 }] }, true],
    [{ function_call: { name: 'f' } }, true],
    [{ audio: { id: 'a' } }, true],
    [{ vendor_field: 'x' }, true],
    [{ vendor_count: 0 }, true],
  ])('S11: delta %j has content: %s', (delta, content) => {
    expect(streamOf([chunk(delta)]).content).toBe(content);
  });

  it('counts what was generated', () => {
    const call = { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{}' } }] };
    expect(
      streamOf([chunk({ content: 'ab' }), chunk({ reasoning_content: 'abc' }), chunk(call), chunk({ refusal: 'no' })]).characters,
    ).toBe(10);
  });

  it('S6: a finish reason is enough, [DONE] is not needed', () => {
    const stream = streamOf([chunk({ content: 'x' }, 'stop')]);
    stream.end();
    expect(stream).toMatchObject({ completed: true, failure: null });
    expect(stream.tail().toString()).toBe('data: [DONE]\n\n');
  });

  it('S7: [DONE] without a finish reason is a failure', () => {
    expect(streamOf([chunk({ content: 'x' }), '[DONE]']).failure?.reason).toBe('truncated');
  });

  it('S7: with two answers, both need their finish reason', () => {
    const stream = streamOf([chunk({ content: 'a' }), chunk({ content: 'b' }, null, 1), chunk({}, 'stop', 1)]);
    expect(stream.completed).toBe(false);
    stream.push(eventOf('[DONE]'));
    expect(stream.failure?.reason).toBe('truncated');
  });

  it.each(['[DONE]', '[DONE] ', '[DONE]\t'])(
    'S7: takes %j for the end, forwards nothing of it and drops what follows',
    (done) => {
      const stream = streamOf([chunk({ content: 'x' }, 'stop'), done, chunk({ content: 'more' }), done]);
      expect(stream).toMatchObject({
        finished: true,
        failure: null,
        sent: `data: ${JSON.stringify(chunk({ content: 'x' }, 'stop'))}\n\n`,
      });
    },
  );

  it('S12: a stream without any answer is a failure', () => {
    for (const documents of [[], ['[DONE]'], [{ choices: [], usage }], [{ id: 'x' }]]) {
      const stream = streamOf(documents);
      stream.end();
      expect(stream.failure?.reason).toBe('truncated');
    }
  });

  it('an answer that ends without content is whole', () => {
    const stream = streamOf([chunk({ role: 'assistant', content: '' }), chunk({}, 'content_filter'), '[DONE]']);
    expect(stream).toMatchObject({ completed: true, content: false, failure: null });
  });

  it.each(['{"choices":', 'not json', '5', '"x"', 'null', '[1]', '{"choices":{}}', '{"choices":[null]}'])(
    'S9: %s is a failure and is not forwarded',
    (bad) => {
      const stream = streamOf([chunk({ content: 'x' }), bad, chunk({ content: 'y' })]);
      expect(stream.failure?.reason).toBe('protocol');
      expect(payloads(stream.sent)).toEqual([chunk({ content: 'x' })]);
    },
  );

  it.each([
    ['openai', 'overloaded', 0],
    ['beside choices', 'server', 502],
    ['vllm', 'server', 500],
    ['gemini', 'overloaded', 503],
  ])('S10: an error in the stream is a failure: %s', (name, reason, status) => {
    const stream = streamOf([chunk({ content: 'x' }), fixtureJson('errors.json')[name]]);
    expect(stream.failure).toMatchObject({ reason, status });
    expect(payloads(stream.sent)).toHaveLength(1);
  });

  it('S10: an event named error is a failure, wrapped or not', () => {
    for (const body of [
      { error: { message: 'bad call', code: 'tool_use_failed' }, status_code: 400 },
      { message: 'bad call', code: 'tool_use_failed', status_code: 400 },
    ]) {
      const stream = new ChatPassthroughStream(false);
      stream.push(eventOf(body, 'error'));
      expect(stream.failure).toMatchObject({
        reason: 'invalid_request',
        status: 400,
        code: 'tool_use_failed',
        message: 'bad call',
      });
    }
  });

  it('S10: finish_reason error is a failure', () => {
    expect(streamOf([chunk({ content: 'x' }, 'error')])).toMatchObject({ completed: false, failure: { reason: 'server' } });
  });

  it('A6: keeps the credential out of the message of an error in the stream', () => {
    expect(streamOf([{ error: { message: 'bad hunter2-hunter2' } }]).failure?.message).toBe('bad [redacted]');
  });

  it.each([-1, 1e9, 1.5, '__proto__', '0', {}])('S17: choice index %j is a failure', (index) => {
    expect(streamOf([{ choices: [{ index, delta: { content: 'x' } }] }])).toMatchObject({
      failure: { reason: 'protocol' },
      sent: '',
    });
  });

  it('passes events that have no choices', () => {
    const ping = { type: 'ping' };
    expect(payloads(streamOf([ping, chunk({ content: 'x' }, 'stop')]).sent)).toEqual([ping, chunk({ content: 'x' }, 'stop')]);
  });

  it('S15: text that looks like the end of a stream is text', () => {
    const stream = streamOf([chunk({ content: '\n\ndata: [DONE]\n\n\u2028\u0000' }, 'stop')]);
    expect(payloads(stream.sent)).toHaveLength(1);
    expect(stream.finished).toBe(false);
  });

  it('stays silent after a failure', () => {
    const stream = streamOf([chunk({ content: 'x' }), 'bad', chunk({ content: 'y' }, 'stop'), '[DONE]']);
    stream.end();
    expect(stream).toMatchObject({ failure: { reason: 'protocol' }, completed: false, finished: false });
  });
});

import { describe, expect, it } from 'vitest';
import { chat, events, json, steps, textOf, total } from './sandbox-ask.ts';

describe('sandbox faults', () => {
  it.each([400, 401, 403, 404, 429, 500, 503, 529])('error-%d answers with that status and an error', (status) => {
    const reply = chat(`error-${status}`);
    expect(reply.status).toBe(status);
    expect(json(reply).error).toEqual({
      message: expect.any(String),
      type: expect.any(String),
      param: null,
      code: status === 500 ? null : expect.any(String),
    });
  });

  it('error-429 asks for a wait of a second', () => {
    expect(chat('error-429').headers['retry-after']).toBe('1');
  });

  it('html is a page under 200', () => {
    expect([chat('html').status, chat('html').headers['content-type'], textOf(chat('html'))]).toEqual([
      200,
      'text/html; charset=utf-8',
      expect.stringContaining('<h1>'),
    ]);
  });

  it('junk is JSON that breaks off, in a body and in an event', () => {
    expect(() => json(chat('junk'))).toThrow(SyntaxError);
    expect(chat('junk', { stream: true }).headers['content-type']).toMatch('text/event-stream');
    expect(() => events(chat('junk', { stream: true }))).toThrow(SyntaxError);
  });

  it('error-in-200 is an error under status 200, in a body and in a stream', () => {
    expect([chat('error-in-200').status, json(chat('error-in-200')).error.code]).toEqual([200, 'server_error']);
    expect(events(chat('error-in-200', { stream: true }))).toEqual([
      { error: expect.objectContaining({ code: 'server_error' }) },
    ]);
  });

  it('slow brings the first content after 2 s and each further delta after 50 ms', () => {
    const all = steps(chat('slow', { stream: true }));
    expect(all.slice(0, 5).map(({ after }) => after)).toEqual([0, 2000, 50, 50, 50]);
    expect(total(chat('slow'))).toBe(2000 + 4 * 50);
  });

  it('stall is silent for longer than anyone waits', () => {
    for (const stream of [true, false]) {
      expect(steps(chat('stall', { stream }))).toEqual([{ after: 3_600_000, cut: true }]);
    }
  });

  it('cut breaks off after some content, or half way through the body', () => {
    const streamed = steps(chat('cut', { stream: true }));
    expect(streamed.at(-1)).toEqual({ after: 0, cut: true });
    expect(streamed.filter(({ bytes }) => bytes?.toString().includes('"content":" ')).length).toBeGreaterThan(1);
    const [half, end] = steps(chat('cut'));
    expect(end).toEqual({ after: 0, cut: true });
    expect(() => JSON.parse(half!.bytes!.toString())).toThrow(SyntaxError);
  });

  it('cut-before-content breaks off after the role, or with nothing of the body', () => {
    const streamed = steps(chat('cut-before-content', { stream: true }));
    expect(streamed.map(({ cut }) => cut === true)).toEqual([false, true]);
    expect(streamed[0]!.bytes!.toString()).toContain('"role":"assistant"');
    expect(steps(chat('cut-before-content'))).toEqual([{ after: 0, cut: true }]);
  });

  it('no-finish ends cleanly with content and without finish_reason or [DONE]', () => {
    const all = events(chat('no-finish', { stream: true }));
    expect(all.length).toBeGreaterThan(5);
    expect(all.some((event) => event === '[DONE]' || event.choices[0].finish_reason !== null)).toBe(false);
    expect(steps(chat('no-finish', { stream: true })).some(({ cut }) => cut)).toBe(false);
    expect(json(chat('no-finish')).choices[0].finish_reason).toBeNull();
  });

  it('long has 10,000 deltas, made one at a time', () => {
    const started = performance.now();
    const iterator = chat('long', { stream: true }).steps[Symbol.iterator]();
    iterator.next();
    expect(performance.now() - started).toBeLessThan(200);
    const all = events(chat('long', { stream: true })).slice(0, -1);
    expect(all.filter(({ choices }) => choices[0].delta.content)).toHaveLength(10_000);
    expect(json(chat('long')).usage.completion_tokens).toBe(10_000);
  });
});

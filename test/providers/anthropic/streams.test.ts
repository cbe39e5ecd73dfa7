import { describe, expect, it } from 'vitest';
import { fixtures } from './fixtures/streams.ts';
import { aggregated, answer, sse, streamed } from './support.ts';

describe.each(Object.entries(fixtures))('a stream of %s', (_name, { events, whole }) => {
  const bytes = sse(events);
  const expected = streamed(bytes);

  it('is the same for the client at every byte split (G1)', () => {
    expect(expected.failure).toBeNull();
    for (let at = 1; at < bytes.length; at++) {
      const { out, usage } = streamed(bytes, {}, undefined, [at]);
      if (!out.equals(expected.out)) expect(out.toString(), `split at ${at}`).toBe(expected.out.toString());
      expect(usage).toEqual(expected.usage);
    }
  });

  it('is the same with CRLF at every byte split, and without the names of the events', () => {
    const crlf = sse(events, '\r\n');
    for (let at = 1; at < crlf.length; at++) {
      const { out } = streamed(crlf, {}, undefined, [at]);
      if (!out.equals(expected.out)) expect(out.toString(), `split at ${at}`).toBe(expected.out.toString());
    }
    expect(streamed(sse(events, '\n', false)).out.equals(expected.out)).toBe(true);
    expect(
      streamed(
        bytes,
        {},
        undefined,
        Array.from({ length: bytes.length }, (_, at) => at),
      ).out.equals(expected.out),
    ).toBe(true);
  });

  it('adds up to what the whole message says, usage and what is kept included', () => {
    const added = aggregated(bytes);
    const once = answer(whole);
    expect(added.body).toEqual(once.body);
    expect(added.usage).toEqual(once.usage);
    expect(added.kept).toEqual(once.kept);
    expect(added.characters).toBe(once.characters);
  });

  it('that is cut before its last event is truncated, whichever event that is (S1)', () => {
    for (let count = 0; count < events.length; count++) {
      const { failure, completed } = streamed(sse(events.slice(0, count)));
      expect(failure?.reason, `after ${count} events`).toBe('truncated');
      expect(completed).toBe(false);
    }
  });
});

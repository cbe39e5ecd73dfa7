import { describe, expect, it } from 'vitest';
import { translateSameDialect } from '../../../providers/openai/passthrough/index.ts';
import { fixture, fixtureJson } from '../fixtures.ts';
import { callOf, eventOf, play, targetOf } from '../support.ts';

const bytes = fixture('stream-responses-api.sse');
const whole = fixtureJson('responses-api.json');
const translation = () =>
  translateSameDialect(callOf({ model: 'm', input: 'x', stream: true }, { operation: 'responses' }), targetOf())!;
const json = (body: unknown) => translation().json(Buffer.from(JSON.stringify(body)));

describe('Responses API, JSON', () => {
  it('hands back the very same bytes with usage and model', () => {
    const body = Buffer.from(JSON.stringify(whole, null, 1));
    const answer = translation().json(body);
    expect(answer.bytes).toBe(body);
    expect(answer).toMatchObject({
      usage: { input: 10, cached: 4, output: 6, reasoning: 2 },
      model: 'gpt-5.4-mini',
      characters: 8,
    });
  });

  it.each([
    [{ ...whole, status: 'failed', error: { code: 'rate_limit_exceeded', message: 'slow' } }, 'rate_limit'],
    [{ ...whole, status: 'failed', error: null }, 'server'],
    [{ error: { message: 'no', code: 401 } }, 'authentication'],
    [{ id: 'x' }, 'protocol'],
    [{ output: [null] }, 'protocol'],
    [[], 'protocol'],
  ])('A9: refuses %j', (body, reason) => {
    expect(() => json(body)).toThrow(expect.objectContaining({ failure: expect.objectContaining({ reason }) }));
  });
});

describe('Responses API, stream', () => {
  it('S1, S2: gives the client the same bytes at every split', () => {
    const expected = play(translation().stream(), bytes);
    expect(expected.equals(bytes)).toBe(true);
    for (let cut = 1; cut < bytes.length; cut++) {
      if (!play(translation().stream(), bytes, [cut]).equals(bytes)) expect.fail(`differs when cut at byte ${cut}`);
    }
  });

  it('U11: is a failure when cut anywhere before its terminal event', () => {
    const end = bytes.indexOf('event: response.completed');
    for (let cut = 0; cut <= end; cut += 3) {
      const stream = translation().stream();
      play(stream, bytes.subarray(0, cut));
      expect(stream.failure?.reason).toBe('truncated');
    }
  });

  it('reads usage, model and characters, and is finished at the terminal event', () => {
    const stream = translation().stream();
    play(stream, bytes);
    expect(stream).toMatchObject({
      finished: true,
      completed: true,
      usage: { input: 10, output: 6 },
      model: 'gpt-5.4-mini',
      characters: 8,
    });
    expect(stream.tail()).toHaveLength(0);
  });

  it('has content from the first delta on', () => {
    const stream = translation().stream();
    stream.push(eventOf({ type: 'response.created', response: { model: 'm' } }, 'response.created'));
    expect(stream.content).toBe(false);
    stream.push(
      eventOf({ type: 'response.function_call_arguments.delta', delta: '{' }, 'response.function_call_arguments.delta'),
    );
    expect(stream.content).toBe(true);
  });

  it('an incomplete response is a whole answer', () => {
    const stream = translation().stream();
    stream.push(eventOf({ type: 'response.incomplete', response: { ...whole, status: 'incomplete' } }, 'response.incomplete'));
    expect(stream).toMatchObject({ completed: true, failure: null });
  });

  it('drops a [DONE] that this dialect does not have', () => {
    const sent = play(translation().stream(), `data: [DONE]\n\n${bytes}data: [DONE]\n\n`);
    expect(sent.equals(bytes)).toBe(true);
  });

  it.each([
    [
      { type: 'response.failed', response: { status: 'failed', error: { code: 'server_error', message: 'died' } } },
      'server',
      'died',
    ],
    [
      { type: 'response.failed', response: { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'slow' } } },
      'rate_limit',
      'slow',
    ],
    [{ type: 'response.failed' }, 'server', 'status "failed"'],
    [{ type: 'error', code: 'server_error', message: 'died', param: null }, 'server', 'died'],
    [{ error: { code: 503, message: 'busy' } }, 'overloaded', 'busy'],
    [{ type: 'response.completed' }, 'protocol', 'without a response'],
    [[{ error: { code: 503, message: 'busy' } }], 'overloaded', 'busy'],
  ])('S10: %j is a failure', (document, reason, words) => {
    const stream = translation().stream();
    expect(stream.push(eventOf(document))).toBeNull();
    expect(stream.failure).toMatchObject({ reason, message: expect.stringContaining(words) });
  });

  it('S9: text that is not JSON is a failure and is not forwarded', () => {
    const stream = translation().stream();
    expect(stream.push(eventOf('{"type":'))).toBeNull();
    expect(stream.failure?.reason).toBe('protocol');
  });
});

describe('S13: Responses API in the other form', () => {
  it('takes the answer out of the terminal event, as it was sent', () => {
    const aggregate = translation().aggregate();
    play(aggregate, bytes.toString().replace('"status": "completed", "error"', '"x": 1.10, "status": "completed", "error"'));
    const answer = aggregate.result();
    expect(JSON.parse(answer.bytes.toString())).toEqual({ ...whole, x: 1.1 });
    expect(answer.bytes.toString()).toContain('1.10');
    expect(answer.usage).toMatchObject({ input: 10 });
  });

  it('throws for a stream that was cut', () => {
    const aggregate = translation().aggregate();
    play(aggregate, bytes.subarray(0, 300));
    expect(() => aggregate.result()).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ reason: 'truncated' }) }),
    );
  });

  it('A12: throws for a terminal event whose response has no list of output', () => {
    const aggregate = translation().aggregate();
    const broken = { type: 'response.completed', response: { ...whole, output: false } };
    aggregate.push(eventOf(JSON.stringify(broken)));
    expect(() => aggregate.result()).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ reason: 'protocol' }) }),
    );
  });

  it('makes of JSON a stream that gives the same answer back', () => {
    const { bytes: stream, tail } = translation().jsonAsStream(Buffer.from(JSON.stringify(whole)));
    expect(tail).toHaveLength(0);
    const events = [...stream.toString().matchAll(/^event: (.*)\ndata: (.*)$/gm)].map(([, name, data]) => ({
      name,
      data: JSON.parse(data!),
    }));
    expect(events.map(({ name }) => name)).toEqual([
      'response.created',
      'response.output_item.added',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map(({ data }) => data.sequence_number)).toEqual([0, 1, 2, 3]);
    expect(events.every(({ name, data }) => data.type === name)).toBe(true);
    const aggregate = translation().aggregate();
    play(aggregate, stream);
    expect(JSON.parse(aggregate.result().bytes.toString())).toEqual(whole);
  });
});

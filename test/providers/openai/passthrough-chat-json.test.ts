import { describe, expect, it } from 'vitest';
import { translateSameDialect } from '../../../providers/openai/passthrough/index.ts';
import { TranslationError, type UpstreamFailure } from '../../../providers/provider.ts';
import { accumulate } from '../accumulate.ts';
import { fixtureJson } from '../fixtures.ts';
import { callOf, payloads, targetOf } from '../support.ts';

const translation = (more: object = {}) => translateSameDialect(callOf({ model: 'm', messages: [], ...more }), targetOf())!;
const json = (body: unknown) => translation().json(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));
const choice = (more: object = {}) => ({
  index: 0,
  message: { role: 'assistant', content: 'x' },
  finish_reason: 'stop',
  ...more,
});

function failureOf(run: () => unknown): UpstreamFailure {
  try {
    run();
  } catch (error) {
    if (error instanceof TranslationError) return error.failure;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const answers = Object.entries(fixtureJson('responses.json'));

describe('pass-through chat answer', () => {
  it('hands back the very same bytes', () => {
    const bytes = Buffer.from('{"choices":[{"index":0,"message":{"content":"\\u00e9"},"x":1.10}],"n":9007199254740993}');
    expect(translation().json(bytes).bytes).toBe(bytes);
  });

  it.each(answers)('takes %s', (_name, body) => {
    expect(json(body).model).toBe((body as { model: string }).model);
  });

  it('reads usage and counts what was generated', () => {
    const message = {
      content: 'four',
      refusal: 'no',
      reasoning_content: 'hmm',
      tool_calls: [{ function: { name: 'f', arguments: '{"a":1}' } }],
    };
    const usage = { prompt_tokens: 3, completion_tokens: 4 };
    expect(json({ model: 'm1', choices: [choice({ message })], usage })).toMatchObject({
      usage: { input: 3, output: 4 },
      model: 'm1',
      characters: 4 + 2 + 3 + 1 + 7,
    });
  });

  it.each([
    [{ prompt_tokens: -5, completion_tokens: 4 }, null],
    [{ prompt_tokens: 5, completion_tokens: -4 }, { input: 5 }],
    [{ prompt_tokens: 5, completion_tokens: 'many' }, { input: 5 }],
    [
      { prompt_tokens: 2.5, completion_tokens: 1e300 },
      { input: 3, output: Number.MAX_SAFE_INTEGER },
    ],
    [{ prompt_tokens: 5, prompt_tokens_details: { cached_tokens: -1 }, completion_tokens_details: [] }, { input: 5 }],
    [
      { prompt_tokens: 5, completion_tokens: 4, num_cached_tokens: 3 },
      { input: 5, output: 4, cached: 3 },
    ],
    [
      { prompt_tokens: 5, completion_tokens: 4, prompt_cache_hit_tokens: 2, prompt_cache_miss_tokens: 3 },
      { input: 5, output: 4, cached: 2 },
    ],
    [
      { prompt_tokens: 5, num_cached_tokens: 3, prompt_tokens_details: { cached_tokens: 1 } },
      { input: 5, cached: 1 },
    ],
    [null, null],
    ['x', null],
  ])('A12: reads usage %j as %j', (usage, expected) => {
    expect(json({ choices: [choice()], usage }).usage).toEqual(expected);
  });

  it('A12: reads 1e400 tokens as the largest integer there is', () => {
    const { usage } = json('{"choices":[{"message":{}}],"usage":{"prompt_tokens":1e400}}');
    expect(usage).toEqual({ input: Number.MAX_SAFE_INTEGER });
  });

  it.each([
    ['an empty body', '', 'empty'],
    ['a page', '<!doctype html><title>Login</title>', 'markup'],
    ['half an answer', '{"choices":[{"message":{"content":"Hel', 'not valid JSON'],
    ['text', 'ok', 'not valid JSON'],
    ['null', 'null', 'not an object'],
    ['an array', '[]', 'not an object'],
    ['no choices', '{"id":"1"}', 'choices'],
    ['empty choices', '{"choices":[]}', 'choices'],
    ['choices that are no array', '{"choices":{"0":{}}}', 'choices'],
    ['a choice without a message', '{"choices":[{"index":0}]}', 'message'],
    ['a null choice', '{"choices":[null]}', 'not an object'],
    ['a FastAPI error', '{"detail":"Not Found"}', 'choices'],
  ])('A11, A12: refuses %s', (_name, body, words) => {
    expect(failureOf(() => json(body))).toMatchObject({ reason: 'protocol', message: expect.stringContaining(words) });
  });

  it.each([-1, 1e9, 1.5, '__proto__', '0'])('S17: refuses choice index %j', (index) => {
    expect(failureOf(() => json({ choices: [choice({ index })] })).reason).toBe('protocol');
  });

  it('S17: refuses the same choice index twice', () => {
    expect(failureOf(() => json({ choices: [choice(), choice()] })).reason).toBe('protocol');
  });

  it.each([
    [{ error: { message: 'busy', code: 503 } }, 'overloaded', 503],
    [{ error: { message: 'busy', code: 429 }, choices: [choice()] }, 'rate_limit', 429],
    [{ object: 'error', message: 'no', code: 400 }, 'invalid_request', 400],
    [[{ error: { code: 503, message: 'busy', status: 'UNAVAILABLE' } }], 'overloaded', 503],
    [{ choices: [choice({ error: { code: 502, message: 'died' } })] }, 'server', 502],
    [{ choices: [choice({ finish_reason: 'error' })] }, 'server', 0],
  ])('A9: throws the error inside a 200: %j', (body, reason, status) => {
    expect(failureOf(() => json(body))).toMatchObject({ reason, status });
  });

  it('A6: keeps the credential out of the message of an error inside a 200', () => {
    const failure = failureOf(() => json({ error: { message: 'bad sk-test-000011112222' } }));
    expect(failure.message).toBe('bad [redacted]');
  });

  it('throws nothing but TranslationError at a document nested ten thousand deep', () => {
    const body = `{"choices":[{"message":{"content":"x","deep":${'['.repeat(20_000)}${']'.repeat(20_000)}}}]}`;
    try {
      translation().jsonAsStream(Buffer.from(body));
    } catch (error) {
      expect(error).toBeInstanceOf(TranslationError);
    }
  });
});

describe('S13: a JSON answer to a call for a stream', () => {
  it.each(answers.filter(([name]) => !name.startsWith('content parts')))('adds up to the same answer: %s', (_name, body) => {
    const { bytes, tail } = translation({ stream: true, stream_options: { include_usage: true } }).jsonAsStream(
      Buffer.from(JSON.stringify(body)),
    );
    const answer = body as { choices: { message: Record<string, unknown>; finish_reason: string }[]; usage?: unknown };
    const made = accumulate(payloads(bytes)) as typeof answer;
    const present = (message: Record<string, unknown>) =>
      JSON.parse(
        JSON.stringify({ content: null, ...message }, (key, value) => (key !== 'content' && value === null ? undefined : value)),
      );
    expect(made.choices.map(({ message }) => present(message))).toEqual(answer.choices.map(({ message }) => present(message)));
    expect(made.choices.map(({ finish_reason }) => finish_reason)).toEqual(
      answer.choices.map(({ finish_reason }) => finish_reason),
    );
    expect(made.usage).toEqual(answer.usage ?? undefined);
    expect(tail.toString()).toBe('data: [DONE]\n\n');
  });

  it('says a signature once that has other members beside it', () => {
    const extra_content = { google: { thought: true, thought_signature: 'c2lnbmF0dXJl' } };
    const body = { choices: [choice({ message: { role: 'assistant', content: 'x', extra_content } })] };
    const { bytes } = translation({ stream: true }).jsonAsStream(Buffer.from(JSON.stringify(body)));
    expect(accumulate(payloads(bytes)).choices).toMatchObject([{ message: { content: 'x', extra_content } }]);
    expect(bytes.toString().split('c2lnbmF0dXJl')).toHaveLength(2);
  });

  it('says the reasoning parts of a content array as reasoning_content', () => {
    const body = answers.find(([name]) => name.startsWith('content parts'))![1];
    const { bytes } = translation({ stream: true }).jsonAsStream(Buffer.from(JSON.stringify(body)));
    expect(accumulate(payloads(bytes)).choices).toMatchObject([{ message: { reasoning_content: 'hm', content: '4' } }]);
  });

  it('shows no usage to a client who did not ask, and reads it all the same', () => {
    const body = Buffer.from(JSON.stringify(answers[0]![1]));
    const answer = translation({ stream: true }).jsonAsStream(body);
    expect(answer.bytes.toString()).not.toContain('usage');
    expect(answer.usage).toMatchObject({ input: 20, output: 12 });
  });

  it('A9: throws the error inside a 200', () => {
    const body = Buffer.from(JSON.stringify({ error: { code: 429, message: 'slow' } }));
    expect(failureOf(() => translation({ stream: true }).jsonAsStream(body)).reason).toBe('rate_limit');
  });
});

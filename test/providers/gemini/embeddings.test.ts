import { describe, expect, it } from 'vitest';
import type { Target, Translation } from '../../../providers/provider.ts';
import { bytesOf, expectAccepted, failureOf, refusedParam, targetOf, translationOf, vertexOf } from './support.ts';

type Json = Record<string, unknown>;

const model = 'gemini-embedding-001';
const target = targetOf(model);
const embedding = { operation: 'embeddings' } as const;
const asked = (body: object, at: Target = target) => translationOf(body, at, embedding);
const sentBy = (translation: Pick<Translation, 'request'>) => JSON.parse(translation.request.body!.toString()) as Json;
const answer = (translation: Translation, body: unknown) => {
  const { bytes, usage } = translation.json(bytesOf(body));
  return { body: JSON.parse(bytes.toString()) as { data: { embedding: unknown; index: number }[] } & Json, usage };
};
const values = [0.6, 0.8];

describe('an embeddings request', () => {
  it('is embedContent for one text', () => {
    const translation = asked({ input: 'Hello', dimensions: 768, user: 'u' });
    expect(translation.request.path).toBe(`/v1beta/models/${model}:embedContent`);
    expect(sentBy(translation)).toEqual({ content: { parts: [{ text: 'Hello' }] }, outputDimensionality: 768 });
    expect(translation.ignored).toEqual(['user']);
    expectAccepted(translation.request.path, sentBy(translation));
  });

  it('is batchEmbedContents for several, each with the model’s name', () => {
    const translation = asked({ input: ['a', 'b'] });
    expect(translation.request.path).toBe(`/v1beta/models/${model}:batchEmbedContents`);
    expect(sentBy(translation)).toEqual({
      requests: ['a', 'b'].map((text) => ({ model: `models/${model}`, content: { parts: [{ text }] } })),
    });
    expectAccepted(translation.request.path, sentBy(translation));
  });

  it('carries the options of the provider', () => {
    const google = { task_type: 'RETRIEVAL_DOCUMENT', title: 'T' };
    const { requests } = sentBy(asked({ input: ['a', 'b'], google })) as { requests: Json[] };
    expect(requests[1]).toMatchObject({ taskType: 'RETRIEVAL_DOCUMENT', title: 'T' });
    expect(sentBy(asked({ input: 'a', extra_body: { google: { taskType: 'CLUSTERING' } } }))).toMatchObject({
      taskType: 'CLUSTERING',
    });
  });

  it.each([
    ['token ids', { input: [1, 2] }, 'input'],
    ['lists of token ids', { input: [[1], [2]] }, 'input'],
    ['an empty text', { input: ['a', ''] }, 'input'],
    ['an empty list', { input: [] }, 'input'],
    ['nothing', {}, 'input'],
    ['a number', { input: 5 }, 'input'],
    ['more than 2048 texts', { input: Array.from({ length: 2049 }, () => 'a') }, 'input'],
    ['a format that is not known', { input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    ['half a dimension', { input: 'a', dimensions: 1.5 }, 'dimensions'],
    ['an option that is not known', { input: 'a', google: { tasktype: 'X' } }, 'google.tasktype'],
    ['options that are none', { input: 'a', google: 1 }, 'google'],
  ])('is refused for %s', (_name, body, param) => {
    expect(refusedParam(body, target, embedding)).toBe(param);
  });

  it('tells who sends token ids what to do instead', () => {
    expect(failureOf(() => asked({ input: [[1, 2]] })).message).toMatch(/token ids.*check_embedding_ctx_length/);
  });

  it('has every parameter take effect where the caller wants that', () => {
    expect(refusedParam({ input: 'a', user: 'u' }, target, { ...embedding, requireParameters: true })).toBe('user');
  });

  it('asks for the configured length, and for no other', () => {
    const fixed = targetOf(model, undefined, { dimensions: 2 });
    expect(sentBy(asked({ input: 'a' }, fixed))).toMatchObject({ outputDimensionality: 2 });
    expect(refusedParam({ input: 'a', dimensions: 3 }, fixed, embedding)).toBe('dimensions');
    expect(failureOf(() => answer(asked({ input: 'a' }, fixed), { embedding: { values: [1, 0, 0] } })).reason).toBe('protocol');
    expect(answer(asked({ input: 'a' }, fixed), { embedding: { values } }).body.data[0]!.embedding).toEqual(values);
  });
});

describe('an embeddings answer', () => {
  it('is OpenAI’s, in the order of the texts', () => {
    const { body, usage } = answer(asked({ input: ['a', 'bc'] }), { embeddings: [{ values }, { values: [1, 0] }] });
    expect(body).toEqual({
      object: 'list',
      data: [
        { object: 'embedding', index: 0, embedding: values },
        { object: 'embedding', index: 1, embedding: [1, 0] },
      ],
      model,
      usage: { prompt_tokens: 2, total_tokens: 2 },
    });
    expect(usage).toBeNull();
  });

  it('is brought to length 1', () => {
    const { body } = answer(asked({ input: 'a' }), { embedding: { values: [0.3, 0.4] } });
    expect(body.data[0]!.embedding).toEqual([0.6, 0.8]);
    expect(answer(asked({ input: 'a' }), { embedding: { values: [0, 0] } }).body.data[0]!.embedding).toEqual([0, 0]);
  });

  it('is base64 of little-endian floats where that was asked for', () => {
    const { body } = answer(asked({ input: 'a', encoding_format: 'base64' }), { embedding: { values: [3, 4] } });
    const bytes = Buffer.from(body.data[0]!.embedding as string, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });

  it('has the usage that Vertex AI names', () => {
    const { body, usage } = answer(asked({ input: 'a' }), { embedding: { values }, usageMetadata: { promptTokenCount: 11 } });
    expect(usage).toEqual({ input: 11 });
    expect(body.usage).toEqual({ prompt_tokens: 11, total_tokens: 11 });
  });

  it.each([
    ['A9: an error', { error: { code: 503, message: 'overloaded', status: 'UNAVAILABLE' } }, 'overloaded'],
    ['A12: nothing', {}, 'protocol'],
    ['A12: too few', { embeddings: [] }, 'protocol'],
    ['A12: no numbers', { embedding: { values: ['x'] } }, 'protocol'],
    ['A12: numbers that are none', { embedding: { values: [null] } }, 'protocol'],
    ['A12: no values', { embedding: {} }, 'protocol'],
  ])('is a failure for %s', (_name, body, reason) => {
    expect(failureOf(() => answer(asked({ input: 'a' }), body)).reason).toBe(reason);
  });

  it('is no stream', () => {
    expect(asked({ input: 'a' }).stream().failure?.reason).toBe('protocol');
    expect(failureOf(() => asked({ input: 'a' }).jsonAsStream(Buffer.from('{}'))).reason).toBe('protocol');
  });
});

describe('more texts than one request takes', () => {
  const input = Array.from({ length: 250 }, (_, at) => `text ${at}`);
  const vector = (at: number) => [Math.cos(at), Math.sin(at)];

  it('are asked for in several requests and answered as one', () => {
    const translation = asked({ input });
    const sizes: number[] = [];
    let { request } = translation;
    let sent = 0;
    for (;;) {
      const { requests } = JSON.parse(request.body!.toString()) as { requests: { content: { parts: { text: string }[] } }[] };
      expectAccepted(request.path, { requests });
      expect(requests[0]!.content.parts[0]!.text).toBe(`text ${sent}`);
      const reply = bytesOf({ embeddings: requests.map((_, at) => ({ values: vector(sent + at) })) });
      sizes.push(requests.length);
      sent += requests.length;
      const next = translation.next!(reply);
      if (next !== null) {
        request = next;
        continue;
      }
      const { data } = JSON.parse(translation.json(reply).bytes.toString()) as { data: { index: number; embedding: number[] }[] };
      expect(sizes).toEqual([100, 100, 50]);
      expect(data.map((each) => each.index)).toEqual(input.map((_, at) => at));
      expect(data.map((each) => each.embedding[0])).toEqual(input.map((_, at) => vector(at)[0]));
      return;
    }
  });

  it('fail with the part that fails', () => {
    const translation = asked({ input });
    expect(failureOf(() => translation.next!(bytesOf({ embeddings: [{ values }] }))).reason).toBe('protocol');
  });

  it('are one at a time on Vertex AI', () => {
    const translation = asked({ input: ['a', 'b'] }, targetOf('gemini-embedding-2', vertexOf()));
    expect(translation.request.path).toMatch(/gemini-embedding-2:embedContent$/);
    const next = translation.next!(bytesOf({ embedding: { values }, usageMetadata: { promptTokenCount: 1 } }))!;
    expect(JSON.parse(next.body!.toString())).toEqual({ content: { parts: [{ text: 'b' }] } });
    const last = bytesOf({ embedding: { values }, usageMetadata: { promptTokenCount: 2 } });
    expect(translation.next!(last)).toBeNull();
    expect(translation.json(last).usage).toEqual({ input: 3 });
  });
});

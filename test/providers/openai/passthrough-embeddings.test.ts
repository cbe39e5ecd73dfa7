import { describe, expect, it } from 'vitest';
import { translateSameDialect } from '../../../providers/openai/passthrough/index.ts';
import type { Target } from '../../../providers/provider.ts';
import { decodeVector, encodeVector } from '../../../providers/wire/vectors.ts';
import { callOf, eventOf, targetOf } from '../support.ts';

const vector = [0.5, -1.25, 3];
const base64 = Buffer.from(new Float32Array(vector).buffer).toString('base64');
const answer = (...embeddings: unknown[]) => ({
  object: 'list',
  data: embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding })),
  model: 'e1',
  usage: { prompt_tokens: 4, total_tokens: 4 },
});

function translation(body: object, target: Partial<Target> = {}) {
  return translateSameDialect(callOf({ model: 'm', ...body }, { operation: 'embeddings' }), targetOf({}, target))!;
}

function ask(body: object, upstream: unknown, target: Partial<Target> = {}) {
  return translation(body, target).json(Buffer.from(JSON.stringify(upstream)));
}

const first = (bytes: Buffer) => JSON.parse(bytes.toString()).data[0].embedding;

describe('embeddings', () => {
  it.each([
    ['floats', 'float', vector],
    ['floats by default', undefined, vector],
    ['base64', 'base64', base64],
  ])('passes %s untouched when that is what was asked', (_name, encoding_format, embedding) => {
    const bytes = Buffer.from(`${JSON.stringify(answer(embedding), null, 1)} `);
    expect(translation({ input: 'x', encoding_format }).json(bytes).bytes).toBe(bytes);
  });

  it('turns floats into little-endian base64 for a client who asked for it', () => {
    const { bytes } = ask({ input: 'x', encoding_format: 'base64' }, answer(vector));
    expect(first(bytes)).toBe(base64);
    expect(JSON.parse(bytes.toString())).toMatchObject({
      object: 'list',
      model: 'e1',
      usage: { prompt_tokens: 4 },
      data: [{ index: 0 }],
    });
  });

  it.each([undefined, null, 'float'])('turns base64 into floats for a client who asked for %s', (encoding_format) => {
    expect(first(ask({ input: 'x', encoding_format }, answer(base64)).bytes)).toEqual(vector);
  });

  it('reads usage and model', () => {
    expect(ask({ input: 'x' }, answer(vector))).toMatchObject({ usage: { input: 4 }, model: 'e1' });
  });

  it('A12: has no usage when there is none that can be read', () => {
    for (const usage of [undefined, null, { prompt_tokens: -1 }])
      expect(ask({ input: 'x' }, { ...answer(vector), usage }).usage).toBeNull();
  });

  it('refuses vectors of another length than the target is configured with', () => {
    for (const embedding of [vector, base64]) {
      expect(() => ask({ input: 'x' }, answer(embedding), { dimensions: 4 })).toThrow(/length 3.*dimensions 4/);
      expect(ask({ input: 'x' }, answer(embedding), { dimensions: 3 }).model).toBe('e1');
    }
  });

  it.each([
    ['a text', 'x', 1],
    ['texts', ['x', 'y'], 2],
    ['tokens', [1, 2, 3], 1],
    ['lists of tokens', [[1], [2, 3]], 2],
  ])('wants one vector for each of %s', (_name, input, count) => {
    expect(ask({ input }, answer(...Array(count).fill(vector))).model).toBe('e1');
    expect(() => ask({ input }, answer(...Array(count + 1).fill(vector)))).toThrow(/embeddings for/);
  });

  it.each([
    [{ error: { message: 'no', code: 429 } }, 'rate_limit'],
    [{ data: null }, 'protocol'],
    [answer(null), 'protocol'],
    [answer([]), 'protocol'],
    [{ data: [null] }, 'protocol'],
    [answer('AAA='), 'protocol'],
    [answer(''), 'protocol'],
  ])('A9, A12: refuses %j', (upstream, reason) => {
    expect(() => ask({ input: 'x' }, upstream)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ reason }) }),
    );
  });

  it('refuses values that are no numbers when it has to convert them', () => {
    expect(() => ask({ input: 'x', encoding_format: 'base64' }, answer([1, 'x']))).toThrow(/no number/);
  });

  it('has no streamed form', () => {
    const stream = translation({ input: 'x' }).stream();
    expect(stream.push(eventOf('[DONE]'))).toBeNull();
    expect(stream.failure?.reason).toBe('protocol');
    expect(() => translation({ input: 'x' }).aggregate().result()).toThrow(/event stream/);
    expect(() => translation({ input: 'x' }).jsonAsStream(Buffer.from('{}'))).toThrow(/event stream/);
  });

  it('vectors survive both directions', () => {
    expect(decodeVector(encodeVector(vector))).toEqual(vector);
    expect(encodeVector(vector)).toBe(base64);
  });
});

import { describe, expect, it } from 'vitest';
import { chat, json, post } from './sandbox-ask.ts';

describe('sandbox/embed', () => {
  const embed = (more: Record<string, unknown>) => post('/embeddings', { model: 'embed', input: 'hello', ...more });
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

  it('makes unit vectors of 1536 numbers, the same for the same text', () => {
    const { data, object, usage } = json(embed({ input: ['hello', 'world', 'hello'] }));
    expect([object, data.length, data[0].embedding.length]).toEqual(['list', 3, 1536]);
    for (const { embedding } of data) expect(norm(embedding)).toBeCloseTo(1, 5);
    expect(data[0].embedding).toEqual(data[2].embedding);
    expect(data[0].embedding).not.toEqual(data[1].embedding);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('gives base64 as the little-endian float32 values of the same vector', () => {
    const bytes = Buffer.from(json(embed({ encoding_format: 'base64' })).data[0].embedding, 'base64');
    const values = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(at * 4));
    expect(values).toEqual(json(embed({})).data[0].embedding);
  });

  it('makes vectors of the length asked for, still of length 1', () => {
    const [{ embedding }] = json(embed({ dimensions: 7 })).data;
    expect([embedding.length, norm(embedding)]).toEqual([7, expect.closeTo(1, 5)]);
  });

  it('takes token ids', () => {
    expect(json(embed({ input: [1, 2, 3] })).data).toHaveLength(1);
    expect(json(embed({ input: [[1, 2], [3]] })).usage.prompt_tokens).toBe(3);
  });

  it.each([
    [{ input: '' }],
    [{ input: [] }],
    [{ input: [''] }],
    [{ input: 5 }],
    [{ dimensions: 0 }],
    [{ encoding_format: 'hex' }],
  ])('refuses %j', (more) => {
    const reply = embed(more);
    expect([reply.status, json(reply).error.param]).toEqual([400, Object.keys(more)[0]]);
  });

  it('does not chat, and the others make no embeddings', () => {
    expect(chat('embed').status).toBe(400);
    expect(post('/embeddings', { model: 'echo', input: 'x' }).status).toBe(400);
  });
});

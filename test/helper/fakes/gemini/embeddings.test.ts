import { expect, test } from 'vitest';
import { ask, type Json, start } from './asking.ts';

test.each<[string, Json, Json, string]>([
  [
    'at most 100 items',
    { length: 100 },
    { length: 101 },
    '* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch\n',
  ],
  [
    'the prefix in every item',
    {},
    { model: 'gemini-embedding-001' },
    '* BatchEmbedContentsRequest.requests[0].model: unexpected model name format\n',
  ],
  [
    'the model in every item',
    {},
    { model: undefined },
    '* BatchEmbedContentsRequest.requests[0].model: model is not specified\n',
  ],
  [
    'one model',
    {},
    { model: 'models/gemini-embedding-2' },
    '* BatchEmbedContentsRequest.requests[0].model: model must be the same as in the batch request\n',
  ],
  ['content', {}, { content: undefined }, '* BatchEmbedContentsRequest.requests[0].content: content is not specified\n'],
  [
    'titles of documents only',
    { title: 't', taskType: 'RETRIEVAL_DOCUMENT' },
    { title: 't', taskType: 'RETRIEVAL_QUERY' },
    '* BatchEmbedContentsRequest.requests[0].title: title can only be set for the task type RETRIEVAL_DOCUMENT.\n',
  ],
  ['an item', {}, { length: 0 }, '* BatchEmbedContentsRequest.requests: requests is not specified\n'],
  ['text', {}, { content: { parts: [{ text: '' }] } }, '* BatchEmbedContentsRequest.requests[0].content: content is empty\n'],
  [
    'known dimensions',
    { outputDimensionality: 3072 },
    { outputDimensionality: 3073 },
    '* BatchEmbedContentsRequest.requests[0].output_dimensionality: output_dimensionality must be in the range [1, 3072].\n',
  ],
])('batches of embeddings have %s', async (_case, accepted, refused, message) => {
  const fake = await start();
  const send = ({ length = 1, ...more }: Json) => {
    const item = { model: 'models/gemini-embedding-001', content: { parts: [{ text: 'x' }] }, ...more };
    return ask(fake, 'POST', '/models/gemini-embedding-001:batchEmbedContents', { requests: Array.from({ length }, () => item) });
  };
  expect((await send(accepted)).json.embeddings).toHaveLength((accepted.length as number | undefined) ?? 1);
  expect((await send(refused)).json.error.message).toBe(message);
});

test('whole embeddings have length 1, shortened ones only where the model normalises them', async () => {
  const fake = await start();
  const norm = async (model: string, outputDimensionality?: number) => {
    const { json } = await ask(fake, 'POST', `/models/${model}:embedContent`, {
      content: { parts: [{ text: 'x' }] },
      outputDimensionality,
    });
    return Math.hypot(...(json.embedding.values as number[]));
  };
  expect(await norm('gemini-embedding-001')).toBeCloseTo(1, 4);
  expect(await norm('gemini-embedding-001', 768)).toBeLessThan(0.7);
  expect(await norm('gemini-embedding-2', 768)).toBeCloseTo(1, 4);
});

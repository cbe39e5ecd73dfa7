import { expect, test } from 'vitest';
import { errorBody } from '../helper/chat.ts';
import { opened } from '../helper/cleanup.ts';
import { startGateway } from '../helper/gateway.ts';
import { neverOpen, provider } from '../helper/overlay.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// Vectors of different models cannot be compared: an index built with one must never meet answers of another.

const vectors = (values: readonly number[]) =>
  json(200, {
    object: 'list',
    data: [{ object: 'embedding', index: 0, embedding: values }],
    model: 'e',
    usage: { prompt_tokens: 2, total_tokens: 2 },
  });

async function setUp(second: object) {
  const broken = opened(await startUpstream(json(500, errorBody('broken'))));
  const other = opened(await startUpstream(vectors([1, 2])));
  const gateway = await startGateway({
    overlay: {
      providers: { broken: provider(broken.url), other: provider(other.url) },
      models: {
        e: {
          strategy: 'priority',
          targets: [
            { provider: 'broken', model: 'embed-1', dimensions: 2 },
            { provider: 'other', ...second },
          ],
        },
      },
      health: neverOpen,
    },
  });
  const reply = await fetch(`${gateway.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'e', input: 'x', encoding_format: 'float' }),
  });
  return { reply, other };
}

test('embeddings fail over to a target with the same model and dimensions', async () => {
  const { reply } = await setUp({ model: 'embed-1', dimensions: 2 });
  expect(reply.status).toBe(200);
  expect(reply.headers.get('x-postern-provider')).toBe('other');
});

test.each([
  ['another model', { model: 'embed-2', dimensions: 2 }],
  ['other dimensions', { model: 'embed-1', dimensions: 3 }],
])('embeddings never fail over to %s', async (_name, second) => {
  const { reply, other } = await setUp(second);
  expect(reply.status).toBe(502);
  expect(other.calls).toHaveLength(0);
});

test.each([
  ['another model', { model: 'embed-2', dimensions: 2 }, 429],
  ['other dimensions', { model: 'embed-1', dimensions: 3 }, 429],
  ['the same vectors', { model: 'embed-1', dimensions: 2 }, 200],
])('embeddings are not begun by a fallback with %s while the targets of the model are out', async (_name, second, status) => {
  const limited = opened(await startUpstream(json(429, errorBody('slow down'), { 'retry-after': '60' })));
  const other = opened(await startUpstream(vectors([1, 2])));
  const gateway = await startGateway({
    overlay: {
      providers: { limited: provider(limited.url), other: provider(other.url) },
      models: {
        e: { targets: [{ provider: 'limited', model: 'embed-1', dimensions: 2 }], fallbacks: ['spare'] },
        spare: { targets: [{ provider: 'other', ...second }] },
      },
    },
  });
  const embed = () =>
    fetch(`${gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'e', input: 'x', encoding_format: 'float' }),
    });
  await embed();
  // The target rests now: nothing is sent to it, so nothing says which space the call is in.
  const before = limited.calls.length;
  const reply = await embed();
  expect([limited.calls.length - before, reply.status]).toEqual([0, status]);
  expect(other.calls.length > 0).toBe(status === 200);
});

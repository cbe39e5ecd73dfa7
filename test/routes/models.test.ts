import OpenAI from 'openai';
import { beforeAll, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../helper/gateway.ts';

const secret = 'kR8vQ2mN5tX9wB3cF7hJ';
const down = 'http://127.0.0.1:9/v1';

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway({
    overlay: {
      management: { admin_api_key: 'admin-key-0123456789abcdef' },
      keys: { all: { secret }, some: { secret: 'zL4pS7dG1jM6vY0uA8eC', models: ['small'] } },
      providers: {
        vendor: { type: 'openai', api_key: 'sk-abcdef', base_url: down, model_info: { 'gpt-4o': { max_output_tokens: 1000 } } },
        local: {
          type: 'openai-compatible',
          base_url: down,
          models: ['llama', 'bare'],
          model_info: { llama: { input: ['text'], tools: false } },
        },
      },
      models: {
        small: { targets: [{ provider: 'local', model: 'llama' }] },
        mixed: {
          targets: [
            { provider: 'local', model: 'llama' },
            { provider: 'vendor', model: 'gpt-4o' },
          ],
        },
      },
      prices: {
        'local/ll*': { input: 0.075, output: 0.3, tiers: [{ above: 1000, input: 0.15 }] },
      },
    },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
});

const builtin = { source: 'builtin', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) };
const own = { input: 0.075, output: 0.3, tiers: [{ above: 1000, input: 0.15, output: 0.3 }], source: 'config' };

describe('GET /v1/models/{id}', () => {
  test('shows limits, abilities and prices, through the official SDK too', async () => {
    const model = await client.models.retrieve('vendor/gpt-4o');
    expect(model).toMatchObject({
      id: 'vendor/gpt-4o',
      object: 'model',
      owned_by: 'openai',
      context_window: 128_000,
      max_output_tokens: 1000,
      input_modalities: ['text', 'image', 'file'],
      output_modalities: ['text'],
      operations: ['chat', 'responses'],
      capabilities: { tools: true, structured_output: true, reasoning: false, sampling: true },
      prices: { input: 2.5, cached: 1.25, output: 10, web_search: 10_000, ...builtin },
    });
    expect(Number.isInteger(model.created)).toBe(true);
    expect(model).not.toHaveProperty('targets');
  });

  test('shows the same for a bare id', async () => {
    const { id, ...same } = await client.models.retrieve('gpt-4o');
    expect([id, same]).toEqual(['gpt-4o', { ...(await client.models.retrieve('vendor/gpt-4o')), id: undefined }]);
  });

  test('says nothing of what is not known, and null for a price that is not', async () => {
    expect(await client.models.retrieve('local/bare')).toEqual({
      id: 'local/bare',
      object: 'model',
      created: 0,
      owned_by: 'local',
      prices: null,
    });
  });

  test('shows a configured price with its tiers, and a configured model by its target', async () => {
    expect(await client.models.retrieve('small')).toMatchObject({
      id: 'small',
      owned_by: 'postern',
      input_modalities: ['text'],
      capabilities: { tools: false },
      prices: own,
    });
  });

  test('shows what one of several targets can do, and the price of each', async () => {
    const model = await client.models.retrieve('mixed');
    expect(model).toMatchObject({
      input_modalities: ['text', 'image', 'file'],
      capabilities: { tools: true },
      targets: [
        { id: 'local/llama', prices: own },
        { id: 'vendor/gpt-4o', prices: { input: 2.5, ...builtin } },
      ],
    });
    expect(model).not.toHaveProperty('prices');
  });

  test('is a 404 for a model that does not exist or that the key may not use', async () => {
    const other = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'zL4pS7dG1jM6vY0uA8eC', maxRetries: 0 });
    expect((await other.models.retrieve('small')).id).toBe('small');
    await expect(other.models.retrieve('mixed')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    await expect(client.models.retrieve('nothing/at-all')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });
});

test('GET /v1/models stays lean', async () => {
  const { data } = await client.models.list();
  expect(data.length).toBeGreaterThan(50);
  for (const model of data) expect(Object.keys(model)).toEqual(['id', 'object', 'created', 'owned_by']);
});

test('every model of the list is found alone', async () => {
  const { data } = await client.models.list();
  for (const { id } of data.slice(0, 100)) expect((await client.models.retrieve(id)).id).toBe(id);
});

test('GET /admin/v1/models shows the same, and the price of each target', async () => {
  const answer = await fetch(`${gateway.managementUrl}/admin/v1/models?limit=200`, {
    headers: { authorization: 'Bearer admin-key-0123456789abcdef' },
  });
  const { data } = (await answer.json()) as { data: { id: string }[] };
  expect(data.find(({ id }) => id === 'mixed')).toMatchObject({
    context_window: null,
    input_modalities: ['text', 'image', 'file'],
    targets: [
      { model: 'llama', prices: own },
      { model: 'gpt-4o', prices: { output: 10 } },
    ],
  });
  expect(data.find(({ id }) => id === 'vendor/gpt-4o')).toMatchObject({ context_window: 128_000, prices: { cached: 1.25 } });
  expect(data.find(({ id }) => id === 'local/bare')).toMatchObject({ context_window: null, prices: null });
});

test('the sandbox is known to cost nothing', async () => {
  const { url } = await startGateway();
  const answer = await fetch(`${url}/v1/models/sandbox%2Fecho`);
  expect(await answer.json()).toMatchObject({ id: 'sandbox/echo', prices: { input: 0, output: 0, source: 'sandbox' } });
});

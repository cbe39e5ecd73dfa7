import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { providerTypes } from '../../providers/index.ts';
import { playwright } from '../fixtures/dialect/index.ts';
import { startGateway } from '../helper/gateway.ts';
import { json, sse } from '../helper/replies.ts';
import { type Script, startUpstream } from '../helper/upstream.ts';

// A dialect that nothing in the project knows of: its folder is registered, and every route, stream, error and ledger row works.

async function stage(script: Script) {
  const upstream = await startUpstream(script);
  const gateway = await startGateway({
    types: [...providerTypes, playwright],
    overlay: { providers: { theatre: { type: 'playwright', base_url: upstream.url } } },
  });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { upstream, gateway, client };
}

const tools = [{ type: 'function' as const, function: { name: 'bow', parameters: { type: 'object' } } }];
const messages = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'Bow.' },
];

it('a new dialect answers the official SDK: request, tool call, usage, ledger', async () => {
  const { upstream, gateway, client } = await stage(
    json(200, { pieces: ['I bow.', { verb: 'bow', with: '{"deep":true}' }], read: 7, spoken: 5 }),
  );
  const reply = await client.chat.completions.create({
    model: 'theatre/hamlet',
    messages,
    tools,
    temperature: 0.25,
    user: 'u',
    ...{ playwright: { acts: 3 } },
  });
  expect(reply).toMatchObject({
    object: 'chat.completion',
    model: 'hamlet',
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        message: {
          role: 'assistant',
          content: 'I bow.',
          tool_calls: [{ id: 'tag-1', type: 'function', function: { name: 'bow', arguments: '{"deep":true}' } }],
        },
      },
    ],
    usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
  });
  const [seen] = upstream.calls;
  expect(seen!.path).toBe('/v1/perform/hamlet');
  expect(JSON.parse(seen!.body.toString())).toEqual({
    script: [
      { who: 'stage', says: ['Be brief.'] },
      { who: 'person', says: ['Bow.'] },
    ],
    verbs: ['bow'],
    heat: 0.25,
    aloud: false,
    playwright: { acts: 3 },
  });
  const [row] = await gateway.ledgerRows(1);
  expect(row).toMatchObject({ provider: 'theatre', target: 'hamlet', outcome: 'ok' });
});

it('a new dialect streams', async () => {
  const events = ['"I "', '"bow."', '{"verb":"bow","with":"{}"}'].map((data) => `data: ${data}`);
  const { client } = await stage(sse([...events, 'event: curtain\ndata: {"read":7,"spoken":5}']));
  const stream = client.chat.completions.stream({
    model: 'theatre/hamlet',
    messages,
    tools,
    stream_options: { include_usage: true },
  });
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: { content: 'I bow.', tool_calls: [{ function: { name: 'bow', arguments: '{}' } }] },
  });
  expect(final.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 5 });
});

it('S7: a stream of a new dialect that ends early is an error to the SDK', async () => {
  const { client } = await stage(sse(['data: "I "']));
  const stream = client.chat.completions.stream({ model: 'theatre/hamlet', messages });
  await expect(stream.finalChatCompletion()).rejects.toThrow(/ended its answer before it was complete/);
});

it('a field that the dialect cannot say is refused by its name, one without effect is a warning', async () => {
  const { upstream, gateway, client } = await stage(json(200, { pieces: ['x'], read: 1, spoken: 1 }));
  await expect(client.chat.completions.create({ model: 'theatre/hamlet', messages, n: 2 })).rejects.toMatchObject({
    status: 400,
    param: 'n',
  });
  await expect(
    client.chat.completions.create({ model: 'theatre/hamlet', messages, tools, tool_choice: 'required' }),
  ).rejects.toMatchObject({ status: 400, param: 'tool_choice' });
  expect(upstream.calls).toHaveLength(0);
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'theatre/hamlet', messages, user: 'u', seed: 1 }),
  });
  expect(reply.headers.get('x-postern-warnings')).toBe('dropped=user, dropped=seed');
});

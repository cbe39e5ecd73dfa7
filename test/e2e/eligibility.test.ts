import { expect, it } from 'vitest';
import { startFakeAnthropic, startFakeGemini } from '../helper/fakes/index.ts';
import { startGateway } from '../helper/gateway.ts';
import { json } from '../helper/replies.ts';
import { startUpstream } from '../helper/upstream.ts';

// No request goes to a target that cannot take it: another one of the model answers, or the caller hears what does not fit.

const reply = {
  id: 'x',
  object: 'chat.completion',
  created: 1,
  model: 'plain',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'plain' } }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
};

async function rig() {
  const anthropic = await startFakeAnthropic();
  const gemini = await startFakeGemini();
  const plain = await startUpstream(json(200, reply));
  const gateway = await startGateway({
    overlay: {
      providers: {
        anthropic: { type: 'anthropic', base_url: anthropic.url, api_key: anthropic.apiKey },
        lenient: { type: 'anthropic', base_url: anthropic.url, api_key: anthropic.apiKey, unsupported_params: 'drop' },
        gemini: { type: 'gemini', base_url: gemini.url, api_key: gemini.apiKey },
        plain: {
          type: 'openai-compatible',
          base_url: plain.url,
          model_info: { small: { context_window: 100, input: ['text'], tools: false }, 'blind-*': { input: ['text'] } },
        },
      },
      models: {
        either: {
          strategy: 'priority',
          targets: [
            { provider: 'anthropic', model: 'claude-haiku-4-5' },
            { provider: 'plain', model: 'any' },
          ],
        },
        small: {
          strategy: 'priority',
          targets: [
            { provider: 'plain', model: 'small' },
            { provider: 'gemini', model: 'gemini-2.5-flash' },
          ],
        },
      },
    },
  });
  const ask = async (body: object) => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hi' }], ...body }),
    });
    const document = (await answer.json()) as { error?: { code: string; param: string; message: string } };
    return {
      status: answer.status,
      headers: answer.headers,
      error: document.error,
      provider: answer.headers.get('x-postern-provider'),
    };
  };
  return { anthropic, gemini, plain, ask };
}

const sound = [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }] }];

it('a target that cannot say what the call asks is passed over, without a send', async () => {
  const { anthropic, ask } = await rig();
  expect(await ask({ model: 'either', logit_bias: { 5: 1 } })).toMatchObject({ status: 200, provider: 'plain' });
  expect(await ask({ model: 'either', n: 2 })).toMatchObject({ status: 200, provider: 'plain' });
  expect(await ask({ model: 'either', messages: sound })).toMatchObject({ status: 200, provider: 'plain' });
  expect(anthropic.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  expect(await ask({ model: 'either', temperature: 0.5 })).toMatchObject({ status: 200, provider: 'anthropic' });
});

it('a target that is known to be too small, blind or without tools is passed over', async () => {
  const { plain, ask } = await rig();
  const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }] }];
  const tools = [
    { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: { a: { type: 'string' } } } } },
  ];
  for (const more of [{ messages: image }, { tools }, { messages: [{ role: 'user', content: 'word '.repeat(500) }] }])
    expect(await ask({ model: 'small', ...more })).toMatchObject({ status: 200, provider: 'gemini' });
  expect(plain.calls.filter(({ method }) => method === 'POST')).toEqual([]);
  expect(await ask({ model: 'small' })).toMatchObject({ status: 200, provider: 'plain' });
});

it('with no target left the caller hears what does not fit, and nothing was sent', async () => {
  const { plain, ask } = await rig();
  expect(await ask({ model: 'plain/blind-1', messages: sound })).toMatchObject({ status: 400, error: { param: 'messages' } });
  expect(await ask({ model: 'plain/small', messages: [{ role: 'user', content: 'word '.repeat(500) }] })).toMatchObject({
    status: 400,
    error: { code: 'context_length_exceeded' },
  });
  expect(await ask({ model: 'anthropic/claude-haiku-4-5', n: 3 })).toMatchObject({ status: 400, error: { param: 'n' } });
  expect(plain.calls.filter(({ method }) => method === 'POST')).toEqual([]);
});

it('unsupported_params: drop leaves it out and says so', async () => {
  const { anthropic, ask } = await rig();
  const answer = await ask({
    model: 'lenient/claude-haiku-4-5',
    logit_bias: { 5: 1 },
    prediction: { type: 'content', content: 'x' },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-postern-warnings')).toBe('dropped=logit_bias, dropped=prediction');
  expect(JSON.stringify(anthropic.requests.at(-1)!.body)).not.toContain('logit_bias');
});

it('gateway.require_parameters: only a target where every parameter has its effect', async () => {
  const { ask } = await rig();
  const gateway = { require_parameters: true };
  expect(await ask({ model: 'either', seed: 7 })).toMatchObject({ status: 200, provider: 'anthropic' });
  const required = await ask({ model: 'either', seed: 7, gateway });
  expect(required).toMatchObject({ status: 200, provider: 'plain' });
  expect(required.headers.get('x-postern-warnings')).toBeNull();
  expect(await ask({ model: 'lenient/claude-haiku-4-5', seed: 7, gateway })).toMatchObject({
    status: 400,
    error: { param: 'seed' },
  });
});

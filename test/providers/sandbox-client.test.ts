import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { serve } from '../../providers/sandbox/serve.ts';

/** The SDK over the sandbox, without a socket. */
const client = new OpenAI({
  apiKey: 'none',
  baseURL: 'http://sandbox.test/v1',
  maxRetries: 0,
  fetch: async (url, init) => {
    const reply = serve({
      method: init?.method === 'GET' ? 'GET' : 'POST',
      path: new URL(String(url)).pathname,
      headers: {},
      body: typeof init?.body === 'string' ? Buffer.from(init.body) : null,
    });
    const bytes = Buffer.concat([...reply.steps].map((step) => step.bytes ?? Buffer.alloc(0)));
    return new Response(bytes, { status: reply.status, headers: reply.headers });
  },
});
const messages = [{ role: 'user' as const, content: 'Hello there, world' }];

describe('the OpenAI SDK on the sandbox', () => {
  it('reads an answer', async () => {
    const answer = await client.chat.completions.create({ model: 'echo', messages });
    expect(answer.choices[0]?.message.content).toBe('Hello there, world');
  });

  it('puts a stream together, tool calls included', async () => {
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'clock', parameters: { type: 'object', properties: { zone: { type: 'string' } } } },
      },
    ];
    const final = await client.chat.completions.stream({ model: 'tools', messages, tools }).finalChatCompletion();
    expect(final.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { tool_calls: [{ function: { name: 'clock', arguments: '{"zone":"text"}' } }] },
    });
  });

  it('puts a response stream together', async () => {
    const final = await client.responses.stream({ model: 'echo', input: 'Hello there' }).finalResponse();
    expect([final.output_text, final.status]).toEqual(['Hello there', 'completed']);
  });

  it('decodes embeddings, which it asks for as base64', async () => {
    const { data } = await client.embeddings.create({ model: 'embed', input: 'hello', dimensions: 8 });
    expect(data[0]?.embedding.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
  });

  it('throws its own class for an error on demand', async () => {
    await expect(client.chat.completions.create({ model: 'error-429', messages })).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });

  it('lists the models', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toContain('cut');
  });
});

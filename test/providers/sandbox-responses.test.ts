import { describe, expect, it } from 'vitest';
import { events, json, post, textOf } from './sandbox-ask.ts';

describe('sandbox responses', () => {
  const respond = (more: Record<string, unknown>) => post('/responses', { model: 'echo', input: 'Say these words', ...more });
  const weather = { type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };

  it('answers with one message', () => {
    expect(json(respond({}))).toMatchObject({
      object: 'response',
      status: 'completed',
      model: 'echo',
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Say these words', annotations: [] }] },
      ],
      usage: { input_tokens: 3, output_tokens: 3, total_tokens: 6 },
    });
  });

  it('streams named events in order, numbered, ending in response.completed and without [DONE]', () => {
    const text = textOf(respond({ stream: true }));
    const names = [...text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array(3).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const all = events(respond({ stream: true }));
    expect(all.map(({ type }) => type)).toEqual(names);
    expect(all.map(({ sequence_number }) => sequence_number)).toEqual(names.map((_, at) => at));
    expect(all.at(-1).response.output[0].content).toEqual(json(respond({})).output[0].content);
    expect(all.at(-1).response.usage.total_tokens).toBe(6);
  });

  it('calls tools, and answers with their results', () => {
    const tools = { model: 'tools', tools: [weather] };
    expect(json(respond(tools)).output).toMatchObject([
      { type: 'function_call', name: 'weather', arguments: '{"city":"text"}', call_id: expect.stringMatching(/^call_/) },
    ]);
    const names = events(respond({ ...tools, stream: true })).map(({ type }) => type);
    expect(names.slice(2)).toEqual([
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const input = [
      { role: 'user', content: 'Weather?' },
      { type: 'function_call_output', call_id: 'c', output: 'Sunny' },
    ];
    expect(json(respond({ ...tools, input })).output[0].content[0].text).toBe('Sunny');
  });

  it('ends as incomplete at max_output_tokens', () => {
    expect(json(respond({ max_output_tokens: 1 }))).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
    });
    expect(events(respond({ max_output_tokens: 1, stream: true })).at(-1).type).toBe('response.incomplete');
  });

  it('answers with a value of the schema asked for', () => {
    const text = {
      format: {
        type: 'json_schema',
        name: 'x',
        schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
      },
    };
    expect(JSON.parse(json(respond({ text })).output[0].content[0].text)).toEqual({ ok: true });
  });

  it('streams a failure as an error event', () => {
    expect(textOf(respond({ model: 'error-in-200', stream: true }))).toMatch(/^event: error\ndata: {"type":"error"/);
  });
});

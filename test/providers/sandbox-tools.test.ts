import { describe, expect, it } from 'vitest';
import { chat, events, json } from './sandbox-ask.ts';

describe('sandbox/tools', () => {
  const weather = {
    type: 'function',
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
  };
  const clock = { type: 'function', function: { name: 'clock' } };
  const grep = { type: 'custom', custom: { name: 'grep' } };
  const callsOf = (more: Record<string, unknown>) => json(chat('tools', more)).choices[0].message.tool_calls;

  it('calls the first tool with arguments for its schema', () => {
    const choice = json(chat('tools', { tools: [weather, clock] })).choices[0];
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    expect(choice.message.tool_calls).toEqual([
      { id: expect.stringMatching(/^call_/), type: 'function', function: { name: 'weather', arguments: '{"city":"text"}' } },
    ]);
  });

  it('calls the tool that tool_choice names, also from a list of allowed ones', () => {
    const named = { tools: [weather, clock], tool_choice: { type: 'function', function: { name: 'clock' } } };
    const allowed = {
      tools: [weather, clock],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [clock] } },
    };
    for (const more of [named, allowed]) expect(callsOf(more)).toMatchObject([{ function: { name: 'clock', arguments: '{}' } }]);
  });

  it('calls all tools, each with its own id, when calls may be parallel', () => {
    const calls = callsOf({ tools: [weather, clock], parallel_tool_calls: true });
    expect(calls.map((call: { function: { name: string } }) => call.function.name)).toEqual(['weather', 'clock']);
    expect(new Set(calls.map(({ id }: { id: string }) => id)).size).toBe(2);
  });

  it('calls a custom tool with free text', () => {
    expect(callsOf({ tools: [grep] })).toEqual([
      { id: expect.any(String), type: 'custom', custom: { name: 'grep', input: 'text' } },
    ]);
  });

  it('answers instead when it may not call', () => {
    expect(json(chat('tools', { tools: [weather], tool_choice: 'none' })).choices[0].message.content).toBe(
      'Say these five words back',
    );
  });

  it('answers with the content of a tool result', () => {
    const messages = [
      { role: 'user', content: 'Weather?' },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'tool', tool_call_id: 'c', content: 'Sunny, 21 °C' },
    ];
    expect(json(chat('tools', { messages, tools: [weather] })).choices[0]).toMatchObject({
      message: { content: 'Sunny, 21 °C' },
      finish_reason: 'stop',
    });
  });

  it('streams id and name once per call, then arguments, by index', () => {
    const chunks = events(chat('tools', { tools: [weather, clock], parallel_tool_calls: true, stream: true })).slice(0, -1);
    const fragments = chunks.flatMap(({ choices }) => choices[0].delta.tool_calls ?? []);
    expect(fragments.filter(({ id }) => id !== undefined).map(({ index }) => index)).toEqual([0, 1]);
    const args = ['', ''];
    for (const fragment of fragments) args[fragment.index] += fragment.function.arguments;
    expect(args).toEqual(['{"city":"text"}', '{}']);
    expect(chunks.at(-1).choices[0].finish_reason).toBe('tool_calls');
  });
});

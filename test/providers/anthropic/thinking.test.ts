import { describe, expect, it } from 'vitest';
import { blocksOf } from '../../../providers/anthropic/blocks.ts';
import { CallIds } from '../../../providers/anthropic/call-ids.ts';
import type { Kept } from '../../../providers/provider.ts';
import { aggregated, close, delta, ending, open, refusal, sent, sse, start, stop } from './support.ts';

type Json = Record<string, unknown>;

const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }];
const loop = (id = 'toolu_1') => [
  { role: 'user', content: 'hi' },
  {
    role: 'assistant',
    content: 'Looking.',
    tool_calls: [{ id, type: 'function', function: { name: 'weather', arguments: '{}' } }],
  },
  { role: 'tool', tool_call_id: id, content: '9 °C' },
];
const summarized = { type: 'adaptive', display: 'summarized' };

describe('reasoning', () => {
  const cases: readonly (readonly [
    model: string,
    body: Json,
    thinking: unknown,
    config: unknown,
    ignored?: readonly string[],
  ])[] = [
    ['claude-3-5-sonnet-20241022', { reasoning_effort: 'high' }, undefined, undefined, ['reasoning_effort']],
    ['claude-sonnet-4-5', {}, undefined, undefined],
    ['claude-sonnet-4-5', { reasoning_effort: 'none' }, undefined, undefined],
    ['claude-sonnet-4-5', { reasoning_effort: 'minimal' }, { type: 'enabled', budget_tokens: 1024 }, undefined],
    ['claude-opus-4-1-20250805', { reasoning_effort: 'medium' }, { type: 'enabled', budget_tokens: 8192 }, undefined],
    ['claude-3-7-sonnet-20250219', { reasoning_effort: 'high' }, { type: 'enabled', budget_tokens: 16_384 }, undefined],
    ['claude-opus-4-5', { reasoning_effort: 'max' }, { type: 'enabled', budget_tokens: 48_000 }, undefined],
    ['claude-opus-4-6', {}, undefined, undefined],
    ['claude-opus-4-6', { reasoning_effort: 'xhigh' }, { type: 'adaptive' }, { effort: 'high' }],
    ['claude-sonnet-4-6', { reasoning_effort: 'max' }, { type: 'adaptive' }, { effort: 'max' }],
    ['claude-opus-4-8', { reasoning_effort: 'xhigh' }, summarized, { effort: 'xhigh' }],
    ['claude-opus-4-8', { reasoning_effort: 'minimal' }, summarized, { effort: 'low' }],
    ['claude-opus-4-8', { reasoning_effort: 'none' }, undefined, undefined],
    ['claude-opus-5', {}, summarized, undefined],
    ['claude-opus-5', { reasoning_effort: 'none' }, { type: 'disabled' }, undefined],
    ['claude-sonnet-5-5', { reasoning_effort: 'none' }, { type: 'between_tools' }, undefined],
    ['claude-opus-5-5', { reasoning_effort: 'none' }, summarized, { effort: 'low' }, ['reasoning_effort']],
    ['claude-fable-5-2', { reasoning_effort: 'high' }, summarized, { effort: 'high' }],
    ['claude-haiku-5-5', { reasoning_effort: 'low' }, summarized, { effort: 'low' }],
    ['claude-opus-7', {}, summarized, undefined],
  ];
  for (const [model, body, thinking, config, ignored = []] of cases) {
    it(`${model} ${JSON.stringify(body)}: asked for as that model takes it`, () => {
      const { body: upstream, ignored: left } = sent(body, { model });
      expect(upstream.thinking).toEqual(thinking);
      expect(upstream.output_config).toEqual(config);
      expect(left).toEqual(ignored);
    });
  }

  it('stays inside the caller’s limit, which is never raised, and leaves room for the answer', () => {
    const { body } = sent({ reasoning_effort: 'high', max_completion_tokens: 4000 });
    expect(body).toMatchObject({ max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 3000 } });
    const small = sent({ reasoning_effort: 'high', max_completion_tokens: 1300 });
    expect(small.body).toMatchObject({ max_tokens: 1300 });
    expect(small.body.thinking).toBeUndefined();
    expect(small.ignored).toEqual(['reasoning_effort']);
  });

  it('takes the sampling fields the API refuses beside it away, with a note', () => {
    const { body, ignored } = sent({ reasoning_effort: 'low', temperature: 0.3, top_p: 0.5, top_k: 4 });
    expect(body).not.toHaveProperty('temperature');
    expect(body).not.toHaveProperty('top_p');
    expect(body).not.toHaveProperty('top_k');
    expect(ignored).toEqual(['temperature', 'top_p', 'top_k']);
    expect(sent({ reasoning_effort: 'low', top_p: 0.97 }).body.top_p).toBe(0.97);
  });

  it('gives way to a call that has to be made, where it has a budget', () => {
    const { body, ignored } = sent({ reasoning_effort: 'low', tools, tool_choice: 'required' });
    expect(body.tool_choice).toEqual({ type: 'any' });
    expect(body).not.toHaveProperty('thinking');
    expect(ignored).toEqual(['reasoning_effort']);
    const adaptive = sent({ reasoning_effort: 'low', tools, tool_choice: 'required' }, { model: 'claude-opus-4-6' });
    expect(adaptive.body).toMatchObject({ thinking: { type: 'adaptive' }, tool_choice: { type: 'any' } });
  });

  it('gives way to a beginning of the answer', () => {
    const { body, ignored } = sent({
      reasoning_effort: 'low',
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: 'The' },
      ],
    });
    expect(body).not.toHaveProperty('thinking');
    expect(ignored).toEqual(['reasoning_effort']);
  });

  it('is switched off for a turn whose own reasoning is lost, where it has a budget', () => {
    const { body, ignored } = sent({ reasoning_effort: 'low', tools, messages: loop() });
    expect(body).not.toHaveProperty('thinking');
    expect(ignored).toEqual(['reasoning_effort']);
    const adaptive = sent({ reasoning_effort: 'low', tools, messages: loop() }, { model: 'claude-sonnet-4-6' });
    expect(adaptive.body.thinking).toEqual({ type: 'adaptive' });
    const later = [...loop(), { role: 'assistant', content: 'It is cold.' }, { role: 'user', content: 'And now?' }];
    expect(sent({ reasoning_effort: 'low', tools, messages: later }).body.thinking).toBeDefined();
  });
});

describe('a loop of several answers', () => {
  const proof = (id: string): Kept => ({
    id,
    dialect: 'anthropic',
    issuer: 'claude/claude-sonnet-4-5',
    reasoning: [{ type: 'reasoning', text: 'Hm.', signature: 's', dialect: 'anthropic' }],
  });
  const thinkingWith = (...ids: readonly string[]) => {
    const messages = [...loop('one'), ...loop('two').slice(1)];
    const kept = new Map(ids.map((id) => [id, proof(id)]));
    return sent({ reasoning_effort: 'low', tools, messages }, { call: { kept } }).body.thinking;
  };

  it('needs the reasoning it began with: without a beta the model thinks once for all of it', () => {
    expect(thinkingWith('one', 'two')).toBeDefined();
    expect(thinkingWith('one')).toBeDefined();
    expect(thinkingWith('two')).toBeUndefined();
  });
});

describe('signed reasoning', () => {
  const events = (blocks: readonly Json[]) => [
    start(),
    ...blocks,
    open(9, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }),
    close(9),
    ending('tool_use'),
    stop,
  ];
  const thought = [
    open(0, { type: 'thinking', thinking: '', signature: '' }),
    delta(0, { type: 'thinking_delta', thinking: 'Let me ' }),
    delta(0, { type: 'thinking_delta', thinking: 'look.' }),
    delta(0, { type: 'signature_delta', signature: 'sig+1==' }),
    close(0),
  ];
  const silent = [
    open(1, { type: 'thinking', thinking: '', signature: '' }),
    delta(1, { type: 'signature_delta', signature: 'sig+2==' }),
    close(1),
  ];
  const redacted = [open(2, { type: 'redacted_thinking', data: 'cipher==' }), close(2)];
  const text = [open(3, { type: 'text', text: '' }), delta(3, { type: 'text_delta', text: 'Looking.' }), close(3)];

  const keptOf = (model: string, blocks: readonly Json[]): ReadonlyMap<string, Kept> => {
    const { kept = [] } = aggregated(sse(events(blocks)), {}, { model });
    return new Map(kept.map((each) => [each.id, each]));
  };
  const assistantOf = (body: Json) => (body.messages as Json[])[1]!.content;

  it('of an answer comes back unchanged at the beginning of its turn, text or not, redacted or not', () => {
    const model = 'claude-sonnet-4-5';
    const kept = keptOf(model, [...thought, ...silent, ...redacted, ...text]);
    const { body } = sent({ reasoning_effort: 'low', tools, messages: loop() }, { model, call: { kept } });
    expect(assistantOf(body)).toEqual([
      { type: 'thinking', thinking: 'Let me look.', signature: 'sig+1==' },
      { type: 'thinking', thinking: '', signature: 'sig+2==' },
      { type: 'redacted_thinking', data: 'cipher==' },
      { type: 'text', text: 'Looking.' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} },
    ]);
    expect(body.thinking).toEqual({ type: 'enabled', budget_tokens: 2048 });
  });

  it('is left out while reasoning is off', () => {
    const model = 'claude-sonnet-4-5';
    const kept = keptOf(model, [...thought, ...text]);
    const { body } = sent({ tools, messages: loop() }, { model, call: { kept } });
    expect(JSON.stringify(body)).not.toContain('thinking');
  });

  it('is never refused upstream for a changed conversation, where it is bound to one', () => {
    const model = 'claude-opus-5-5';
    const kept = keptOf(model, silent);
    const asked = sent({ tools, messages: loop() }, { model, call: { kept } });
    expect(assistantOf(asked.body)).toEqual(expect.arrayContaining([{ type: 'thinking', thinking: '', signature: 'sig+2==' }]));
    expect(asked.body.thinking).toEqual({ ...summarized, block_binding: { prefix_mismatch_behavior: 'drop_block' } });
    expect(asked.headers['anthropic-beta']).toBe('thinking-binding-controls-2026-08-01');
    // Without any there is nothing to be bound.
    const first = sent({ tools }, { model });
    expect(first.body.thinking).toEqual(summarized);
    expect(first.headers).not.toHaveProperty('anthropic-beta');
  });

  it('of another model is not sent', () => {
    const kept = keptOf('claude-opus-4-6', thought);
    const { body } = sent({ tools, messages: loop() }, { model: 'claude-opus-5', call: { kept } });
    expect(JSON.stringify(body)).not.toContain('sig+1');
  });

  it('of another dialect is not sent', () => {
    const parts = [{ type: 'reasoning', text: 'x', signature: 'sig', dialect: 'gemini' } as const];
    const notes = { dropped: () => undefined, unsupported: () => undefined };
    const context = { ids: new CallIds(), marks: new Map(), notes, thinking: true };
    expect(blocksOf({ role: 'assistant', parts }, 'messages[0]', context)).toEqual([]);
  });

  it('between two calls stays between them', () => {
    const model = 'claude-opus-4-8';
    const second = { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} };
    const bytes = sse([
      start(),
      ...thought,
      open(4, { type: 'tool_use', id: 'toolu_1', name: 'weather', input: {} }),
      close(4),
      ...silent,
      open(5, second),
      close(5),
      ending('tool_use'),
      stop,
    ]);
    const { kept = [] } = aggregated(bytes, {}, { model });
    const calls = ['toolu_1', 'toolu_2'].map((id) => ({ id, type: 'function', function: { name: 'weather', arguments: '{}' } }));
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: calls },
      ...calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: 'x' })),
    ];
    const ask = { model, call: { kept: new Map(kept.map((each) => [each.id, each])) } };
    const { body } = sent({ reasoning_effort: 'high', tools, messages }, ask);
    expect((assistantOf(body) as Json[]).map(({ type, signature }) => signature ?? type)).toEqual([
      'sig+1==',
      'tool_use',
      'sig+2==',
      'tool_use',
    ]);
  });
});

describe('the caller’s own thinking', () => {
  it('is sent as it is, at the top or among the options', () => {
    const thinking = { type: 'enabled', budget_tokens: 3000 };
    expect(sent({ thinking }).body.thinking).toEqual(thinking);
    expect(sent({ anthropic: { thinking } }).body.thinking).toEqual(thinking);
    expect(sent({ thinking: { type: 'disabled' } }, { model: 'claude-opus-5' }).body.thinking).toEqual({ type: 'disabled' });
    expect(sent({ thinking: { type: 'adaptive' }, reasoning_effort: 'high' }, { model: 'claude-opus-4-8' }).body).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
  });

  it('that is off goes with no more than a high effort', () => {
    const { body } = sent({ thinking: { type: 'disabled' }, reasoning_effort: 'max' }, { model: 'claude-opus-5' });
    expect(body).toMatchObject({ thinking: { type: 'disabled' }, output_config: { effort: 'high' } });
  });

  it('gives way like any other, and is named then', () => {
    const thinking = { type: 'enabled', budget_tokens: 3000 };
    const { body, ignored } = sent({ thinking, tools, tool_choice: 'required' });
    expect(body).not.toHaveProperty('thinking');
    expect(ignored).toEqual(['thinking']);
  });

  it('keeps its own rule for a changed conversation', () => {
    const kept = new Map<string, Kept>([
      [
        'toolu_1',
        {
          id: 'toolu_1',
          dialect: 'anthropic',
          issuer: 'claude/claude-fable-5-1',
          reasoning: [{ type: 'reasoning', text: 'x', signature: 's', dialect: 'anthropic' }],
        },
      ],
    ]);
    const thinking = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'error' } };
    const { body, headers } = sent({ thinking, tools, messages: loop() }, { model: 'claude-fable-5-1', call: { kept } });
    expect(body.thinking).toEqual(thinking);
    expect(headers['anthropic-beta']).toBe('thinking-binding-controls-2026-08-01');
  });

  it('has to be an object', () => {
    expect(refusal({ thinking: 'on' })).toMatchObject({ param: 'thinking' });
    expect(refusal({ anthropic: { thinking: true } })).toMatchObject({ param: 'anthropic.thinking' });
  });
});

import { describe, expect, it } from 'vitest';
import { refusal, sent } from './support.ts';

type Json = Record<string, unknown>;

const mark = (ttl?: string) => ({ type: 'ephemeral', ...(ttl === undefined ? {} : { ttl }) });
const part = (text: string, ttl?: string | null) => ({
  type: 'text',
  text,
  ...(ttl === null ? {} : { cache_control: mark(ttl) }),
});

/** The texts and names that are marked, with their marks. */
function marked(body: Json): [unknown, unknown][] {
  const found: [unknown, unknown][] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const { cache_control: control, text, name, tool_use_id: id, type, content } = value as Json;
    if (control !== undefined) found.push([text ?? name ?? id ?? type, (control as Json).ttl ?? '5m']);
    look(content);
  };
  for (const key of ['tools', 'system', 'messages']) look(body[key]);
  return found;
}

describe('a mark for caching', () => {
  it('is written on tools, system texts, parts, whole messages and results', () => {
    const { body, ignored } = sent({
      tools: [{ type: 'function', function: { name: 'a' }, cache_control: mark('1h') }],
      messages: [
        { role: 'system', content: [part('rules', '1h')] },
        { role: 'user', content: 'question', cache_control: mark() },
        { role: 'assistant', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'a', arguments: '{}' } }] },
        { role: 'tool', tool_call_id: 'c1', content: [part('found', null)], cache_control: mark() },
      ],
    });
    expect(marked(body)).toEqual([
      ['a', '1h'],
      ['rules', '1h'],
      ['question', '5m'],
      ['c1', '5m'],
    ]);
    expect(ignored).toEqual([]);
  });

  it('in the new way of the chat API means the same', () => {
    const content = [{ type: 'text', text: 'long', prompt_cache_breakpoint: { mode: 'explicit' } }];
    expect(marked(sent({ messages: [{ role: 'user', content }] }).body)).toEqual([['long', '5m']]);
  });

  it('beyond the fourth is left out, the first ones first, with a note', () => {
    const messages = [
      { role: 'system', content: [part('1'), part('2')] },
      { role: 'user', content: [part('3'), part('4'), part('5'), part('6', null)] },
    ];
    const { body, ignored } = sent({ messages });
    expect(marked(body).map(([text]) => text)).toEqual(['2', '3', '4', '5']);
    expect(ignored).toEqual(['cache_control']);
    const automatic = sent({ messages, anthropic: { cache_control: mark() } });
    expect(automatic.body.cache_control).toEqual(mark());
    expect(marked(automatic.body).map(([text]) => text)).toEqual(['3', '4', '5']);
    expect(refusal({ messages }, { call: { requireParameters: true } }).param).toBe('cache_control');
  });

  it('of an hour behind one of five minutes becomes one of five minutes, as the API has it', () => {
    const { body, ignored } = sent({
      messages: [{ role: 'user', content: [part('1', '1h'), part('2', '5m'), part('3', '1h')] }],
    });
    expect(marked(body)).toEqual([
      ['1', '1h'],
      ['2', '5m'],
      ['3', '5m'],
    ]);
    expect(ignored).toEqual(['cache_control.ttl']);
  });

  it('for longer than five minutes is for an hour, for anything odd for five minutes', () => {
    const ttls = ['24h', '30m', '300s', '5 minutes', '', '999999d'];
    const results = ttls.map((ttl) => marked(sent({ messages: [{ role: 'user', content: [part('x', ttl)] }] }).body)[0]![1]);
    expect(results).toEqual(['1h', '1h', '5m', '5m', '5m', '1h']);
  });
});

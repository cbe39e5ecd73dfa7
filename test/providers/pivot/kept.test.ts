import { describe, expect, it } from 'vitest';
import { KeptCollector, withKept } from '../../../providers/pivot/kept.ts';
import type { Kept } from '../../../providers/provider.ts';
import type { ChatEvent, ChatRequest, Message, Part } from '../../../providers/unified.ts';
import { targetOf } from '../support.ts';

const target = targetOf();
const call: Part = { type: 'tool_call', kind: 'function', id: 'c1', name: 'f', arguments: '{}' };
const turn = (...parts: Part[]): Message => ({ role: 'assistant', parts });
const request = (...messages: Message[]): ChatRequest => ({
  model: 'm',
  messages,
  sampling: {},
  stream: false,
  streamUsage: false,
});
const kept = (more: Partial<Kept> = {}): ReadonlyMap<string, Kept> =>
  new Map([['c1', { id: 'c1', dialect: 'there', issuer: target.id, ...more }]]);
const sent = (message: Message, found: ReadonlyMap<string, Kept>, dialect = 'there') =>
  withKept(request(message), found, dialect, target).messages[0]!.parts;

describe('what earlier answers left', () => {
  it('is put back where it came from', () => {
    const thought: Part = { type: 'reasoning', text: 'why', signature: 's1', dialect: 'there' };
    expect(sent(turn({ type: 'text', text: 'a' }, call), kept({ signature: 's2', reasoning: [thought] }))).toEqual([
      { type: 'text', text: 'a' },
      thought,
      { ...call, signature: 's2', dialect: 'there' },
    ]);
  });

  it.each([
    ['another dialect', kept({ dialect: 'elsewhere', signature: 's' })],
    ['another model or provider', kept({ issuer: 'one/other-model', signature: 's' })],
  ])('does not go to this one when it is of %s', (_what, found) => {
    expect(sent(turn(call), found)).toEqual([call]);
  });

  it('a signature the client kept is taken out when another target issued it', () => {
    const own = { ...call, signature: 'client', dialect: 'there' } as Part;
    expect(sent(turn(own), kept({ issuer: 'one/other-model', signature: 's' }))).toEqual([call]);
    expect(sent(turn(own), new Map())).toEqual([own]);
    expect(sent(turn(own), kept({ signature: 's' }))).toEqual([{ ...own, signature: 's' }]);
  });

  it('no foreign byte: reasoning and signatures of another dialect are taken out', () => {
    const foreign: Part = { type: 'reasoning', text: 'x', signature: 's', dialect: 'elsewhere' };
    const signed = { ...call, signature: 's', dialect: 'elsewhere', extensions: { openai: { extra_content: {} } } } as Part;
    expect(sent(turn(foreign, signed), new Map())).toEqual([call]);
  });

  it('is not put in twice when the client kept the reasoning itself', () => {
    const thought: Part = { type: 'reasoning', text: 'why', signature: 's1', dialect: 'there' };
    expect(sent(turn(thought, call), kept({ reasoning: [thought as never] }))).toEqual([thought, call]);
  });

  it('leaves other turns alone, as they are', () => {
    const message: Message = { role: 'user', parts: [call] };
    expect(withKept(request(message), kept({ signature: 's' }), 'there', target).messages[0]).toBe(message);
    const plain = turn({ type: 'text', text: 'x' });
    expect(withKept(request(plain), kept({ signature: 's' }), 'there', target).messages[0]).toBe(plain);
  });
});

describe('what an answer leaves', () => {
  const collected = (...events: ChatEvent[]) => {
    const collector = new KeptCollector(target);
    for (const event of events) collector.push(event);
    return collector.kept;
  };
  const opened = (id: string, signature?: string): ChatEvent => ({
    type: 'tool_call',
    choice: 0,
    call: 0,
    kind: 'function',
    id,
    name: 'f',
    ...(signature === undefined ? {} : { signature, dialect: 'there' }),
  });
  const thought = (text: string, signature?: string): ChatEvent => ({
    type: 'reasoning',
    choice: 0,
    text,
    dialect: 'there',
    ...(signature === undefined ? {} : { signature }),
  });

  it('is the signature of a call', () => {
    expect(collected(opened('a', 's'), opened('b'))).toEqual([{ id: 'a', dialect: 'there', issuer: target.id, signature: 's' }]);
  });

  it('is the signed reasoning ahead of a call, whole and in order, with the first call', () => {
    const events = [thought('be'), thought('cause'), thought('', 's1'), { ...thought(''), redacted: 'xx' } as ChatEvent];
    expect(collected(...events, opened('a'), opened('b'))).toEqual([
      {
        id: 'a',
        dialect: 'there',
        issuer: target.id,
        reasoning: [
          { type: 'reasoning', text: 'because', signature: 's1', dialect: 'there' },
          { type: 'reasoning', text: '', redacted: 'xx', dialect: 'there' },
        ],
      },
    ]);
  });

  it('is signed reasoning that has no text, too', () => {
    expect(collected(thought('', 's'), opened('a'))).toEqual([
      {
        id: 'a',
        dialect: 'there',
        issuer: target.id,
        reasoning: [{ type: 'reasoning', text: '', signature: 's', dialect: 'there' }],
      },
    ]);
  });

  it('is no reasoning beyond what the store takes, in part or whole', () => {
    const events = Array.from({ length: 40 }, () => thought('x'.repeat(10_000), 's'));
    expect(collected(...events, opened('a', 'own'))).toEqual([
      { id: 'a', dialect: 'there', issuer: target.id, signature: 'own' },
    ]);
  });

  it('is nothing without a call, a signature or an issuer', () => {
    expect(collected(thought('x', 's'))).toEqual([]);
    expect(collected(thought('x'), opened('a'))).toEqual([]);
    expect(collected({ type: 'reasoning', choice: 0, text: 'x', signature: 's' }, opened('a'))).toEqual([]);
  });
});

import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { readBody } from '../../../plugins/body.ts';
import { affinityKey } from '../../../plugins/relay/affinity-key.ts';
import type { TargetGroup } from '../../../plugins/router/index.ts';
import type { Call, Operation } from '../../../providers/provider.ts';

type Affinity = readonly ('prompt_cache_key' | 'user' | 'prefix')[];

function keyOf(body: object, affinity?: Affinity, operation: Operation = 'chat', strategy = 'weighted'): number | null {
  const call = { operation, body: readBody(Buffer.from(JSON.stringify(body))) } as unknown as Call;
  const config = affinity === undefined ? null : { affinity };
  return affinityKey(call, { config, strategy } as unknown as TargetGroup);
}

const user = (content: unknown) => ({ role: 'user', content });
const system = (content: unknown) => ({ role: 'system', content });

describe('what a call belongs to', () => {
  it('is its prompt_cache_key, and nothing without one, unless the model says otherwise', () => {
    expect(keyOf({ messages: [user('x')], user: 'u' })).toBeNull();
    expect(keyOf({ prompt_cache_key: 'a', messages: [user('x')] })).toBe(keyOf({ prompt_cache_key: 'a', messages: [user('y')] }));
    expect(keyOf({ prompt_cache_key: 'a' })).not.toBe(keyOf({ prompt_cache_key: 'b' }));
    expect(keyOf({ prompt_cache_key: 'a' }, [])).toBeNull();
  });

  it.each(['priority', 'least-cost', 'score'])('is nothing where %s keeps to the best target, unless it is asked for', (each) => {
    expect(keyOf({ prompt_cache_key: 'a' }, undefined, 'chat', each)).toBeNull();
    expect(keyOf({ prompt_cache_key: 'a' }, ['prompt_cache_key'], 'chat', each)).not.toBeNull();
  });

  it('is the first in the list that the call has', () => {
    const all = ['prompt_cache_key', 'user', 'prefix'] as const;
    const plain = { messages: [user('x')] };
    expect(keyOf({ ...plain, prompt_cache_key: 'a', user: 'u' }, all)).toBe(keyOf({ prompt_cache_key: 'a' }, all));
    expect(keyOf({ ...plain, user: 'u' }, all)).toBe(keyOf({ user: 'u' }, ['user']));
    expect(keyOf(plain, all)).toBe(keyOf(plain, ['prefix']));
    expect(keyOf({ user: 'a' }, all)).not.toBe(keyOf({ prompt_cache_key: 'a' }, all));
  });

  it('takes safety_identifier for a user', () => {
    expect(keyOf({ safety_identifier: 'u' }, ['user'])).toBe(keyOf({ user: 'u' }, ['user']));
  });

  it.each([{ user: '' }, { user: null }, { user: 7 }, { user: { id: 'u' } }, { user: ['u'] }])('is nothing for %j', (body) => {
    expect(keyOf(body, ['user'])).toBeNull();
  });
});

describe('the prefix', () => {
  const prefix = (body: object, operation: Operation = 'chat') => keyOf(body, ['prefix'], operation);
  const first = [system('You are terse.'), user('Hi')];

  it('stays the same while a conversation grows', () => {
    const turns = [{ role: 'assistant', content: 'Hello' }, user('And now?')];
    expect(prefix({ messages: [...first, ...turns], temperature: 1 })).toBe(prefix({ messages: first }));
  });

  it.each([
    ['the instructions', { messages: [system('You are verbose.'), user('Hi')] }],
    ['the first message of the user', { messages: [system('You are terse.'), user('Ho')] }],
    ['the tools', { messages: first, tools: [{ type: 'function', function: { name: 'f' } }] }],
  ])('differs with %s', (_name, body) => {
    expect(prefix(body)).not.toBe(prefix({ messages: first }));
  });

  it('looks into parts, at texts and links', () => {
    const parts = (text: string, url: string) => [
      user([
        { type: 'text', text },
        { type: 'image_url', image_url: { url } },
      ]),
    ];
    const same = prefix({ messages: parts('a', 'data:x') });
    expect(prefix({ messages: parts('a', 'data:x') })).toBe(same);
    expect(prefix({ messages: parts('b', 'data:x') })).not.toBe(same);
    expect(prefix({ messages: parts('a', 'data:y') })).not.toBe(same);
  });

  it('reads the Responses API: instructions, and an input that is a text or a list', () => {
    const asked = (body: object) => prefix(body, 'responses');
    expect(asked({ instructions: 'a', input: 'x' })).not.toBe(asked({ instructions: 'b', input: 'x' }));
    expect(asked({ instructions: 'a', input: [user('x'), user('y')] })).toBe(asked({ instructions: 'a', input: [user('x')] }));
    expect(asked({ input: 'x' })).not.toBe(asked({ input: 'y' }));
  });

  it('of a long text is what was sent, wherever it stands: its stand-in in the parsed body has its place in it', () => {
    const long = (head: string) => system(`${head} ${'Be careful. '.repeat(10_000)}`);
    const asked = (head: string, extra: object) => prefix({ ...extra, messages: [long(head), user('Hi')] });
    expect(asked('One.', {})).toBe(asked('One.', { temperature: 0.123, seed: 12_345 }));
    expect(asked('One.', {})).not.toBe(asked('Two.', {}));
    const picture = (bytes: string) => [user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${bytes}` } }])];
    const sent = (bytes: string, extra: object) => prefix({ ...extra, messages: picture(bytes.repeat(80_000)) });
    expect(sent('A', {})).toBe(sent('A', { n: 1 }));
    expect(sent('A', {})).not.toBe(sent('B', {}));
    expect(keyOf({ pad: 1, user: 'u'.repeat(70_000) }, ['user'])).toBe(keyOf({ user: 'u'.repeat(70_000) }, ['user']));
  });

  it.each([[{}], [{ messages: null }], [{ messages: [] }], [{ messages: {} }], [{ messages: 7, tools: {} }], [{ tools: [] }]])(
    'of nothing is nothing: %j',
    (body) => {
      expect(prefix(body)).toBeNull();
    },
  );

  it.each([
    [{ messages: [null, 1, 'x', [], { role: null, content: 7 }, user([null, 1, { text: 2 }, { image_url: { url: null } }])] }],
    [{ input: [{ type: 'item_reference', id: 'i' }], instructions: ['a'] }],
  ])('of odd messages throws nothing: %j', (body) => {
    expect(typeof prefix(body)).toBe('number');
  });

  it('of texts to embed is nothing: they do not belong together', () => {
    expect(prefix({ input: 'x' }, 'embeddings')).toBeNull();
    expect(prefix({ input: ['x', 'y'] }, 'embeddings')).toBeNull();
  });

  it('of a prompt of 10 kB is found in a few microseconds', () => {
    const text = JSON.stringify({ messages: [system('The quick brown fox. '.repeat(480)), user('Hi')] });
    const call = { operation: 'chat', body: readBody(Buffer.from(text)) } as unknown as Call;
    const group = { config: { affinity: ['prefix'] }, strategy: 'weighted' } as unknown as TargetGroup;
    const rounds = Array.from({ length: 30 }, () => {
      const began = performance.now();
      for (let at = 0; at < 200; at++) affinityKey(call, group);
      return ((performance.now() - began) * 1000) / 200;
    });
    // Measured 2.6 us; twice the goal, as other tests run beside it.
    expect(Math.min(...rounds)).toBeLessThan(10);
  });
});

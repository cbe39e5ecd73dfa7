import { describe, expect, it } from 'vitest';
import { fromText, recordKey, toText } from '../../../plugins/signatures/record.ts';
import { kept } from './sample.ts';

describe('the key of a record', () => {
  it('shows nothing of tenant and id, and has one length', () => {
    expect(recordKey('team', 'call_secret')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(recordKey('', '')).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('differs by tenant and by id, wherever one ends and the other begins', () => {
    const pairs = [
      ['a', 'b'],
      ['b', 'a'],
      ['', 'ab'],
      ['ab', ''],
      ['a\0', 'b'],
      ['a', '\0b'],
    ] as const;
    expect(new Set(pairs.map(([tenant, id]) => recordKey(tenant, id))).size).toBe(pairs.length);
  });
});

describe('the text of a record', () => {
  it('holds what has to be given back and nothing beside it', () => {
    const value = { ...kept({ reasoning: [{ type: 'reasoning', text: 'x', cache: { ttl: '5m' } }] }), more: 1 };
    expect(fromText(toText(value))).toEqual(kept({ reasoning: [{ type: 'reasoning', text: 'x' }] }));
  });

  it.each([
    'not json',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"id":1,"dialect":"a","issuer":"b"}',
    '{"id":"1","dialect":"a","issuer":"b","signature":5}',
    '{"id":"1","dialect":"a","issuer":"b","reasoning":{}}',
    '{"id":"1","dialect":"a","issuer":"b","reasoning":[null]}',
    '{"id":"1","dialect":"a","issuer":"b","reasoning":[{"text":null}]}',
    '{"id":"1","dialect":"a","issuer":"b","reasoning":[{"text":"x","redacted":1}]}',
  ])('is nothing when it is of another shape: %s', (text) => {
    expect(fromText(text)).toBeNull();
  });

  it('cannot reach a prototype', () => {
    const value = fromText(
      '{"id":"1","dialect":"a","issuer":"b","__proto__":{"polluted":1},"reasoning":[{"text":"x","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}]}',
    );
    expect(value).toEqual({ id: '1', dialect: 'a', issuer: 'b', reasoning: [{ type: 'reasoning', text: 'x' }] });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(value?.reasoning?.[0])).toBe(Object.prototype);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

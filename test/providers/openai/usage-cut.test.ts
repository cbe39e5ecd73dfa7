import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutUsage } from '../../../providers/openai/passthrough/usage-cut.ts';
import { scanMembers, spliceMembers } from '../../../providers/wire/members.ts';

const cut = (text: string) => cutUsage(Buffer.from(text), JSON.parse(text).usage).toString();

describe('cutUsage', () => {
  it.each([
    ['{"a":1,"usage":null}', '{"a":1}'],
    ['{"usage":null,"a":1}', '{"a":1}'],
    ['{"a":1,"usage":null,"b":2}', '{"a":1,"b":2}'],
    ['{ "a": 1 , "usage" : null , "b": 2 }', '{ "a": 1 , "b": 2 }'],
    ['{ "usage" : null }', '{  }'],
    ['{"a":1,"usage":{"prompt_tokens":1}}', '{"a":1}'],
    ['{"a":1,"us\\u0061ge":null}', '{"a":1}'],
  ])('cuts %s to %s', (text, expected) => {
    expect(cut(text)).toBe(expected);
  });

  it.each([
    ['{"a":{"usage":null},"usage":null}', '{"a":{"usage":null}}'],
    ['{"a":{"usage":null},"us\\u0061ge":null}', '{"a":{"usage":null}}'],
    ['{"a":"usage","us\\u0061ge":null}', '{"a":"usage"}'],
    ['{"a":"\\"usage\\":null","usage":null}', '{"a":"\\"usage\\":null"}'],
    ['{"usage":null,"a":["usage",null]}', '{"a":["usage",null]}'],
    ['{"usage":1,"a":1,"usage":null}', '{"a":1}'],
  ])('is not led astray by %s', (text, expected) => {
    expect(cut(text)).toBe(expected);
  });

  it('gives byte for byte what the scan of members gives', () => {
    const key = fc.constantFrom('a', 'usage', 'b', 'us\\u0061ge', '\\"usage');
    const value = fc.constantFrom('null', '1', '"usage"', '"\\"usage\\":null"', '{"usage":null}', '["usage",null]', '"\\n"');
    const space = fc.constantFrom('', ' ', '\n');
    const member = fc.tuple(key, value, space, space);
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: ([name]) => JSON.parse(`"${name}"`), maxLength: 4 }), (members) => {
        const text = `{${members.map(([name, inner, before, behind]) => `${before}"${name}"${behind}:${before}${inner}${behind}`).join(',')}}`;
        const bytes = Buffer.from(text);
        const expected = spliceMembers(bytes, scanMembers(bytes), [{ key: 'usage', remove: true }]).toString();
        fc.pre('usage' in JSON.parse(text));
        expect(cut(text)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

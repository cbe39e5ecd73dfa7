import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateMemberError, type Edit, scanMembers, spliceMembers } from '../../../providers/wire/members.ts';

function splice(text: string, edits: readonly Edit[]): string {
  const bytes = Buffer.from(text);
  return spliceMembers(bytes, scanMembers(bytes), edits).toString();
}

const objects = fc.dictionary(
  fc.string({ maxLength: 12 }).filter((key) => key !== '__proto__'),
  fc.jsonValue({ maxDepth: 3 }),
  {
    maxKeys: 8,
  },
);
const spaces = fc.constantFrom('', ' ', '\n', '\t ', '\r\n');

/** JSON text with white space around every token of the top level. */
function spaced(value: object, gap: string): string {
  const members = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}${gap}:${gap}${JSON.stringify(inner, null, gap && 1)}`,
  );
  return `${gap}{${gap}${members.join(`${gap},${gap}`)}${gap}}${gap}`;
}

describe('scanMembers', () => {
  it('finds the key and the value of every top-level member', () => {
    fc.assert(
      fc.property(objects, spaces, (value, gap) => {
        const bytes = Buffer.from(spaced(value, gap));
        const found = scanMembers(bytes).map((member) => [
          member.key,
          JSON.parse(bytes.subarray(member.valueStart, member.valueEnd).toString()),
        ]);
        expect(found).toEqual(Object.entries(value).map(([key, inner]) => [key, JSON.parse(JSON.stringify(inner))]));
      }),
    );
  });

  it('I2: names a key that is there twice', () => {
    expect(() => scanMembers(Buffer.from('{"model":"a","n":1,"model":"b"}'))).toThrow(DuplicateMemberError);
  });

  it('I2: names a key that is there twice in different spellings', () => {
    const scan = () => scanMembers(Buffer.from('{"model":"a","\\u006dodel":"b"}'));
    expect(scan).toThrow(expect.objectContaining({ key: 'model' }));
  });

  it('I2: leaves the same key in different objects alone', () => {
    expect(scanMembers(Buffer.from('{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}'))).toHaveLength(2);
  });

  it('gives duplicates back when they are allowed', () => {
    expect(scanMembers(Buffer.from('{"a":1,"a":2}'), 'allow').map(({ key }) => key)).toEqual(['a', 'a']);
  });

  it('reads strings longer than its first look, with escaped quotes anywhere in them', () => {
    for (let length = 50; length < 150; length++) {
      const value = { a: `${'x'.repeat(length)}"\\"${'\\'.repeat(length % 5)}`, b: 1 };
      expect(scanMembers(Buffer.from(JSON.stringify(value))).map(({ key }) => key)).toEqual(['a', 'b']);
    }
  });

  it('I3: ends on text that is not JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '1', ' ') }), (text) => {
        scanMembers(Buffer.from(text), 'allow');
      }),
      { numRuns: 2000 },
    );
  });

  it('has no members for what is no object', () => {
    for (const text of ['', ' ', 'null', '[{"a":1}]', '"a"', '{}', ' { } ']) expect(scanMembers(Buffer.from(text))).toEqual([]);
  });

  it.each([
    ['base64', 'A'.repeat(64)],
    ['escaped quotes', '\\"'.repeat(32)],
    ['escaped backslashes', '\\\\'.repeat(32)],
    ['quotes now and then', `${'x'.repeat(62)}\\"`],
  ])('I4: scans 16 MB of %s in one string in well under a second', (_name, unit) => {
    const bytes = Buffer.from(`{"a":"${unit.repeat(250_000)}","b":1}`);
    const start = performance.now();
    expect(scanMembers(bytes)).toHaveLength(2);
    expect(performance.now() - start).toBeLessThan(800);
  });
});

describe('spliceMembers', () => {
  it('replaces a value and leaves every other byte alone', () => {
    expect(splice('{ "model" : "a" ,"n": 1.10, "id":9007199254740993, "u":"\\u00e9" }', [{ key: 'model', value: '"b"' }])).toBe(
      '{ "model" : "b" ,"n": 1.10, "id":9007199254740993, "u":"\\u00e9" }',
    );
  });

  it.each([
    ['first', 'a', '{"b":2,"c":3}'],
    ['middle', 'b', '{"a":1,"c":3}'],
    ['last', 'c', '{"a":1,"b":2}'],
  ])('removes the %s member with its comma', (_place, key, expected) => {
    expect(splice('{"a":1,"b":2,"c":3}', [{ key, remove: true }])).toBe(expected);
  });

  it('removes the only member', () => {
    expect(splice('{ "a": 1 }', [{ key: 'a', remove: true }])).toBe('{  }');
  });

  it('appends a member that is not there', () => {
    expect(splice('{"a":1}', [{ key: 'b', value: '2' }])).toBe('{"a":1,"b":2}');
    expect(splice('{}', [{ key: 'b', value: '2' }])).toBe('{"b":2}');
  });

  it('appends behind removed members', () => {
    const edits: Edit[] = [
      { key: 'a', remove: true },
      { key: 'b', value: '2' },
    ];
    expect(splice('{"a":1}', edits)).toBe('{"b":2}');
  });

  it('renames a key', () => {
    expect(splice('{"max_completion_tokens" : 5}', [{ key: 'max_completion_tokens', rename: 'max_tokens' }])).toBe(
      '{"max_tokens" : 5}',
    );
  });

  it('gives the same object as editing the parsed one', () => {
    fc.assert(
      fc.property(
        objects,
        spaces,
        fc.array(fc.nat(9), { maxLength: 4 }),
        fc.jsonValue({ maxDepth: 2 }),
        (value, gap, picks, fresh) => {
          const keys = Object.keys(value);
          const expected = new Map(Object.entries(JSON.parse(JSON.stringify(value))));
          const edits = new Map<string, Edit>();
          for (const [step, pick] of picks.entries()) {
            const key = keys[pick] ?? `fresh ${pick}`;
            if (edits.has(key)) continue;
            edits.set(key, step % 2 === 0 ? { key, remove: true } : { key, value: JSON.stringify(fresh) });
            if (step % 2 === 0) expected.delete(key);
            else expected.set(key, JSON.parse(JSON.stringify(fresh)));
          }
          expect(JSON.parse(splice(spaced(value, gap), [...edits.values()]))).toEqual(Object.fromEntries(expected));
        },
      ),
    );
  });

  it('never touches the bytes it was given', () => {
    const bytes = Buffer.from('{"model":"a","b":1}');
    spliceMembers(bytes, scanMembers(bytes), [{ key: 'model', value: '"b"' }]);
    expect(bytes.toString()).toBe('{"model":"a","b":1}');
  });
});

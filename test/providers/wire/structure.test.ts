import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanMembers } from '../../../providers/wire/members.ts';
import { parseCost, type StructureLimits, StructureScanner } from '../../../providers/wire/structure.ts';

const wide: StructureLimits = { depth: 1_000, tokens: 1e9, commas: 1e9, outerString: 1e9, members: 1e9, work: 1e12 };

function scan(text: string | Buffer, limits = wide, chunk = Number.MAX_SAFE_INTEGER, longFrom = 1e9) {
  const bytes = Buffer.from(text as string);
  const scanner = new StructureScanner(limits, longFrom);
  let fault = null;
  for (let at = 0; at < bytes.length && fault === null; at += chunk) fault = scanner.push(bytes.subarray(at, at + chunk));
  return { fault, scanner, bytes };
}

describe('members', () => {
  it('are those of the whole text, wherever it is cut (every split)', () => {
    const text = ' {"a":1,"b\\"":"x\\\\\\"y","n":{"q":["]",{"z":"}"}]} , "é":[1,"👋"],"t":true ,"u":null}';
    const bytes = Buffer.from(text);
    for (let cut = 1; cut < bytes.length; cut++) {
      const scanner = new StructureScanner(wide, 1e9);
      scanner.push(bytes.subarray(0, cut));
      scanner.push(bytes.subarray(cut));
      expect(scanner.members(bytes), `cut at ${cut}`).toEqual(scanMembers(bytes));
    }
  });

  it('agree with the scan of a whole text for any object and any chunk size', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (value, size, spaced) => {
          const text = JSON.stringify(value, null, spaced ? 2 : 0);
          const { scanner, bytes } = scan(text, wide, size);
          expect(scanner.members(bytes)).toEqual(scanMembers(bytes, 'allow'));
        },
      ),
    );
  });

  it('are none for anything that is no object', () => {
    for (const text of ['[{"a":1}]', '"a"', '1', '', '[', '}{'])
      expect(scan(text).scanner.members(Buffer.from(text))).toEqual([]);
  });

  it('never throws and never loops on bytes that are no JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 9 }), (junk, size) => {
        const { scanner, bytes } = scan(Buffer.from(junk), wide, size);
        scanner.members(bytes);
      }),
    );
  });
});

describe('limits', () => {
  it.each([
    ['I3: depth', `${'['.repeat(11)}`, { ...wide, depth: 10 }, 'depth'],
    ['I4: objects', '[{},{},{},{}]', { ...wide, tokens: 4 }, 'tokens'],
    ['I4: strings', '["","",""]', { ...wide, tokens: 3 }, 'tokens'],
    ['I4: strings without anything between them', '""""""', { ...wide, tokens: 2 }, 'tokens'],
    ['I4: colons', ':::', { ...wide, tokens: 2 }, 'tokens'],
    ['I4: numbers', '[1,2,3,4]', { ...wide, commas: 2 }, 'tokens'],
    ['a long text at the first level', `{"a":"${'x'.repeat(20)}"}`, { ...wide, outerString: 10 }, 'string'],
    ['G17: members', '{"a":1,"b":{"x":1},"c":1}', { ...wide, members: 2 }, 'members'],
    ['G17: the work of tokens', '{"a":[{},{},{},{}]}', { ...wide, work: 5 * parseCost.token }, 'work'],
    ['G17: the work of numbers', '[1,2,3,4,5,6]', { ...wide, work: parseCost.token + 5 * parseCost.comma }, 'work'],
    ['G17: the work of escapes', '{"a":"\\n\\"\\\\"}', { ...wide, work: 4 * parseCost.token + 20 * parseCost.byte }, 'work'],
    ['G17: the work of spaces', `{${' '.repeat(900)}}`, { ...wide, work: parseCost.token + 900 * parseCost.byte }, 'work'],
    ['a long text that never ends', `{"a":"${'x'.repeat(20)}`, { ...wide, outerString: 10 }, 'string'],
  ] as const)('%s is a fault at every chunk size', (_name, text, limits, fault) => {
    for (const size of [1, 2, 3, 7, 1000]) expect(scan(text, limits, size).fault).toBe(fault);
  });

  it('are not reached by what is inside strings', () => {
    const text = JSON.stringify({ a: '[[[{{{,,,:::', b: ['"]"', '\\'] });
    expect(scan(text, { ...wide, depth: 2, tokens: 9, commas: 2, outerString: 100 }).fault).toBeNull();
  });
});

it('lists long strings below the second level by their content, at every chunk size', () => {
  const long = 'y'.repeat(50);
  const text = `{"m":[{"c":"${long}","d":"short","e":"${'\\"'.repeat(30)}"}],"outer":"${long}"}`;
  for (const size of [1, 5, 64, 1000]) {
    const { scanner, bytes } = scan(text, wide, size, 50);
    expect(scanner.longStrings.map(({ start, end }) => bytes.toString('utf8', start, end))).toEqual([long, '\\"'.repeat(30)]);
  }
});

it('G17: a long string that is cut out before the parse is no work, its escapes included', () => {
  const text = `{"m":[{"c":"${'\\"'.repeat(50_000)}"}]}`;
  const limits = { ...wide, work: 10 * parseCost.token + 30 * parseCost.byte };
  for (const size of [7, 1_000, 65_536, 1_000_000]) {
    expect(scan(text, limits, size, 100_000).fault, `chunks of ${size}`).toBeNull();
    expect(scan(text, limits, size, 100_001).fault, `chunks of ${size}`).toBe('work');
  }
});

it.each([
  ['behind one another', '\\n'],
  ['far apart', `${'x'.repeat(900)}\\n`],
])('G17: escapes %s are counted, also where the scan jumps', (_name, piece) => {
  const count = Math.floor((4 * 1024 * 1024) / piece.length);
  const text = `{"a":"${piece.repeat(count)}"}`;
  const other = 3 * parseCost.token + text.length * parseCost.byte;
  // What comes before the first MiB is not counted by a jump.
  const counted = other + 0.7 * count * parseCost.escape;
  for (const size of [10_000, 65_536]) {
    expect(scan(text, { ...wide, work: counted }, size).fault).toBe('work');
    expect(scan(text, { ...wide, work: other + (count + 1) * parseCost.escape }, size).fault).toBeNull();
  }
});

describe('I6: keys that reach a prototype', () => {
  const found = (text: string, size: number) => scan(text, wide, size).scanner.hasPrototypeKeys;

  it.each([
    '{"__proto__":1}',
    '{"a":[{"__proto__" : {}}]}',
    '{"\\u005f_proto\\u005F_":1}',
    `{"${[...'__proto__'].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}":1}`,
    `{"${[...'constructor'].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join('')}":{"prototype":1}}`,
    '{"constructor":{"a":1,"prototype":1}}',
    '{"\\u0063onstructor":{"prototyp\\u0065"\n:1}}',
  ])('are seen wherever the text is cut: %s', (text) => {
    for (let size = 1; size <= text.length; size++) expect(found(text, size), `chunks of ${size}`).toBe(true);
  });

  it.each([
    '{"a":"__proto__","b":["constructor","prototype"]}',
    '{"constructor":1}',
    '{"prototype":{"a":1}}',
    '{"__proto_":1,"__proto___":1,"x__proto__":1,"_\\n_proto__":1}',
    '{"a":"\\"__proto__\\":1"}',
  ])('are not seen in other places: %s', (text) => {
    for (let size = 1; size <= text.length; size++) expect(found(text, size), `chunks of ${size}`).toBe(false);
  });
});

it.each([
  ['one string', `{"a":[{"b":"${'a'.repeat(8 * 1024 * 1024)}"}]}`],
  ['escapes', `{"a":[{"b":"${'\\"'.repeat(4 * 1024 * 1024)}"}]}`],
  ['backslashes', `{"a":[{"b":"${'\\\\'.repeat(4 * 1024 * 1024)}"}]}`],
])('G17: 8 MiB of %s in 64 KiB chunks hold the loop for at most 50 ms a chunk', (_name, text) => {
  const bytes = Buffer.from(text);
  const scanner = new StructureScanner(wide, 65_536);
  let slowest = 0;
  for (let at = 0; at < bytes.length; at += 65_536) {
    const start = performance.now();
    scanner.push(bytes.subarray(at, at + 65_536));
    slowest = Math.max(slowest, performance.now() - start);
  }
  expect(slowest).toBeLessThan(50);
});

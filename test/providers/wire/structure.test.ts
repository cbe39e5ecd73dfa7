import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanMembers } from '../../../providers/wire/members.ts';
import { type StructureLimits, StructureScanner } from '../../../providers/wire/structure.ts';

const wide: StructureLimits = { depth: 1_000, tokens: 1e9, commas: 1e9, outerString: 1e9 };

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
    ['a long text that never ends', `{"a":"${'x'.repeat(20)}`, { ...wide, outerString: 10 }, 'string'],
  ] as const)('%s is a fault at every chunk size', (_name, text, limits, fault) => {
    for (const size of [1, 2, 3, 7, 1000]) expect(scan(text, limits, size).fault).toBe(fault);
  });

  it('are not reached by what is inside strings', () => {
    const text = JSON.stringify({ a: '[[[{{{,,,:::', b: ['"]"', '\\'] });
    expect(scan(text, { depth: 2, tokens: 9, commas: 2, outerString: 100 }).fault).toBeNull();
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

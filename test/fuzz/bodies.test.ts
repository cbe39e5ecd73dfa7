import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyReader, readBody } from '../../plugins/body.ts';
import { GatewayError } from '../../plugins/errors/index.ts';
import { DuplicateMemberError, type Edit, scanMembers, spliceMembers } from '../../providers/wire/members.ts';
import { StructureScanner } from '../../providers/wire/structure.ts';
import { allowTime, announce, propertyRuns, runs } from './dice.ts';
import { watchPrototypes } from './pollution.ts';

// JSON text as callers may write it: any spelling of keys, strings and numbers, any white space, in any pieces.

watchPrototypes();
allowTime();

const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 2 });

/** A JSON string with every character either as it is or escaped in one of the ways there are. */
const spelt = (text: fc.Arbitrary<string>): fc.Arbitrary<{ written: string; value: string }> =>
  fc.tuple(text, fc.array(fc.nat(3), { minLength: 1, maxLength: 6 })).map(([value, ways]) => {
    const units = Array.from({ length: value.length }, (_, at) => value.charAt(at));
    const inOneWay = (unit: string, way: number): string => {
      const plain = JSON.stringify(unit).slice(1, -1);
      const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
      return way === 0 ? `\\u${hex}` : way === 1 ? `\\u${hex.toUpperCase()}` : unit === '/' && way === 2 ? '\\/' : plain;
    };
    const pair = /[\ud800-\udfff]/.test(value);
    const written = pair
      ? JSON.stringify(value)
      : `"${units.map((unit, at) => inOneWay(unit, ways[at % ways.length]!)).join('')}"`;
    return { written, value };
  });

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '"', '\\', '{', '}', '[', ']', ',', ':', ' ', '/', 'é', '\n'), maxLength: 6 }),
  fc.constantFrom('model', 'stream', '', 'usage', 'x'.repeat(70), '\\"'.repeat(40), 'ü'.repeat(66), '🙂', '\ud800'),
);
const scalar = fc.oneof(
  fc.constantFrom('null', 'true', 'false', '0', '-0', '1.10', '1e400', '9007199254740993', '-1E-2'),
  spelt(text).map(({ written }) => written),
);
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('value'), { maxLength: 4 }), space)
      .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
    fc
      .tuple(fc.array(fc.tuple(spelt(text), tie('value')), { maxLength: 4 }), space)
      .map(([members, gap]) => `{${gap}${members.map(([key, inner]) => `${key.written}${gap}:${gap}${inner}`).join(`${gap},`)}}`),
  ),
}));

interface Written {
  readonly text: string;
  readonly members: readonly { key: string; written: string; value: string }[];
}

const objectOf = (members: Written['members'], gap: string): Written => ({
  text: `${gap}{${gap}${members.map((member) => `${member.written}${gap}:${gap}${member.value}`).join(`${gap},${gap}`)}${gap}}${gap}`,
  members,
});
const member = fc.tuple(spelt(text), value).map(([key, inner]) => ({ key: key.value, written: key.written, value: inner }));
const object = fc
  .tuple(fc.uniqueArray(member, { maxLength: 6, selector: ({ key }) => Buffer.from(key).toString() }), space)
  .map(([members, gap]) => objectOf(members, gap));
const cuts = fc.array(fc.oneof(fc.nat(5_000), fc.nat(4)), { maxLength: 8 });

function inPieces(bytes: Buffer, at: readonly number[]): Buffer[] {
  const edges = [0, ...at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, index) => Buffer.from(bytes.subarray(edges[index], edge)));
}

const asRead = (written: string): string => JSON.parse(wellFormed(written)) as string;
/** As it is after a way through bytes: half a surrogate pair has none of its own. */
const wellFormed = (written: string): string => Buffer.from(written).toString();

test('the members found are those that were written, byte for byte', () => {
  announce('bodies', runs(2_000));
  fc.assert(
    fc.property(object, ({ text: written, members }) => {
      const bytes = Buffer.from(written);
      const found = scanMembers(bytes, 'allow').map(({ key, keyStart, valueStart, valueEnd }, at) => [
        key,
        bytes.toString('utf8', keyStart, keyStart + Buffer.byteLength(members[at]?.written ?? '')),
        bytes.toString('utf8', valueStart, valueEnd),
      ]);
      expect(found).toEqual(members.map((each) => [asRead(each.written), wellFormed(each.written), wellFormed(each.value)]));
    }),
    propertyRuns(2_000),
  );
});

test('I2: a key that is there twice is refused in any two spellings, wherever the two stand', () => {
  fc.assert(
    fc.property(
      object,
      spelt(fc.constantFrom('model', 'stream', 'a"b', '', '/')),
      fc.nat(9),
      fc.nat(9),
      value,
      (base, key, first, second, inner) => {
        const twin = { key: key.value, written: JSON.stringify(key.value), value: '1' };
        const members = base.members.filter((each) => each.key !== key.value);
        members.splice(first % (members.length + 1), 0, twin);
        members.splice(second % (members.length + 1), 0, { key: key.value, written: key.written, value: inner });
        const bytes = Buffer.from(objectOf(members, '').text);
        expect(() => scanMembers(bytes)).toThrow(DuplicateMemberError);
        expect(() => readBody(bytes)).toThrow(GatewayError);
      },
    ),
    propertyRuns(1_000),
  );
});

const limits = { depth: 1_000, tokens: 1_000_000, commas: 1_000_000, outerString: 1_000_000, members: 1_000_000, work: 1e12 };

test('the scan while it arrives, in any pieces, finds what the scan of the whole finds', () => {
  fc.assert(
    fc.property(object, cuts, ({ text: written }, at) => {
      const bytes = Buffer.from(written);
      const scanner = new StructureScanner(limits, 1_000);
      for (const piece of inPieces(bytes, at)) expect(scanner.push(piece)).toBe(null);
      expect(scanner.members(bytes)).toEqual(scanMembers(bytes, 'allow'));
    }),
    propertyRuns(2_000),
  );
});

/** What a reader makes of a body in these pieces: its parts, or the refusal. */
function outcome(pieces: readonly Buffer[]): unknown {
  const reader = new BodyReader();
  try {
    for (const piece of pieces) reader.push(piece);
    const { bytes, json, members, cut } = reader.end();
    return { bytes: bytes.toString('latin1'), json, members, cut: cut === undefined ? null : [...cut] };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { status: error.status, code: error.code, param: error.param };
  }
}

const long = fc.constantFrom(
  `{"a":[{"b":"${'A'.repeat(65_600)}"}],"c":1}`,
  `{"a":[["data:image/png;base64,${'\\"'.repeat(33_000)}"]]}`,
);
const anyBody = fc.oneof(
  { weight: 10, arbitrary: object.map((each) => Buffer.from(each.text)) },
  { weight: 5, arbitrary: object.map((each) => Buffer.from(`\ufeff${each.text}`)) },
  { weight: 1, arbitrary: long.map((each) => Buffer.from(each)) },
  {
    weight: 5,
    arbitrary: fc
      .string({ unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', '1', ' '), maxLength: 30 })
      .map((each) => Buffer.from(each)),
  },
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 20 }).map((each) => Buffer.from(each)) },
);

test('I1 I5: how a body was cut into pieces on its way changes nothing, neither what is read nor what is refused', () => {
  fc.assert(
    fc.property(anyBody, cuts, (bytes, at) => {
      expect(outcome(inPieces(bytes, at))).toEqual(outcome([bytes]));
    }),
    propertyRuns(2_000),
  );
});

test('edits change their member, and every other byte stays', () => {
  const edit = fc.constantFrom('value', 'rename', 'remove');
  fc.assert(
    fc.property(object, fc.array(edit, { maxLength: 6 }), fc.boolean(), ({ text: written, members }, kinds, append) => {
      const bytes = Buffer.from(written);
      const found = scanMembers(bytes, 'allow');
      const edits: Edit[] = [];
      const wanted: [unknown, string][] = [];
      for (const [at, each] of found.entries()) {
        const kind = kinds[at];
        const before = bytes.toString('latin1', each.valueStart, each.valueEnd);
        if (kind === 'value') edits.push({ key: each.key, value: '{"new":[1.0]}' });
        else if (kind === 'rename') edits.push({ key: each.key, rename: `new "${at}"` });
        else if (kind === 'remove') edits.push({ key: each.key, remove: true });
        if (kind !== 'remove')
          wanted.push([kind === 'rename' ? `new "${at}"` : each.key, kind === 'value' ? '{"new":[1.0]}' : before]);
      }
      if (append) {
        edits.push({ key: 'appended', value: 'null' });
        wanted.push(['appended', 'null']);
      }
      const result = spliceMembers(bytes, found, edits);
      expect(() => JSON.parse(result.toString())).not.toThrow();
      const after = scanMembers(result, 'allow').map((each) => [
        each.key,
        result.toString('latin1', each.valueStart, each.valueEnd),
      ]);
      expect(after).toEqual(wanted);
      expect(bytes.toString()).toBe(Buffer.from(written).toString());
      if (edits.length === 0) expect(result.equals(bytes)).toBe(true);
      expect(members.length).toBe(found.length);
    }),
    propertyRuns(2_000),
  );
});

import { describe, expect, it } from 'vitest';
import { CitationReader } from '../../../providers/gemini/response/citations.ts';
import { PartialArguments } from '../../../providers/gemini/response/partial-arguments.ts';
import { choiceOf, documentOf, failureOf } from './support.ts';

describe('arguments in pieces', () => {
  const built = (...pieces: object[]) => {
    const partial = new PartialArguments();
    for (const piece of pieces) partial.add(piece);
    return partial.text();
  };
  const text = (jsonPath: string, stringValue: string, more: object = {}) => ({ jsonPath, stringValue, ...more });
  const open = { willContinue: true };

  it.each([
    ['a text that goes on', [text('$.a', 'x', open), text('$.a', 'y', open), text('$.a', '')], '{"a":"xy"}'],
    ['a text that is given again', [text('$.a', 'x'), text('$.a', 'y')], '{"a":"y"}'],
    ['texts in turn', [text('$.a', 'x', open), text('$.b', 'y'), text('$.a', 'z')], '{"a":"z","b":"y"}'],
    [
      'values of every type',
      [
        { jsonPath: '$.n', numberValue: 1.5 },
        { jsonPath: '$.s', numberValue: '7' },
        { jsonPath: '$.t', boolValue: false },
        { jsonPath: '$.z', nullValue: 'NULL_VALUE' },
      ],
      '{"n":1.5,"s":7,"t":false,"z":null}',
    ],
    ['lists in lists', [text('$.a[0][1].b', 'x')], '{"a":[[null,{"b":"x"}]]}'],
    ['names in quotes', [text("$['a b'][\"c'd\"]", 'x'), text("$['it\\'s']", 'y')], `{"a b":{"c'd":"x"},"it's":"y"}`],
    [
      'names in snake case',
      [
        { json_path: '$.a', string_value: 'x', will_continue: true },
        { json_path: '$.a', string_value: 'y' },
      ],
      '{"a":"xy"}',
    ],
    ['nothing', [], '{}'],
    ['I6: a name that is a prototype elsewhere', [text('$.__proto__.x', 'y')], '{"__proto__":{"x":"y"}}'],
  ])('%s', (_name, pieces, expected) => {
    expect(built(...pieces)).toBe(expected);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it.each([
    ['no path', {}],
    ['no object', 'x'],
    ['an empty path', text('$', 'x')],
    ['a path that is none', text('$..a', 'x')],
    ['a wildcard', text('$.a[*]', 'x')],
    ['a place far behind the end', text('$.a[100000]', 'x')],
    ['more digits than a place has', text('$.a[10000000]', 'x')],
    ['a path without end', text(`$${'.a'.repeat(100)}`, 'x')],
  ])('are refused with %s', (_name, piece) => {
    expect(failureOf(() => built(piece as object)).reason).toBe('protocol');
  });

  it('are whole at the end of the answer, even where the last piece says that there is more', () => {
    const call = { functionCall: { name: 'f', partialArgs: [text('$.a', 'x', open)], willContinue: true } };
    const { message, finish_reason } = choiceOf(documentOf([call, { text: 'Done.' }]));
    expect(message).toMatchObject({ content: 'Done.', tool_calls: [{ function: { name: 'f', arguments: '{"a":"x"}' } }] });
    expect(finish_reason).toBe('tool_calls');
  });

  it('belong to the call before them, until another begins', () => {
    const first = { functionCall: { name: 'f', willContinue: true } };
    const piece = { functionCall: { partialArgs: [text('$.a', 'x')], willContinue: true } };
    const { message } = choiceOf(documentOf([first, piece, { functionCall: { name: 'g', args: { b: 1 } } }]));
    expect((message.tool_calls as { function: object }[]).map((call) => call.function)).toEqual([
      { name: 'f', arguments: '{"a":"x"}' },
      { name: 'g', arguments: '{"b":1}' },
    ]);
  });
});

describe('sources', () => {
  const web = (uri: string) => ({ web: { uri, title: 'T' } });
  const support = (segment: object, ...indices: unknown[]) => ({ segment, groundingChunkIndices: indices });
  const read = (answer: string, ...candidates: object[]) => {
    const reader = new CitationReader();
    reader.follow(answer);
    return candidates.flatMap((candidate) => reader.read(candidate as Record<string, unknown>));
  };
  const grounded = (groundingChunks: unknown, groundingSupports?: unknown) => ({
    groundingMetadata: { groundingChunks, groundingSupports },
  });

  it('are named once, however often a stream repeats them', () => {
    const metadata = grounded([web('https://a.test')], [support({ endIndex: 2 }, 0)]);
    expect(read('abcd', metadata, metadata)).toEqual([{ type: 'citation', url: 'https://a.test', title: 'T', start: 0, end: 2 }]);
  });

  it('stand where their text is, when the place that is named has another', () => {
    const segment = { startIndex: 0, endIndex: 3, text: 'two' };
    expect(read('one two', grounded([web('https://a.test')], [support(segment, 0)]))).toMatchObject([{ start: 4, end: 7 }]);
  });

  it('have no place when their text is nowhere, or the answer too long to look', () => {
    const metadata = grounded([web('https://a.test')], [support({ startIndex: 0, endIndex: 3, text: 'six' }, 0)]);
    expect(read('one two', metadata)).toEqual([{ type: 'citation', url: 'https://a.test', title: 'T' }]);
    expect(
      read('x'.repeat(2 * 1024 * 1024), grounded([web('https://a.test')], [support({ endIndex: 1 }, 0)]))[0],
    ).not.toHaveProperty('start');
  });

  it('are pages, places, documents and recited texts', () => {
    const chunks = [
      { retrievedContext: { uri: 'gs://b/c' } },
      { maps: { uri: 'https://maps.test' } },
      { retrievedContext: { text: 'no address' } },
      'x',
      null,
    ];
    const citationMetadata = { citations: [{ uri: 'https://r.test', startIndex: 0, endIndex: 1 }, { license: 'mit' }, null] };
    expect(read('abc', { ...grounded(chunks), citationMetadata }).map((part) => part.url)).toEqual([
      'gs://b/c',
      'https://maps.test',
      'https://r.test',
    ]);
  });

  it.each([
    [{ groundingMetadata: 'x' }],
    [grounded('x', 'y')],
    [grounded([], [null, 1, support('x' as never, -1, 'y', 9)])],
    [{ citationMetadata: { citations: 'x' } }],
  ])('are none where there is nothing to read: %j', (candidate) => {
    expect(read('abc', candidate)).toEqual([]);
  });

  it('are not more than can be of use', () => {
    const chunks = Array.from({ length: 1000 }, (_, at) => web(`https://a.test/${at}`));
    expect(read('abc', grounded(chunks))).toHaveLength(256);
    const supports = Array.from({ length: 200 }, (_, at) => support({ endIndex: at }, 0, 1));
    expect(read('x'.repeat(200), grounded(chunks, supports))).toHaveLength(256);
  });
});

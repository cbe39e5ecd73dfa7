import fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameEvent, SseSplitter } from '../../providers/wire/sse.ts';
import { allowTime, announce, propertyRuns, runs } from './dice.ts';

// The event splitter against the parsing rules of the WHATWG HTML standard ("Server-sent events"), read once, over the whole
// text, without regard to speed.

allowTime();

type Event = readonly [event: string, data: string];

/** Events of a whole stream. Bytes are kept as Latin-1 characters. */
function byTheStandard(bytes: Buffer): Event[] {
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const events: Event[] = [];
  let name = '';
  let data: string[] = [];
  // What follows the last line end is no line.
  for (const line of text.split(/\r\n|\r|\n/).slice(0, -1)) {
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (line === '') {
      if (data.length > 0) events.push([name, data.join('\n')]);
      name = '';
      data = [];
    } else if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }
  return events;
}

function bySplitter(pieces: readonly Buffer[], splitter = new SseSplitter()): Event[] {
  const events: Event[] = [];
  for (const piece of pieces) {
    splitter.push(piece, ({ event, data }) => events.push([Buffer.from(event).toString('latin1'), data.toString('latin1')]));
  }
  return events;
}

const fragments = [
  ...[
    '\n',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    '\r\n\r\n',
    ':',
    ' ',
    'data',
    'data:',
    'data: ',
    'data:  ',
    'event',
    'event: ',
    'event:x',
    'id: 1',
  ],
  ...[
    'retry: 5',
    ': c',
    'DATA:',
    'data :',
    'dat',
    'datas: x',
    ' data: x',
    'events:',
    '[DONE]',
    '{"a":1}',
    '\0',
    'ü',
    '👋',
    '\u2028',
  ],
].map((text) => Buffer.from(text));
const stream = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...fragments, Buffer.from('\ufeff')) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)) },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => Buffer.concat(pieces));

function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  // Copies: a piece of a larger buffer would hide a read beyond its end.
  return edges.slice(1).map((edge, at) => Buffer.from(bytes.subarray(edges[at], edge)));
}

const cuts = fc.array(fc.nat(1_000), { maxLength: 12 });
const utf8 = (name: string): string => Buffer.from(Buffer.from(name, 'latin1').toString('utf8')).toString('latin1');

test('S1 S3 S4: any bytes in any pieces give the events of the standard', () => {
  announce('events', runs(5_000));
  fc.assert(
    fc.property(stream, cuts, (bytes, at) => {
      const wanted = byTheStandard(bytes).map(([name, data]): Event => [utf8(name), data]);
      expect(bySplitter(inPieces(bytes, at))).toEqual(wanted);
    }),
    propertyRuns(5_000),
  );
});

test('S8: with a limit, what is passed on and what is refused does not depend on the pieces, and no event is larger', () => {
  fc.assert(
    fc.property(stream, cuts, fc.integer({ min: 1, max: 40 }), (bytes, at, limit) => {
      const [whole, pieces] = [new SseSplitter(limit), new SseSplitter(limit)];
      const events = bySplitter([bytes], whole);
      expect([bySplitter(inPieces(bytes, at), pieces), pieces.overflow]).toEqual([events, whole.overflow]);
      for (const [, data] of events) expect(data.length).toBeLessThanOrEqual(limit);
    }),
    propertyRuns(3_000),
  );
});

test('S15: whatever a payload holds, framed it is one event and the same payload', () => {
  fc.assert(
    fc.property(stream, fc.constantFrom('', 'response.created', 'error'), cuts, (payload, name, at) => {
      const data = Buffer.from(payload.toString('latin1').replaceAll('\r', ''), 'latin1');
      expect(bySplitter(inPieces(frameEvent(data, name), at))).toEqual([[name, data.toString('latin1')]]);
    }),
    propertyRuns(2_000),
  );
});

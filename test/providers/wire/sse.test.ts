import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameEvent, frameJson, SseSplitter } from '../../../providers/wire/sse.ts';

type Plain = readonly [event: string, data: string];

/** Events of a text pushed in pieces ending at the cuts. */
function events(text: string | Buffer, cuts: readonly number[] = [], splitter = new SseSplitter()): Plain[] {
  const bytes = Buffer.from(text as string);
  const found: Plain[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    splitter.push(bytes.subarray(from, cut), ({ event, data }) => found.push([event, data.toString()]));
    from = cut;
  }
  return found;
}

const everyByte = (length: number) => Array.from({ length }, (_, index) => index + 1);

describe('SseSplitter', () => {
  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('S3: takes %s as the end of a line', (_name, end) => {
    expect(events(`data: a${end}${end}event: x${end}data: b${end}${end}`)).toEqual([
      ['', 'a'],
      ['x', 'b'],
    ]);
  });

  it('S3: takes mixed line ends in one stream', () => {
    expect(events('data: a\r\n\ndata: b\r\rdata: c\n\r\n').map(([, data]) => data)).toEqual(['a', 'b', 'c']);
  });

  it('S3: makes no event of a line feed that comes in the chunk after its carriage return', () => {
    const text = 'data: a\r\n\r\ndata: b\r\n\r\n';
    for (let cut = 0; cut <= text.length; cut++) expect(events(text, [cut]).map(([, data]) => data)).toEqual(['a', 'b']);
  });

  it('S4: skips comments, id, retry and unknown fields', () => {
    expect(events(': hello\nid: 1\nretry: 5\nfoo: bar\ndatum: no\nevents: no\ndata: a\n\n: bye\n\n')).toEqual([['', 'a']]);
  });

  it('S4: takes data without a space, and only one space off', () => {
    expect(events('data:a\n\ndata:  b\n\ndata\n\n').map(([, data]) => data)).toEqual(['a', ' b', '']);
  });

  it('S4: joins several data lines with LF', () => {
    expect(events('data: a\ndata: b\ndata:\ndata: c\n\n')).toEqual([['', 'a\nb\n\nc']]);
  });

  it('S4: drops a leading byte order mark, however it is cut', () => {
    const text = Buffer.from('\ufeffdata: a\n\n');
    for (let cut = 0; cut < 5; cut++) expect(events(text, [cut])).toEqual([['', 'a']]);
  });

  it('S4: keeps a byte order mark that is not at the start', () => {
    expect(events('data: \ufeffa\n\n')).toEqual([['', '\ufeffa']]);
  });

  it('forgets the event name with the event, also when it had no data', () => {
    expect(events('event: x\n\ndata: a\n\nevent: y\ndata: b\n\ndata: c\n\n')).toEqual([
      ['', 'a'],
      ['y', 'b'],
      ['', 'c'],
    ]);
  });

  it('S1: gives the same events for one byte at a time', () => {
    const text = ': c\r\nevent: e\r\ndata: one\r\ndata: two\r\n\r\ndata:{"a":"\u{1f600}\u4f60"}\n\nid: 3\ndata: x\r\r';
    expect(events(text, everyByte(Buffer.byteLength(text)))).toEqual(events(text));
  });

  it('S1, S2: gives the same events for any chunks', () => {
    const line = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, '')}`),
      fc.constantFrom('event: e', ': comment', 'id: 7', '', '', 'data', 'data:', 'retry'),
    );
    const stream = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 30 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400), { maxLength: 20 }), (lines, raw) => {
        const text = Buffer.from(lines.map(([content, end]) => content + end).join(''));
        const cuts = raw.filter((cut) => cut <= text.length).sort((a, b) => a - b);
        expect(events(text, cuts)).toEqual(events(text));
      }),
    );
  });

  it.each([
    ['no blank line', 'data: a\n', true],
    ['half a line', 'data: {"a"', true],
    ['whole events', 'data: a\n\n', false],
    ['nothing', '', false],
    ['half a comment', 'data: a\n\n: keep', false],
    ['an event name without data', 'event: x\n', false],
  ])('S5: tells whether an event was left unfinished: %s', (_name, text, left) => {
    const splitter = new SseSplitter();
    events(text, [], splitter);
    expect(splitter.end()).toBe(left);
  });

  it('S8: passes an event up to the limit and stops at a larger one', () => {
    const at = new SseSplitter(1000);
    expect(events(`data: ${'x'.repeat(994)}\n\n`, [], at)).toHaveLength(1);
    expect(at.overflow).toBe(false);
    const above = new SseSplitter(1000);
    expect(events(`data: ${'x'.repeat(996)}\n\ndata: b\n\n`, [], above)).toHaveLength(0);
    expect(above.overflow).toBe(true);
  });

  it('S8: counts the lines of one event together, and a line that never ends', () => {
    for (const text of ['data: 0123456789\n'.repeat(100), `data: ${'x'.repeat(2000)}`, `: ${'x'.repeat(2000)}`]) {
      const splitter = new SseSplitter(1000);
      const cuts = everyByte(text.length).filter((cut) => cut % 7 === 0);
      events(text, cuts, splitter);
      expect(splitter.overflow).toBe(true);
    }
  });

  it('S8: takes a 16 MB event in 64 KiB chunks in linear time', () => {
    const text = Buffer.from(`data: ${'x'.repeat(16_000_000)}\n\n`);
    const cuts = Array.from({ length: Math.floor(text.length / 65_536) }, (_, index) => (index + 1) * 65_536);
    const start = performance.now();
    expect(events(text, cuts)[0]?.[1]).toHaveLength(16_000_000);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('S8: takes 2 MB of one-byte chunks in linear time', () => {
    const splitter = new SseSplitter();
    const byte = Buffer.from('x');
    let size = 0;
    splitter.push(Buffer.from('data: '), () => {});
    const start = performance.now();
    for (let i = 0; i < 2_000_000; i++) splitter.push(byte, () => {});
    splitter.push(Buffer.from('\n\n'), ({ data }) => {
      size = data.length;
    });
    expect(size).toBe(2_000_000);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  it('keeps events apart from later chunks', () => {
    const splitter = new SseSplitter();
    const kept: Buffer[] = [];
    for (const text of ['data: first-', 'half\n', '\ndata: sec', 'ond\n\n', 'data: third\n\n']) {
      splitter.push(Buffer.from(text), ({ data }) => kept.push(data));
    }
    expect(kept.map(String)).toEqual(['first-half', 'second', 'third']);
  });
});

describe('frameEvent', () => {
  it('writes what a splitter reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'response.created'), (text, event) => {
        const data = text.replaceAll('\r', '');
        expect(events(frameEvent(Buffer.from(data), event))).toEqual([[event, data]]);
      }),
    );
  });

  it('S15: JSON text cannot forge an event', () => {
    const content = 'a\n\ndata: [DONE]\n\n\u2028\u0000\ud800';
    expect(events(frameJson({ content }))).toHaveLength(1);
  });
});

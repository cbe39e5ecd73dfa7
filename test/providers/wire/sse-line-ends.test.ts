import { expect, it } from 'vitest';
import { SseSplitter } from '../../../providers/wire/sse.ts';

it.each([
  ['CRLF', '\r\n'],
  ['CR', '\r'],
  ['LF', '\n'],
])('S3: an event of several lines that end in %s is one event at every split: no line end is read twice', (_name, end) => {
  const lines = ['event: x', 'data: a', 'data: b', 'id: 1', 'data: c', '', 'data: d', '', ''];
  const bytes = Buffer.from(lines.join(end));
  for (let cut = 0; cut <= bytes.length; cut++) {
    const found: string[] = [];
    const splitter = new SseSplitter();
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      splitter.push(piece, ({ event, data }) => found.push(`${event}|${data}`));
    }
    expect(found, `cut at ${cut}`).toEqual(['x|a\nb\nc', '|d']);
  }
});

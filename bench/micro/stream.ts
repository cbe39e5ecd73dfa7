import { ChatPassthroughStream } from '../../providers/openai/passthrough/chat-stream.ts';
import type { SseEvent } from '../../providers/provider.ts';
import { SseSplitter } from '../../providers/wire/sse.ts';
import { streamAnswer, streamEnd } from '../messages.ts';
import type { Case } from './harness.ts';

const chunks = [...streamAnswer(), streamEnd];
const payloads = chunks.slice(0, -1).map((chunk) => chunk.toString('utf8', 6));

/** Runs `each` over whole streams until `times` events are through. */
function perEvent(times: number, stream: () => void): void {
  for (let left = times; left > 0; left -= chunks.length) stream();
}

/** Per event of a stream, one event per chunk, beside parsing and serialising its JSON. */
export const streamCases: readonly Case[] = [
  {
    name: 'JSON.parse + JSON.stringify, per event',
    run(times) {
      let length = 0;
      perEvent(times, () => {
        for (const payload of payloads) length += JSON.stringify(JSON.parse(payload)).length;
      });
      return length;
    },
  },
  {
    name: 'SseSplitter, per event',
    run(times) {
      let length = 0;
      const read = (event: SseEvent): void => {
        length += event.data.length;
      };
      perEvent(times, () => {
        const splitter = new SseSplitter();
        for (const chunk of chunks) splitter.push(chunk, read);
      });
      return length;
    },
  },
  {
    name: 'SseSplitter + chat passthrough, per event',
    run(times) {
      let length = 0;
      perEvent(times, () => {
        const splitter = new SseSplitter();
        const stream = new ChatPassthroughStream(false);
        const read = (event: SseEvent): void => {
          length += stream.push(event)?.length ?? 0;
        };
        for (const chunk of chunks) splitter.push(chunk, read);
      });
      return length;
    },
  },
];

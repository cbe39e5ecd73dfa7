import { chatStreams, digest } from '../helper/streams.ts';

/** Text of an event stream's payloads, `[DONE]` left out. */
function payloads(bytes) {
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line.startsWith('data: {')).map((line) => JSON.parse(line.slice(6)));
}

/** What both grids need to know of each stream; offsets in bytes. `whole` is the digest of the complete answer. */
export function plan() {
  return chatStreams.map(({ name, bytes, completeEnd, finishedEnd }) => ({
    name,
    length: bytes.length,
    completeEnd,
    finishedEnd,
    whole: digest(payloads(bytes)),
  }));
}

export const columns = ['chunked', 'length', 'close'].flatMap((framing) => ['fin', 'rst'].map((end) => ({ framing, end })));

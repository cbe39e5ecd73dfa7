import { answer, type End, type Framing, framings } from './replies.ts';
import { askOf, streamNamed } from './streams.ts';
import type { Script } from './upstream.ts';

/** One way to break a stream: after `offset` bytes of its body, by `end`, in `framing`. */
export interface Cut {
  readonly stream: string;
  readonly offset: number;
  readonly end: End;
  readonly framing: Framing;
}

export const ends: readonly End[] = ['fin', 'rst'];

/** Every way a transport can end early: each is one column of the grid. */
export const columns: readonly { readonly framing: Framing; readonly end: End }[] = framings.flatMap((framing) =>
  ends.map((end) => ({ framing, end })),
);

/** The case as text that travels inside the request, so that one upstream serves any number of cases at once. */
export function toAsk(cut: Cut): string {
  return `cut ${cut.stream} ${cut.offset} ${cut.framing} ${cut.end}`;
}

/** Plays the stream named in the request up to the byte named there. The declared length is that of the whole and more. */
export const cutScript: Script = (call, wire) => {
  const [, name = '', offset = '', framing = '', end = ''] = askOf(call.json).split(' ');
  const { bytes } = streamNamed(name);
  const script = answer(Buffer.concat([bytes, Buffer.from(': more\n\n')]), {
    headers: { 'content-type': 'text/event-stream' },
    framing: framing as Framing,
    cut: Number(offset),
    end: end as End,
  });
  return script(call, wire);
};

/** Runs `work` over `items`, `width` at a time; resolves with the failures' messages. */
export async function overAll<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<string[]> {
  const failures: string[] = [];
  let at = 0;
  const worker = async () => {
    for (let index = at++; index < items.length; index = at++) {
      const item = items[index]!;
      await work(item).catch((error: Error) => {
        failures.push(`${JSON.stringify(item)}: ${error.message}`);
      });
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return failures;
}

/** Deterministic numbers in [0, 1) (mulberry32), so that a failing sample can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

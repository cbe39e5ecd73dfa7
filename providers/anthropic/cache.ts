import type { EncodeNotes } from '../provider.ts';
import type { CacheHint } from '../unified.ts';
import type { Block, CacheMarks, Turn } from './dialect.ts';

/** Places that one request may mark. */
const MAX_MARKS = 4;

/**
 * Writes the caller's cache marks as `cache_control`, in the order the API reads a prompt: tools, system, messages. Of more
 * than it takes the last ones stay, as each covers everything before it. A mark of an hour behind one of five minutes is
 * refused by the API, so it becomes one of five minutes. `reserved`: places taken already.
 */
export function writeMarks(
  tools: readonly Block[],
  system: readonly Block[],
  messages: readonly Turn[],
  marks: CacheMarks,
  reserved: number,
  notes: EncodeNotes,
): void {
  if (marks.size === 0) return;
  const marked: Block[] = [];
  const collect = (blocks: readonly Block[]) => {
    for (const block of blocks) {
      if (Array.isArray(block.content)) collect(block.content as Block[]);
      if (marks.has(block)) marked.push(block);
    }
  };
  collect(tools);
  collect(system);
  for (const { content } of messages) collect(content);
  const places = Math.max(0, MAX_MARKS - reserved);
  if (marked.length > places) notes.dropped('cache_control');
  let short = false;
  for (const block of places === 0 ? [] : marked.slice(-places)) {
    const long = isLong(marks.get(block)!);
    if (long && short) notes.dropped('cache_control.ttl');
    short ||= !long;
    block.cache_control = { type: 'ephemeral', ...(long && !short ? { ttl: '1h' } : {}) };
  }
}

/** The API has five minutes and an hour: what asks for longer than five minutes gets the hour. */
function isLong({ ttl }: CacheHint): boolean {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(ttl ?? '') ?? [];
  if (count === undefined) return false;
  const seconds = Number(count) * (unit === 's' ? 1 : unit === 'm' ? 60 : unit === 'h' ? 3600 : 86_400);
  return seconds > 300;
}

/** Edit distance (insert, delete, replace, swap of neighbours), or `limit + 1` when it is larger than `limit`. */
export function distance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let best = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        best = Math.min(best, before[column - 2]! + 1);
      }
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return Math.min(previous[right.length]!, limit + 1);
}

/**
 * Up to three candidates that `name` may have been meant to be, nearest first: a third of its letters differ at most, or
 * one is the beginning of the other. Case and `-`/`_` do not count.
 */
export function nearest(name: string, candidates: Iterable<string>): string[] {
  if (name.length > 64) return [];
  const fold = (text: string) => text.toLowerCase().replaceAll('-', '_');
  const wanted = fold(name);
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: { candidate: string; rank: number }[] = [];
  for (const candidate of candidates) {
    const folded = fold(candidate);
    const begun = wanted.length > 2 && folded.length > 2 && (folded.startsWith(wanted) || wanted.startsWith(folded));
    const rank = distance(wanted, folded, limit);
    if (rank <= limit || begun) found.push({ candidate, rank });
  }
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** Hint for an unknown name: the nearest ones, else the whole (short) list, else `otherwise`. */
export function suggestion(name: string, candidates: readonly string[], otherwise: string): string {
  const close = nearest(name, candidates);
  if (close.length > 0) return `did you mean ${close.join(' or ')}?`;
  if (candidates.length > 0 && candidates.length <= 16) return `known: ${candidates.join(', ')}`;
  return otherwise;
}

import type { Candidate } from '../candidate.ts';

/**
 * Two different candidates drawn at random, or the same one twice when there is only one. Of two choices the better (Mitzenmacher,
 * "The Power of Two Choices"): a figure that is late by one answer does not send everybody to the same place. Candidates of
 * weight 0 are drawn only when there is nothing else.
 */
export function twoAtRandom(candidates: readonly Candidate[], random: () => number): readonly [Candidate, Candidate] {
  const among = weighty(candidates);
  const { length } = among;
  const first = Math.floor(random() * length);
  if (length === 1) return [among[0]!, among[0]!];
  const other = (first + 1 + Math.floor(random() * (length - 1))) % length;
  return [among[first]!, among[other]!];
}

/** Those with a weight above 0; all of them when there is none. */
export function weighty(candidates: readonly Candidate[]): readonly Candidate[] {
  for (let at = 0; at < candidates.length; at++) {
    if (candidates[at]!.target.weight > 0) continue;
    const some = candidates.filter(({ target }) => target.weight > 0);
    return some.length === 0 ? candidates : some;
  }
  return candidates;
}

import type { Candidate } from './candidate.ts';
import type { Exclusion } from './decision.ts';

/**
 * Those of `open` that take part in a choice: targets that come back do as often as their share says. Notes in `excluded`, by place,
 * who does not. `random`: numbers in [0, 1).
 */
export function eased(open: Candidate[], excluded: (Exclusion | null)[], now: number, random: () => number): Candidate[] {
  const kept = open.filter(({ state }) => {
    const share = state.share(now);
    return share === 1 || random() < share;
  });
  if (kept.length === 0) return open;
  for (const { slot } of open) excluded[slot] = 'recovering';
  for (const { slot } of kept) excluded[slot] = null;
  return kept;
}

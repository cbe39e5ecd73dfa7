import type { Candidate } from '../candidate.ts';
import type { SelectionStrategy } from '../types.ts';

/** Requests under way for each unit of weight, this call included. */
const score = ({ state, target }: Candidate): number => (state.inFlight + 1) / target.weight;

/** The candidate with the fewest requests under way for its weight; equals take turns. */
export const leastBusy: SelectionStrategy = {
  name: 'least-busy',
  create(all) {
    let turn = 0;
    const { length } = all;
    return {
      pick(candidates) {
        let best = candidates[0]!;
        let bestScore = Number.POSITIVE_INFINITY;
        let bestTurn = length;
        for (let at = 0; at < candidates.length; at++) {
          const candidate = candidates[at]!;
          const its = score(candidate);
          const waits = (candidate.slot - turn + length) % length;
          if (its > bestScore || (its === bestScore && waits >= bestTurn)) continue;
          best = candidate;
          bestScore = its;
          bestTurn = waits;
        }
        return best;
      },
      chosen({ slot }) {
        turn = (slot + 1) % length;
      },
      score,
    };
  },
};

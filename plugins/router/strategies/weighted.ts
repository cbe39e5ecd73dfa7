import type { SelectionStrategy } from '../types.ts';

/**
 * Smooth weighted round-robin (as nginx has it): shares follow the weights exactly and are spread evenly. Targets that are
 * out leave the cycle, and the others keep their proportions.
 */
export const weighted: SelectionStrategy = {
  name: 'weighted',
  create(all) {
    const current = new Array<number>(all.length).fill(0);
    return {
      pick(candidates) {
        let best = candidates[0]!;
        let most = Number.NEGATIVE_INFINITY;
        for (let at = 0; at < candidates.length; at++) {
          const candidate = candidates[at]!;
          const { weight } = candidate.target;
          const value = current[candidate.slot]! + weight;
          // Weight 0: only when nothing else is left.
          if (weight === 0 || value <= most) continue;
          best = candidate;
          most = value;
        }
        return best;
      },
      chosen(chosen, candidates) {
        let total = 0;
        for (let at = 0; at < candidates.length; at++) {
          const { slot, target } = candidates[at]!;
          current[slot]! += target.weight;
          total += target.weight;
        }
        current[chosen.slot]! -= total;
      },
    };
  },
};

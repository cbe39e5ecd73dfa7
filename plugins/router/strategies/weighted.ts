import type { Target } from '../../../providers/provider.ts';
import type { SelectionStrategy } from '../types.ts';

/**
 * Smooth weighted round-robin (as nginx has it): shares follow the weights exactly and are spread evenly. Targets that are
 * out leave the cycle, and the others keep their proportions.
 */
export const weighted: SelectionStrategy = {
  name: 'weighted',
  create(targets) {
    const current = new Map<Target, number>(targets.map((target) => [target, 0]));
    return {
      pick(available) {
        let total = 0;
        let best = available[0]!;
        let bestValue = Number.NEGATIVE_INFINITY;
        for (const target of available) {
          // Weight 0: only when nothing else is left.
          if (target.weight === 0) continue;
          const value = current.get(target)! + target.weight;
          current.set(target, value);
          total += target.weight;
          if (value > bestValue) {
            best = target;
            bestValue = value;
          }
        }
        if (total > 0) current.set(best, bestValue - total);
        return best;
      },
    };
  },
};

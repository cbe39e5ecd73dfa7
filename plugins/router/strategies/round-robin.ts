import type { SelectionStrategy } from '../types.ts';

/** Each target in turn, in the order of the file; weights are ignored. */
export const roundRobin: SelectionStrategy = {
  name: 'round-robin',
  create(targets) {
    const position = new Map(targets.map((target, at) => [target, at]));
    let cursor = 0;
    return {
      pick(available) {
        // The first available one at or after the cursor, else the first of all.
        let chosen = available[0]!;
        for (const target of available) {
          if (position.get(target)! >= cursor) {
            chosen = target;
            break;
          }
        }
        cursor = (position.get(chosen)! + 1) % targets.length;
        return chosen;
      },
    };
  },
};

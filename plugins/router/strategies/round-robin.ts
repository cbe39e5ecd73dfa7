import type { SelectionStrategy } from '../types.ts';

/** Each target in turn, in the order of the file; weights are ignored. */
export const roundRobin: SelectionStrategy = {
  name: 'round-robin',
  create(all) {
    let cursor = 0;
    return {
      // The first one at or after the cursor, else the first of all.
      pick: (candidates) => candidates.find(({ slot }) => slot >= cursor) ?? candidates[0]!,
      chosen({ slot }) {
        cursor = (slot + 1) % all.length;
      },
    };
  },
};

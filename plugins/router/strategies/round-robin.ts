import type { SelectionStrategy } from '../types.ts';
import { weighty } from './two-choices.ts';

/** Each target in turn, in the order of the file; of weights only 0 counts. */
export const roundRobin: SelectionStrategy = {
  name: 'round-robin',
  create(all) {
    let cursor = 0;
    return {
      // The first one at or after the cursor, else the first of all.
      pick(candidates) {
        const among = weighty(candidates);
        return among.find(({ slot }) => slot >= cursor) ?? among[0]!;
      },
      chosen({ slot }) {
        cursor = (slot + 1) % all.length;
      },
    };
  },
};

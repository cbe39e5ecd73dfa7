import type { SelectionStrategy } from '../types.ts';

/** The first target of the file that is available. */
export const priority: SelectionStrategy = {
  name: 'priority',
  create: () => ({ pick: (candidates) => candidates[0]! }),
};

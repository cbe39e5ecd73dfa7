import type { SelectionStrategy } from '../types.ts';
import { priority } from './priority.ts';
import { roundRobin } from './round-robin.ts';
import { weighted } from './weighted.ts';

const all: readonly SelectionStrategy[] = [weighted, roundRobin, priority];

export const strategies: ReadonlyMap<string, SelectionStrategy> = new Map(all.map((strategy) => [strategy.name, strategy]));

import type { Strategy } from '../../../schemas/config.ts';
import type { SelectionStrategy } from '../types.ts';
import { priority } from './priority.ts';
import { roundRobin } from './round-robin.ts';
import { weighted } from './weighted.ts';

const all: readonly SelectionStrategy[] = [weighted, roundRobin, priority];

export const strategies: ReadonlyMap<Strategy, SelectionStrategy> = new Map(all.map((strategy) => [strategy.name, strategy]));

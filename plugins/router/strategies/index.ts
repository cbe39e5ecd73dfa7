import type { SelectionStrategy } from '../types.ts';
import { leastBusy } from './least-busy.ts';
import { leastCost } from './least-cost.ts';
import { lowestLatency } from './lowest-latency.ts';
import { priority } from './priority.ts';
import { roundRobin } from './round-robin.ts';
import { score } from './score.ts';
import { weighted } from './weighted.ts';

const all: readonly SelectionStrategy[] = [weighted, roundRobin, priority, leastCost, lowestLatency, leastBusy, score];

export const strategies: ReadonlyMap<string, SelectionStrategy> = new Map(all.map((strategy) => [strategy.name, strategy]));

import { vi } from 'vitest';
import { seeded } from '../helper/cuts.ts';

// Where the fuzz tests get their chance from. FUZZ_SEED repeats a run; FUZZ_RUNS is the number of mutated requests, and everything
// else grows with it.

const usualRequests = 2_500;
const scale = Number(process.env.FUZZ_RUNS ?? usualRequests) / usualRequests;

/** What every case of this process derives from. */
export const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 0x7fff_ffff)) | 0;

/** Cases to run, of which there usually are so many. */
export function runs(usual: number): number {
  return Math.max(1, Math.round(usual * scale));
}

/** Gives every test of the file the time that its size takes, on a busy machine. */
export function allowTime(): void {
  vi.setConfig({ testTimeout: 20_000 + 60_000 * scale });
}

/** Settings of fast-check for a property that usually runs so often. */
export function propertyRuns(usual: number): { seed: number; numRuns: number; verbose: 0 } {
  return { seed, numRuns: runs(usual), verbose: 0 };
}

/** Says how this run is repeated. */
export function announce(what: string, count: number): void {
  console.log(`${what}: FUZZ_SEED=${seed} FUZZ_RUNS=${Math.round(usualRequests * scale)}, ${count} cases`);
}

/** Choices out of one stream of numbers; the same for the same seed and case. */
export class Dice {
  readonly #next: () => number;

  constructor(index: number) {
    this.#next = seeded(seed ^ Math.imul(index + 1, 0x9e37_79b1));
    this.#next();
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

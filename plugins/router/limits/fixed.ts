import type { ConcurrencyLimit } from '../target-state.ts';

/** A limit that was told. */
export class FixedLimit implements ConcurrencyLimit {
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  answered(): void {}

  refused(): void {}
}

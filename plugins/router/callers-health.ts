import type { Candidate } from './candidate.ts';
import type { Health } from './health.ts';
import type { TargetState } from './target-state.ts';
import type { Unavailability } from './types.ts';

/** What a plan asks of the health of targets. */
export type PlanHealth = Pick<Health, 'now' | 'wait' | 'exclusion' | 'hasOtherKey'>;

/** Health for calls that bring a key of their own: that the operator's rest is no obstacle to them, and there is no other key. */
export class CallersHealth implements PlanHealth {
  readonly #health: Health;

  constructor(health: Health) {
    this.#health = health;
  }

  now(): number {
    return this.#health.now();
  }

  wait(candidate: Candidate, now?: number): number {
    return this.#health.wait(candidate, now, false);
  }

  /** The rest of keys is the last that `Health` looks at. */
  exclusion(state: TargetState, now: number): Unavailability | null {
    const why = this.#health.exclusion(state, now);
    return why === 'keys' ? null : why;
  }

  hasOtherKey(): boolean {
    return false;
  }
}

import type { Candidate } from './candidate.ts';
import type { TargetState } from './target-state.ts';

/** One call that waits for any of some targets. */
interface Waiter {
  readonly states: readonly TargetState[];
  readonly ready: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Calls that wait because every target they could use is at its limit, first come first served for each target. */
export class WaitingRoom {
  readonly #queues = new Map<TargetState, Set<Waiter>>();
  #size = 0;

  /** Calls that wait now. */
  get size(): number {
    return this.#size;
  }

  /**
   * Calls `ready` once when one of the targets may take a request, or `expired` after `ms`. Returns how to leave early; null, and
   * nothing else happens, when `max` calls wait already.
   */
  enter(candidates: readonly Candidate[], max: number, ms: number, ready: () => void, expired: () => void): (() => void) | null {
    if (this.#size >= max) return null;
    const states = candidates.map(({ state }) => state);
    const waiter: Waiter = {
      states,
      ready,
      timer: setTimeout(() => {
        this.#remove(waiter);
        expired();
      }, ms),
    };
    this.#size++;
    for (const state of states) this.#queue(state).add(waiter);
    return () => this.#remove(waiter);
  }

  /** Calls of one target that wait. */
  length(state: TargetState): number {
    return this.#queues.get(state)?.size ?? 0;
  }

  #queue(state: TargetState): Set<Waiter> {
    const known = this.#queues.get(state);
    if (known !== undefined) return known;
    const queue = new Set<Waiter>();
    this.#queues.set(state, queue);
    state.onRoom = () => this.#admit(state, queue);
    return queue;
  }

  /** As many as there is room for: each takes its place before the next is called. */
  #admit(state: TargetState, queue: Set<Waiter>): void {
    for (const waiter of queue) {
      if (state.full) return;
      this.#remove(waiter);
      waiter.ready();
    }
  }

  #remove(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    let waited = false;
    for (const state of waiter.states) {
      const queue = this.#queues.get(state);
      if (queue?.delete(waiter) === true) waited = true;
      if (queue?.size !== 0) continue;
      this.#queues.delete(state);
      state.onRoom = null;
    }
    if (waited) this.#size--;
  }
}

import type { Candidate } from '../router/index.ts';
import type { RunContext, RunInput } from './context.ts';

/** One exchange's place among those that wait for a target at its limit. All its waits together have one deadline. */
export class QueuePlace {
  readonly #context: RunContext;
  readonly #input: RunInput;
  #leave: (() => void) | null = null;
  #until = 0;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
  }

  /** False when it cannot wait: the queue is full. `expired` is told the milliseconds it has waited in all. */
  enter(candidates: readonly Candidate[], ready: () => void, expired: (waited: number) => void): boolean {
    const { exchange, route, decision } = this.#input;
    const { max, wait } = { ...exchange.config.limits.queue, ...route.groups[0]?.config?.queue };
    const began = performance.now();
    if (this.#until === 0) this.#until = began + wait;
    const done = (then: () => void): void => {
      this.#leave = null;
      decision.queued += performance.now() - began;
      then();
    };
    this.#leave = this.#context.router.waiting.enter(
      candidates,
      max,
      Math.max(0, this.#until - began),
      () => done(ready),
      () => done(() => expired(decision.queued)),
    );
    return this.#leave !== null;
  }

  leave(): void {
    this.#leave?.();
    this.#leave = null;
  }
}

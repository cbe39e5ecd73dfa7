import type { Candidate } from '../router/index.ts';
import type { TargetState } from '../router/target-state.ts';
import type { NotWaiting, Waiter } from '../router/waiting.ts';
import type { RunContext, RunInput } from './context.ts';

/** One exchange's place among those that wait for a target at its limit. All its waits together have one deadline. */
export class QueuePlace implements Waiter {
  states: readonly TargetState[] = [];
  readonly model: string;
  readonly #context: RunContext;
  readonly #input: RunInput;
  #leave: (() => void) | null = null;
  #then: (() => void) | null = null;
  #otherwise: ((waited: number, why: NotWaiting) => void) | null = null;
  #began = 0;
  #until = 0;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
    // By what is configured: callers choose the names that a pattern matches.
    this.model = input.route.groups[0]?.name ?? input.route.model;
  }

  get key(): string {
    return this.#input.exchange.principal.keyId ?? '';
  }

  /**
   * Waits until one of the targets may take the call, or none of them can be hoped for any more; then `then` is called. When it
   * may not wait (any longer), `otherwise` is told how many milliseconds it has waited in all, and why it is over.
   */
  enter(candidates: readonly Candidate[], then: () => void, otherwise: (waited: number, why: NotWaiting) => void): void {
    const { exchange, route, decision } = this.#input;
    const { wait, max } = { ...exchange.config.limits.queue, max: null, ...route.groups[0]?.config?.queue };
    const now = performance.now();
    if (this.#until === 0) this.#until = now + wait;
    this.#began = now;
    this.states = candidates.map(({ state }) => state);
    this.#then = then;
    this.#otherwise = otherwise;
    const front = decision.queued > 0 || decision.sends.length > 0;
    const entered = this.#context.router.waiting.enter(this, { max, ms: Math.max(0, this.#until - now), front });
    if (typeof entered === 'string') this.refused(entered);
    else this.#leave = entered;
  }

  ready(): void {
    this.#over();
    this.#then!();
  }

  refused(why: NotWaiting): void {
    this.#over();
    this.#otherwise!(this.#input.decision.queued, why);
  }

  leave(): void {
    if (this.#leave === null) return;
    this.#leave();
    this.#over();
  }

  #over(): void {
    if (this.#leave !== null) this.#input.decision.queued += performance.now() - this.#began;
    this.#leave = null;
  }
}

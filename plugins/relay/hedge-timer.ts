import type { Candidate, Route } from '../router/index.ts';
import type { RunContext } from './context.ts';

/** When the first content of one exchange is late enough for a second target. */
export class HedgeTimer {
  readonly #context: RunContext;
  readonly #route: Route;
  readonly #due: () => void;
  #timer: NodeJS.Timeout | null = null;
  #armed = false;

  /** `due` is called when a second target may start; that is counted already. */
  constructor(context: RunContext, route: Route, due: () => void) {
    this.#context = context;
    this.#route = route;
    this.#due = due;
  }

  /** A request has gone out; only the first one of an exchange is hedged. */
  arm(candidate: Candidate): void {
    if (this.#armed) return;
    this.#armed = true;
    const { hedging } = this.#context;
    const delay = hedging.delay(this.#route, candidate);
    if (delay === null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (hedging.take(this.#route)) this.#due();
    }, delay);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

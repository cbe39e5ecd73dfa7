import type { AttemptOutcome } from '../usage/index.ts';
import type { Attempt } from './attempt.ts';
import type { RunContext, RunInput } from './context.ts';
import { type OpenSend, settleAttempt } from './settlement.ts';
import type { Watchdog } from './watchdog.ts';

/** The sends of one exchange that are under way: one, or two while one hedges the other. */
export class Lanes {
  readonly #open: OpenSend[] = [];
  readonly #context: RunContext;
  readonly #input: RunInput;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
  }

  get size(): number {
    return this.#open.length;
  }

  add(open: OpenSend): void {
    this.#open.push(open);
  }

  /** Whether it is still under way. */
  has(open: OpenSend): boolean {
    return this.#open.includes(open);
  }

  of(attempt: Attempt): OpenSend {
    return this.#open.find((open) => open.attempt === attempt)!;
  }

  /** The one whose clocks these are; null when it has none. */
  timedBy(watchdog: Watchdog): OpenSend | null {
    return this.#open.find((open) => open.watchdog === watchdog) ?? null;
  }

  resume(): void {
    for (const { attempt } of this.#open) attempt.resume();
  }

  /** One answers, the others are given up: what they have cost is recorded. */
  keepOnly(winner: OpenSend): void {
    if (this.#open.length === 1) return;
    for (const open of [...this.#open]) if (open !== winner) this.drop(open, 'cancelled', 'hedge_lost', 499);
  }

  /** Ends one that is not to be blamed for its end. `then` runs when its row is committed. */
  drop(open: OpenSend, outcome: AttemptOutcome, reason: string, status: number, then: (() => void) | null = null): void {
    open.attempt.abort();
    open.watchdog.rest();
    this.#context.router.targetHealth.withdrawn(open.admission);
    this.close(open, outcome, reason, status, then);
  }

  /** All of them, newest last; `then` runs when the last row is committed. `ended` ends each one's place in the target's health. */
  cancelAll(reason: string, status: number, then: () => void, ended: (open: OpenSend) => void): void {
    const all = [...this.#open];
    for (const [at, open] of all.entries()) {
      open.attempt.abort();
      ended(open);
      // Rows are committed in the order they are written.
      this.close(open, 'cancelled', reason, status, at === all.length - 1 ? then : null);
    }
  }

  /** Settles one attempt in the ledger; `then` runs after the commit. */
  close(open: OpenSend, outcome: AttemptOutcome, reason: string | null, status: number, then: (() => void) | null = null): void {
    const at = this.#open.indexOf(open);
    if (at >= 0) this.#open.splice(at, 1);
    settleAttempt(this.#input.exchange, open, outcome, reason, status, then);
    this.#context.onAttempt(open.attempt.target.provider.name, outcome, reason);
  }
}

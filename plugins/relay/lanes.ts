import type { UpstreamFailure } from '../../providers/provider.ts';
import { failed } from '../upstream/index.ts';
import type { AttemptOutcome } from '../usage/index.ts';
import type { Attempt } from './attempt.ts';
import type { RunContext, RunInput } from './context.ts';
import { type OpenSend, settleAttempt } from './settlement.ts';
import type { Watchdog } from './watchdog.ts';

const deadline: UpstreamFailure = failed('timeout', 'the provider exceeded the total timeout');

/** The sends of one exchange that are under way: one, or two while one hedges the other. */
export class Lanes {
  readonly #open: OpenSend[] = [];
  readonly #context: RunContext;
  readonly #input: RunInput;
  /** Since when upstreams are awaited, `performance.now()` milliseconds: two at once count once. Infinite while none is. */
  #since = Number.POSITIVE_INFINITY;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
  }

  get size(): number {
    return this.#open.length;
  }

  /** The one that has been under way longest; null when there is none. */
  get eldest(): OpenSend | null {
    return this.#open[0] ?? null;
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
    const now = performance.now();
    for (const open of [...this.#open]) {
      if (open === winner) continue;
      const { startedAt } = open.attempt;
      if (startedAt > 0) this.#context.router.targetHealth.noContentIn(open.admission, now - startedAt);
      this.drop(open, 'cancelled', 'hedge_lost', 499);
    }
  }

  /** What has happened decides the call without them. */
  dropAll(): void {
    for (const open of [...this.#open]) this.drop(open, 'cancelled', 'hedge_lost', 499);
  }

  /** Ends one that is not to be blamed for its end. `then` runs when its row is committed. */
  drop(open: OpenSend, outcome: AttemptOutcome, reason: string, status: number, then: (() => void) | null = null): void {
    open.attempt.abort();
    open.watchdog.rest();
    this.#context.router.targetHealth.withdrawn(open.admission);
    this.close(open, outcome, reason, status, then);
  }

  /** All of them, newest last; `then` runs when the last row is committed. `blame`: those that were sent failed by the total timeout. */
  cancelAll(reason: string, status: number, blame: boolean, then: () => void): void {
    const { targetHealth } = this.#context.router;
    const all = [...this.#open];
    for (const [at, open] of all.entries()) {
      open.attempt.abort();
      if (blame && open.attempt.sent) targetHealth.failed(open.admission, deadline);
      else targetHealth.withdrawn(open.admission);
      // Rows are committed in the order they are written.
      this.close(open, 'cancelled', reason, status, at === all.length - 1 ? then : null);
    }
  }

  /** Settles one attempt in the ledger; `then` runs after the commit. */
  close(open: OpenSend, outcome: AttemptOutcome, reason: string | null, status: number, then: (() => void) | null = null): void {
    const at = this.#open.indexOf(open);
    if (at >= 0) this.#open.splice(at, 1);
    this.#countTime(open.attempt);
    if (open.purpose === 'hedge') {
      // Its clocks are its own; a timer that is left would keep the exchange for as long as it runs.
      open.watchdog.stop();
      this.#context.hedging.ended(outcome === 'ok' || open.attempt.committed);
    }
    settleAttempt(this.#input, open, outcome, reason, status, then);
    this.#context.onAttempt(open.attempt.target.provider.name, outcome, reason);
  }

  #countTime({ startedAt, endedAt }: Attempt): void {
    if (startedAt === 0) return;
    const since = Math.min(startedAt, this.#since);
    const goesOn = this.#open.some(({ attempt }) => attempt.startedAt > 0);
    this.#since = goesOn ? since : Number.POSITIVE_INFINITY;
    if (!goesOn) this.#input.exchange.upstreamMs += (endedAt || performance.now()) - since;
  }
}

import type { Translation } from '../../providers/provider.ts';
import type { Candidate, Plan } from '../router/index.ts';
import type { RunContext, RunInput } from './context.ts';
import type { HedgeOwner, HedgeTimer } from './hedge-timer.ts';
import type { Lanes } from './lanes.ts';
import type { Permits } from './permits.ts';
import type { OpenSend } from './settlement.ts';

/** Whose second send it is. */
export interface HedgeHost {
  /** Nobody has answered yet, and somebody may. */
  readonly undecided: boolean;
  openHedge(candidate: Candidate, translation: Translation): void;
}

/** The second send of one exchange, beside a first one that is late. */
export class HedgeLane implements HedgeOwner {
  readonly #context: RunContext;
  readonly #input: RunInput;
  readonly #parts: { readonly plan: Plan; readonly lanes: Lanes; readonly permits: Permits };
  readonly #host: HedgeHost;
  #timer: HedgeTimer | null = null;

  constructor(
    context: RunContext,
    input: RunInput,
    parts: { readonly plan: Plan; readonly lanes: Lanes; readonly permits: Permits },
    host: HedgeHost,
  ) {
    this.#context = context;
    this.#input = input;
    this.#parts = parts;
    this.#host = host;
  }

  /** The first one was sent. */
  arm(): void {
    if (this.#input.exchange.config.retries.max_attempts > 1) this.#timer = this.#context.hedging.arm(this.#input, this);
  }

  stop(): void {
    this.#timer?.stop();
  }

  onHedgeDue(): void {
    const { plan, lanes, permits } = this.#parts;
    const late = lanes.eldest;
    if (late === null || !this.#wanted(late)) return;
    for (;;) {
      const candidate = plan.beside(late.candidate);
      if (candidate === null) return;
      const translation = permits.translation(candidate.target);
      if (translation === null) continue;
      const permit = permits.ask(candidate.target);
      if (permit === true) this.#open(candidate, translation);
      else if (permit !== false) {
        void permit.then((granted) => {
          if (granted && this.#wanted(late)) this.#open(candidate, translation);
          else if (granted) permits.unused();
        });
      }
      return;
    }
  }

  #wanted(late: OpenSend): boolean {
    return this.#host.undecided && this.#parts.lanes.has(late) && this.#context.hedging.allows(this.#input.route);
  }

  #open(candidate: Candidate, translation: Translation): void {
    this.#host.openHedge(candidate, translation);
    this.#context.hedging.started(this.#input.route);
  }
}

import type { Target, Translation, UpstreamFailure } from '../../providers/provider.ts';
import type { GatewayError } from '../errors/classes.ts';
import type { AttemptGrant } from '../limits/contract.ts';
import { attemptError } from '../limits/grant.ts';
import { LimitError } from '../limits/refusal.ts';
import type { RunContext, RunInput } from './context.ts';
import { clientError } from './outcome.ts';
import { isFailure, translated } from './send.ts';

/** What stands between a chosen target and a send: that it can be asked, and that the caller's limits allow what it may use. */
export class Permits {
  readonly #context: RunContext;
  readonly #input: RunInput;
  /** Why a target was not asked at all; told when none was. */
  #refusal: UpstreamFailure | null = null;
  #denial: GatewayError | null = null;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
  }

  /** The call in the target's words; null when the target cannot be asked that. */
  translation(target: Target): Translation | null {
    const outcome = translated(this.#context, this.#input, target);
    if (outcome !== null && !isFailure(outcome)) return outcome;
    this.#refusal ??= outcome;
    return null;
  }

  /** Whether the next attempt of the exchange may be sent to a target; waits only where a server has to be asked. */
  ask(target: Target): boolean | Promise<boolean> {
    const { exchange, grant } = this.#input;
    if (grant === null) return true;
    const answer = grant.attempt(exchange.attempts + 1, target);
    return answer instanceof Promise ? answer.then((each) => this.#allows(each)) : this.#allows(answer);
  }

  /** The attempt that may be sent next will not be sent after all. */
  unused(): void {
    const { exchange, grant } = this.#input;
    grant?.settled(exchange.attempts + 1);
  }

  /** What the caller is told when nothing was sent; null when that is not because of the targets or the limits. */
  error(retried: boolean): GatewayError | null {
    return this.#denial ?? (this.#refusal === null ? null : clientError(this.#refusal, retried));
  }

  #allows(answer: AttemptGrant): boolean {
    if (answer.ok) return true;
    this.#denial ??= attemptError(answer.error);
    if (answer.error instanceof LimitError) this.#input.decision.limit ??= answer.error.note;
    return false;
  }
}

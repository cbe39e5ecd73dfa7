import type { UpstreamFailure } from '../../providers/provider.ts';
import type { Candidate, Plan } from '../router/index.ts';
import type { RunContext, RunInput } from './context.ts';
import { breaksProviders, mayFailOver } from './outcome.ts';
import type { OpenSend, PrefixReference } from './settlement.ts';

/** Where a call goes after a failure. */
export type Step =
  /** `retried`: it was tried elsewhere, or could have been if that had been allowed. */
  | { readonly to: 'nowhere'; readonly retried: boolean }
  /** Every target that is left is at its limit. */
  | { readonly to: 'queue' }
  | { readonly to: 'next'; readonly candidate: Candidate }
  /** The same target after a wait. */
  | { readonly to: 'same'; readonly candidate: Candidate };

/** What of one exchange may be tried again, and where. */
export class Retries {
  readonly #context: RunContext;
  readonly #input: RunInput;
  readonly #plan: Plan;
  #staleTried = false;
  /** A kept prefix that the request was refused with: its fault, if the request is answered without it. */
  #suspect: PrefixReference | null = null;
  readonly #broken = new Set<string>();
  #backoff: NodeJS.Timeout | null = null;

  constructor(context: RunContext, input: RunInput, plan: Plan) {
    this.#context = context;
    this.#input = input;
    this.#plan = plan;
  }

  /** Whether the same target is asked once more at once: what failed says nothing about it. */
  free({ attempt, prefix }: OpenSend, failure: UpstreamFailure, stale: boolean): 'stale' | 'plain' | null {
    if (prefix !== null && (failure.reason === 'prefix_lost' || failure.reason === 'invalid_request')) {
      this.#suspect = prefix;
      if (failure.reason === 'prefix_lost') this.#context.prefixes.lost(attempt.target, prefix.credential, prefix.digest);
      return 'plain';
    }
    if (!stale || this.#staleTried) return null;
    // A kept-alive socket that the server had already given up.
    this.#staleTried = true;
    return 'stale';
  }

  /** Its target or key failed. */
  failed({ admission, candidate, attempt, note }: OpenSend, failure: UpstreamFailure): void {
    const { router, warnings } = this.#context;
    if (breaksProviders(failure.reason)) this.#broken.add(attempt.target.provider.name);
    if (router.targetHealth.blamesKey(admission, failure)) this.#plan.keyFailed(candidate, admission.key);
    router.targetHealth.failed(admission, failure);
    warnings.failed(this.#input.route, attempt.target, note.credential, failure.reason);
  }

  /** The answer to a request that referred to a kept prefix, or to one that was refused with it. */
  answered({ attempt, prefix }: OpenSend): void {
    const { prefixes } = this.#context;
    if (prefix !== null) prefixes.used(attempt.target, prefix.credential, prefix.digest, attempt.reader.usage?.cached ?? 0);
    else if (this.#suspect !== null) prefixes.lost(attempt.target, this.#suspect.credential, this.#suspect.digest);
  }

  /**
   * Whether a filtered answer is to fail because a model could answer that is there for what content filters withhold. A hedge
   * fails anyhow while the first one goes on (`beside`).
   */
  chained({ purpose }: OpenSend, sends: number, beside: boolean): boolean {
    const { max_attempts } = this.#input.exchange.config.retries;
    return (sends < max_attempts || (beside && purpose === 'hedge')) && this.#plan.couldFallBack('content_policy');
  }

  /** Where the call goes now. `sends`: made so far. A chain of fallbacks is what the call asks for, so no budget of retries counts it. */
  after({ reason, unsent }: UpstreamFailure, sends: number): Step {
    const { max_attempts } = this.#input.exchange.config.retries;
    const mayTry = sends < max_attempts && this.#broken.size < 2;
    const chained = mayTry && (reason === 'context_length' || reason === 'content_policy') && this.#plan.fallBack(reason);
    if (!mayTry || !(chained || mayFailOver(reason))) return { to: 'nowhere', retried: sends > 1 };
    const next = this.#plan.failOver();
    const busy = next === null && this.#plan.full.length > 0;
    const again = next === null && !busy && unsent ? this.#plan.again() : null;
    if (next === null && !busy && again === null) return { to: 'nowhere', retried: sends > 1 };
    if (!chained && !this.#context.router.retryBudget.take()) return { to: 'nowhere', retried: true };
    if (next !== null) return { to: 'next', candidate: next };
    return again === null ? { to: 'queue' } : { to: 'same', candidate: again };
  }

  /** A spent quota that the provider named no wait for, with the wait until one of the keys is tried again. */
  withRest(failure: UpstreamFailure): UpstreamFailure {
    if (failure.reason !== 'quota' || failure.retryAfterMs !== null) return failure;
    const retryAfterMs = this.#plan.wait();
    return retryAfterMs > 0 ? { ...failure, retryAfterMs } : failure;
  }

  /** The same target once more, only because nothing has reached it: after a wait, doubled each time, with jitter. */
  later(candidate: Candidate, sends: number, ready: (available: boolean) => void): void {
    const wait = this.#input.exchange.config.retries.backoff * 2 ** (sends - 1) * (0.5 + this.#context.random() / 2);
    this.#backoff = setTimeout(() => {
      this.#backoff = null;
      // Meanwhile others may have found it broken, or be probing it.
      ready(this.#plan.again() === candidate);
    }, wait);
  }

  stop(): void {
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#backoff = null;
  }
}

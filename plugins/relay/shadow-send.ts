import type { Translation, UpstreamFailure } from '../../providers/provider.ts';
import type { Timeouts } from '../../schemas/config.ts';
import type { Admission, Health, Shadow } from '../router/index.ts';
import type { Upstream } from '../upstream/index.ts';
import { type AttemptOutcome, estimateOutput, type OpenAttempt, type SettledCost } from '../usage/index.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { clientError, mayFailOver } from './outcome.ts';
import { Watchdog } from './watchdog.ts';

export interface ShadowSendFacts {
  readonly shadow: Shadow;
  readonly translation: Translation;
  readonly record: OpenAttempt;
  readonly stream: boolean;
  readonly timeouts: Timeouts;
  readonly health: Health;
  /** Called once. `restFor`: milliseconds for which its target is better left alone; null when nothing says so. */
  readonly ended: (outcome: 'ok' | 'failed' | 'cancelled', restFor: number | null) => void;
}

/** One copy under way: read to its end and thrown away, but for what it has used. */
export class ShadowSend implements AttemptOwner {
  readonly shadow: Shadow;
  /** What it has cost, once that is committed. */
  readonly settled: Promise<SettledCost>;
  readonly #facts: ShadowSendFacts;
  readonly #admission: Admission;
  readonly #attempt: Attempt;
  readonly #watchdog: Watchdog = new Watchdog((what) => this.#expired(what));
  readonly #settle: (cost: Promise<SettledCost>) => void;
  #over = false;

  constructor(facts: ShadowSendFacts) {
    const { shadow, translation, stream, timeouts, health } = facts;
    const { target, state } = shadow.candidate;
    this.shadow = shadow;
    this.#facts = facts;
    this.#admission = health.admit(shadow.candidate);
    const credential = state.credentials.credential(this.#admission.key);
    const sent = { target, credential, number: 0, stream, timeouts };
    this.#attempt = new Attempt(sent, translation, translation.request, this.#watchdog, this);
    const { promise, resolve } = Promise.withResolvers<SettledCost>();
    this.settled = promise;
    this.#settle = resolve;
  }

  /** Sends it once its row is committed. */
  start(upstream: Upstream, via: string | undefined): void {
    const { record, timeouts } = this.#facts;
    this.#watchdog.total(timeouts.total, performance.now());
    record.committed.then(
      () => {
        if (!this.#over) this.#attempt.start(upstream, via);
      },
      () => this.#end('failed', 'ledger_unavailable', 503),
    );
  }

  cancel(reason: 'deadline' | 'shutdown'): void {
    this.#attempt.abort();
    this.#end('cancelled', reason, 499);
  }

  onHeaded(): void {}

  onCommitted(): void {}

  onFiltered(): boolean {
    return false;
  }

  onBytes(): boolean {
    return true;
  }

  onAnswered(): void {
    this.#end('ok', null, 200);
  }

  onFailed(_attempt: Attempt, failure: UpstreamFailure): void {
    this.#end('failed', failure.reason, clientError(failure, true).status, failure);
  }

  #expired(what: string): void {
    if (what === 'total') this.cancel('deadline');
    else this.#attempt.expire(what);
  }

  #end(outcome: Exclude<AttemptOutcome, 'unknown'>, reason: string | null, status: number, failure?: UpstreamFailure): void {
    if (this.#over) return;
    this.#over = true;
    this.#watchdog.stop();
    const { record, health, ended } = this.#facts;
    health.withdrawn(this.#admission);
    const { reader, upstreamStatus, sent, startedAt, endedAt, firstContentAt } = this.#attempt;
    const end = endedAt || performance.now();
    const start = startedAt || end;
    const settled = record.settle({
      outcome,
      reason,
      status,
      upstreamStatus,
      servedModel: reader.servedModel,
      usage: reader.usage,
      estimatedOutput: estimateOutput(reader.characters),
      unsent: !sent,
      endedAt: Date.now(),
      firstContentMs: firstContentAt === 0 ? null : firstContentAt - start,
      totalMs: end - start,
    });
    this.#settle(settled);
    ended(outcome, failure !== undefined && mayFailOver(failure.reason) ? (failure.retryAfterMs ?? 0) : null);
  }
}

import type { Translation, UpstreamFailure } from '../../providers/provider.ts';
import type { GatewayError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Candidate, Plan, Purpose } from '../router/index.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import { nothingToAsk, planOf, totalTimeout } from './call-plan.ts';
import type { RunContext, RunInput } from './context.ts';
import { type HedgeHost, HedgeLane } from './hedge-lane.ts';
import { Lanes } from './lanes.ts';
import { clientError, mayFailOver } from './outcome.ts';
import { Permits } from './permits.ts';
import { QueuePlace } from './queue-place.ts';
import { allBusy, cancelError, ledgerUnavailable } from './refusals.ts';
import { Reply } from './reply.ts';
import { Retries } from './retries.ts';
import { openSend } from './send.ts';
import type { OpenSend } from './settlement.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Runs the attempts of one exchange under the three commit points: nothing sent, sent but no content forwarded (both may
 * fail over), content forwarded (never again). Every attempt is settled exactly once, and the last bytes to the caller wait
 * until the ledger has it.
 */
export class Run implements AttemptOwner, HedgeHost {
  readonly #context: RunContext;
  readonly #input: RunInput;
  readonly #plan: Plan;
  readonly #lanes: Lanes;
  readonly #retries: Retries;
  readonly #queue: QueuePlace;
  readonly #reply: Reply;
  readonly #permits: Permits;
  readonly #hedge: HedgeLane;
  #over = false;
  #committed = false;
  #sends = 0;
  #lastFailure: UpstreamFailure | null = null;
  readonly #watchdog: Watchdog = new Watchdog((what) => this.#expired(what, this.#watchdog));

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
    this.#lanes = new Lanes(context, input);
    this.#queue = new QueuePlace(context, input);
    this.#reply = new Reply(input);
    this.#permits = new Permits(context, input);
    this.#plan = planOf(context, input);
    this.#retries = new Retries(context, input, this.#plan);
    this.#hedge = new HedgeLane(context, input, { plan: this.#plan, lanes: this.#lanes, permits: this.#permits }, this);
  }

  start(): void {
    const { exchange, call, client } = this.#input;
    const first = this.#plan.first();
    if (first === null) {
      if (this.#tooLongForAll()) this.start();
      else this.#refuse(nothingToAsk(this.#input, this.#plan, this.#context.router.targetHealth));
      return;
    }
    const total = totalTimeout(this.#input, first);
    this.#watchdog.total(total, performance.now());
    // Not assigned as a literal: measured, that kept each exchange alive until a full collection (7 kB a request).
    const onCancel = (reason: CancelReason): void => this.#cancelled(reason);
    exchange.onCancel = onCancel;
    if (this.#over) return; // Cancelled while the body came: the caller has its answer.
    if (call.stream) client.keepAlive(exchange.config.server.keep_alive_comments);
    this.#context.router.retryBudget.request();
    this.#next('first');
  }

  // --- choosing

  #next(purpose: Purpose): void {
    const candidate = this.#plan.next(purpose);
    if (candidate !== null) this.#send(candidate, purpose);
    else if (this.#plan.full.length > 0) this.#wait(purpose);
    else if (this.#tooLongForAll()) this.#next(purpose);
    else this.#exhausted();
  }

  /** Whether other models are there for a call that is too long for the targets of this one; they are asked from now on. */
  #tooLongForAll(): boolean {
    return this.#sends === 0 && this.#plan.fallBackByLength();
  }

  #exhausted(): void {
    const retried = this.#sends > 1;
    const error = this.#lastFailure === null ? this.#permits.error(retried) : clientError(this.#lastFailure, retried);
    this.#refuse(error ?? nothingToAsk(this.#input, this.#plan, this.#context.router.targetHealth));
  }

  #wait(purpose: Purpose): void {
    this.#queue.enter(
      this.#plan.awaited,
      () => this.#next(purpose),
      (waited, why) => this.#refuse(allBusy(this.#input.route.model, waited, why)),
    );
  }

  /** `again`: the same once more because of a detail that says nothing about the target; it does not count as another send. */
  #send(candidate: Candidate, purpose: Purpose, again: 'stale' | 'plain' | null = null): void {
    const translation = this.#permits.translation(candidate.target);
    const permit = translation !== null && this.#permits.ask(candidate.target);
    if (permit === true) this.#open(candidate, translation!, purpose, again);
    else if (permit === false) this.#next(purpose);
    else {
      void permit.then((granted) => {
        if (this.#over) return;
        if (granted) this.#open(candidate, translation!, purpose, again);
        else this.#next(purpose);
      });
    }
  }

  #open(candidate: Candidate, translation: Translation, purpose: Purpose, again: 'stale' | 'plain' | null): void {
    if (again === null) this.#sends++;
    this.#plan.sent(candidate);
    const watchdog: Watchdog = purpose === 'hedge' ? new Watchdog((what) => this.#expired(what, watchdog)) : this.#watchdog;
    const open = openSend(this.#context, this.#input, candidate, translation, {
      purpose,
      plain: again === 'plain',
      failedKeys: this.#plan.failedKeys(candidate),
      watchdog,
      owner: this,
    });
    this.#reply.ignored = open.ignored;
    this.#lanes.add(open);
    open.record.committed.then(
      () => {
        if (!this.#lanes.has(open)) return;
        open.attempt.start(this.#context.upstream, this.#input.via);
        if (purpose !== 'first' || again !== null) return;
        this.#context.shadows.copy(this.#input);
        this.#hedge.arm();
      },
      () => {
        if (!this.#lanes.has(open)) return;
        this.#lanes.drop(open, 'failed', 'ledger_unavailable', 503);
        if (this.#lanes.size === 0) this.#refuse(ledgerUnavailable());
      },
    );
  }

  get undecided(): boolean {
    return !this.#over && !this.#committed;
  }

  openHedge(candidate: Candidate, translation: Translation): void {
    this.#open(candidate, translation, 'hedge', null);
  }

  // --- what attempts report

  onHeaded(attempt: Attempt): void {
    if (attempt.upstreamStatus >= 300) return;
    this.#context.router.targetHealth.firstByte(this.#lanes.of(attempt).admission, attempt.headAt - attempt.startedAt);
  }

  onFiltered(attempt: Attempt): boolean {
    return this.#retries.chained(this.#lanes.of(attempt), this.#sends, this.#lanes.size > 1);
  }

  onCommitted(attempt: Attempt): void {
    const { exchange } = this.#input;
    this.#won(this.#lanes.of(attempt));
    this.#context.router.targetHealth.firstContent(this.#lanes.of(attempt).admission, attempt.firstContentAt - attempt.startedAt);
    exchange.firstContentAt = attempt.firstContentAt;
    this.#reply.open();
  }

  onBytes(_attempt: Attempt, bytes: Buffer): boolean {
    return this.#input.client.write(bytes, () => this.#lanes.resume());
  }

  onAnswered(attempt: Attempt, bytes: Buffer): void {
    const open = this.#lanes.of(attempt);
    const { exchange } = this.#input;
    if (!this.#committed) this.#won(open);
    exchange.servedModel = attempt.reader.servedModel;
    if (exchange.firstContentAt === 0) exchange.firstContentAt = performance.now();
    const { usage } = attempt.reader;
    const firstContentMs = attempt.committed ? null : attempt.endedAt - attempt.startedAt;
    this.#context.router.targetHealth.succeeded(open.admission, { usage, firstContentMs });
    this.#finish();
    const kept = this.#keep(open);
    const deliver = (): void => this.#reply.deliver(bytes);
    this.#lanes.close(open, 'ok', null, 200, () => {
      if (kept === null) deliver();
      else kept.then(deliver, deliver);
    });
  }

  /** This one answers the caller. */
  #won(open: OpenSend): void {
    this.#committed = true;
    this.#hedge.stop();
    const since = this.#lanes.eldest!.attempt.startedAt;
    this.#lanes.keepOnly(open);
    this.#reply.from(open);
    const { firstContentAt, endedAt } = open.attempt;
    this.#context.hedging.answered(this.#input, (firstContentAt || endedAt) - since);
  }

  /** What the next turn will need; the caller has its answer only after it is safe. */
  #keep(open: OpenSend): Promise<void> | null {
    this.#retries.answered(open);
    const { kept } = open.attempt.reader;
    if (kept.length === 0) return null;
    return this.#context.signatures.keep(this.#input.exchange.principal.keyId ?? '', kept) ?? null;
  }

  onFailed(attempt: Attempt, failure: UpstreamFailure, stale: boolean): void {
    const open = this.#lanes.of(attempt);
    const { exchange } = this.#input;
    this.#lastFailure = failure;
    if (attempt.committed) {
      const error = clientError(failure, true);
      this.#retries.failed(open, failure);
      this.#finish();
      exchange.failed(failure.reason);
      this.#lanes.close(open, 'failed', failure.reason, 200, () => this.#reply.interrupt(error));
      return;
    }
    const again = this.#retries.free(open, failure, stale);
    if (again !== null) this.#context.router.targetHealth.withdrawn(open.admission);
    else this.#retries.failed(open, failure);
    const error = clientError(failure, this.#sends > 1);
    this.#lanes.close(open, 'failed', failure.reason, error.status);
    if (exchange.cancelled !== null || this.#hedged(open, failure)) return;
    this.#hedge.stop();
    if (again === null) this.#failOver(failure);
    else this.#send(open.candidate, open.purpose === 'hedge' ? 'failover' : open.purpose, again);
  }

  /** Whether the other one of a hedge goes on, and is what this one fails over to. A fault of the caller's, told by the first, ends both. */
  #hedged({ purpose }: OpenSend, failure: UpstreamFailure): boolean {
    if (this.#lanes.size > 0 && purpose !== 'hedge' && !mayFailOver(failure.reason)) this.#lanes.dropAll();
    return this.#lanes.size > 0;
  }

  #failOver(failure: UpstreamFailure): void {
    const step = this.#retries.after(failure, this.#sends);
    if (step.to === 'nowhere') this.#refuse(clientError(this.#retries.withRest(failure), step.retried));
    else if (step.to === 'queue') this.#wait('failover');
    else if (step.to === 'next') this.#send(step.candidate, 'failover');
    else {
      this.#retries.later(step.candidate, this.#sends, (available) => {
        if (available) this.#send(step.candidate, 'retry');
        else this.#refuse(clientError(failure, true));
      });
    }
  }

  // --- ending

  #expired(what: string, watchdog: Watchdog): void {
    if (what === 'total') this.#input.exchange.cancel('deadline');
    else this.#lanes.timedBy(watchdog)?.attempt.expire(what);
  }

  #cancelled(reason: CancelReason): void {
    if (this.#over) return;
    const { exchange, client } = this.#input;
    const error = cancelError(reason, this.#sends);
    this.#finish();
    const deliver = (): void => this.#reply.cancelled(reason, error);
    exchange.failed(reason);
    if (this.#lanes.size === 0) {
      deliver();
      return;
    }
    exchange.outcome = error === null ? 'cancelled' : 'failed';
    const status = error === null ? 499 : client.opened ? 200 : error.status;
    const patient = reason === 'deadline' && this.#input.callerTimeout === null && this.#sends === 1;
    this.#lanes.cancelAll(reason, status, patient, deliver);
  }

  /** No (more) attempt: the caller is told why. */
  #refuse(error: GatewayError): void {
    this.#finish();
    this.#input.exchange.failed(this.#lastFailure?.reason ?? error.code ?? 'refused');
    this.#reply.error(error);
  }

  #finish(): void {
    this.#over = true;
    this.#watchdog.stop();
    this.#hedge.stop();
    this.#queue.leave();
    this.#retries.stop();
  }
}

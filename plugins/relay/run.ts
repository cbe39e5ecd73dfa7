import type { UpstreamFailure } from '../../providers/provider.ts';
import type { GatewayError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Candidate, Plan, Purpose } from '../router/index.ts';
import { needsOf } from '../router/needs.ts';
import { failed } from '../upstream/index.ts';
import { affinityKey } from './affinity-key.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import { withIgnored } from './call.ts';
import type { HeaderList } from './client.ts';
import type { RunContext, RunInput } from './context.ts';
import { toErrorEvent } from './error-reply.ts';
import { replyHeaders } from './headers.ts';
import { HedgeTimer } from './hedge-timer.ts';
import { Lanes } from './lanes.ts';
import { breaksProviders, clientError, mayFailOver } from './outcome.ts';
import { QueuePlace } from './queue-place.ts';
import { allBusy, cancelError, ledgerUnavailable, noFirstTarget, nothingAllowed, nothingAvailable } from './refusals.ts';
import { isFailure, openSend, translated } from './send.ts';
import type { OpenSend } from './settlement.ts';
import { Watchdog } from './watchdog.ts';

/**
 * Runs the attempts of one exchange under the three commit points: nothing sent, sent but no content forwarded (both may
 * fail over), content forwarded (never again). Every attempt is settled exactly once, and the last bytes to the caller wait
 * until the ledger has it.
 */
export class Run implements AttemptOwner {
  readonly #context: RunContext;
  readonly #input: RunInput;
  readonly #plan: Plan;
  readonly #lanes: Lanes;
  readonly #hedge: HedgeTimer;
  readonly #queue: QueuePlace;
  #over = false;
  #committed = false;
  #sends = 0;
  #lastFailure: UpstreamFailure | null = null;
  /** Why a target was not asked at all; told when none was. */
  #refusal: UpstreamFailure | null = null;
  #ignored: readonly string[] = [];
  #staleTried = false;
  /** A kept prefix that the request was refused with: its fault, if the request is answered without it. */
  #suspect: string | null = null;
  readonly #broken = new Set<string>();
  readonly #watchdog: Watchdog = new Watchdog((what) => this.#expired(what, this.#watchdog));
  #backoff: NodeJS.Timeout | null = null;

  constructor(context: RunContext, input: RunInput) {
    const { call, estimatedInput, restrictions, route, decision } = input;
    this.#context = context;
    this.#input = input;
    this.#lanes = new Lanes(context, input);
    this.#hedge = new HedgeTimer(context, route, () => this.#hedgeNow());
    this.#queue = new QueuePlace(context, input);
    let needs: ReturnType<typeof needsOf> | null = null;
    this.#plan = context.router.plan(
      route,
      {
        operation: call.operation,
        needs: () => (needs ??= needsOf(call, estimatedInput)),
        restrictions,
        affinityKey: (group) => affinityKey(call, group),
      },
      decision,
    );
  }

  start(): void {
    const { exchange, route, callerTimeout, call, client } = this.#input;
    const first = this.#plan.first();
    if (first === null) {
      if (this.#tooLongForAll()) this.start();
      else this.#refuse(noFirstTarget(route.model, call.operation, this.#plan));
      return;
    }
    const { provider } = first.target;
    const configured = route.timeouts.total ?? provider.config.timeouts?.total ?? exchange.config.timeouts.total;
    const total = callerTimeout === null ? configured : Math.min(callerTimeout, configured);
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
    return this.#sends === 0 && this.#plan.refusal?.reason === 'context_length' && this.#plan.fallBack('context_length');
  }

  #exhausted(): void {
    const failure = this.#lastFailure ?? this.#refusal;
    const { route } = this.#input;
    if (failure !== null) this.#refuse(clientError(failure, this.#sends > 1));
    else if (this.#plan.possible().length === 0) this.#refuse(nothingAllowed(route.model));
    else this.#refuse(nothingAvailable(route.model, this.#plan, this.#context.router.targetHealth));
  }

  #wait(purpose: Purpose): void {
    const entered = this.#queue.enter(
      this.#plan.full,
      () => this.#next(purpose),
      (waited) => this.#refuse(allBusy(this.#input.route.model, waited)),
    );
    if (!entered) this.#refuse(allBusy(this.#input.route.model, 0));
  }

  /** `again`: the same once more because of a detail that says nothing about the target; it does not count as another send. */
  #send(candidate: Candidate, purpose: Purpose, again: 'stale' | 'plain' | null = null): void {
    const translation = translated(this.#context, this.#input, candidate.target);
    if (translation === null || isFailure(translation)) {
      this.#refusal ??= translation;
      if (purpose !== 'hedge') this.#next(purpose);
      return;
    }
    if (again === null) this.#sends++;
    this.#plan.sent(candidate);
    const watchdog: Watchdog = purpose === 'hedge' ? new Watchdog((what) => this.#expired(what, watchdog)) : this.#watchdog;
    const open = openSend(this.#context, this.#input, candidate, translation, {
      purpose,
      plain: again === 'plain',
      watchdog,
      owner: this,
    });
    this.#ignored = open.ignored;
    this.#lanes.add(open);
    open.record.committed.then(
      () => {
        if (!this.#lanes.has(open)) return;
        open.attempt.start(this.#context.upstream, this.#input.via);
        if (purpose !== 'hedge') this.#hedge.arm(candidate);
      },
      () => {
        if (!this.#lanes.has(open)) return;
        this.#lanes.drop(open, 'failed', 'ledger_unavailable', 503);
        if (this.#lanes.size === 0) this.#refuse(ledgerUnavailable());
      },
    );
  }

  #hedgeNow(): void {
    if (this.#over || this.#committed || this.#lanes.size !== 1) return;
    const candidate = this.#plan.next('hedge');
    if (candidate !== null) this.#send(candidate, 'hedge');
  }

  // --- what attempts report

  onHeaded(attempt: Attempt): void {
    const { admission } = this.#lanes.of(attempt);
    this.#context.router.targetHealth.firstByte(admission, attempt.headAt - attempt.startedAt);
  }

  onCommitted(attempt: Attempt): void {
    const { exchange, client } = this.#input;
    this.#won(this.#lanes.of(attempt));
    this.#context.router.targetHealth.firstContent(this.#lanes.of(attempt).admission, attempt.firstContentAt - attempt.startedAt);
    exchange.firstContentAt = attempt.firstContentAt;
    client.openStream(this.#headers());
  }

  onBytes(_attempt: Attempt, bytes: Buffer): boolean {
    return this.#input.client.write(bytes, () => this.#lanes.resume());
  }

  onAnswered(attempt: Attempt, bytes: Buffer): void {
    const open = this.#lanes.of(attempt);
    const { exchange, client, call } = this.#input;
    if (!this.#committed) this.#won(open);
    exchange.servedModel = attempt.reader.servedModel;
    if (exchange.firstContentAt === 0) exchange.firstContentAt = performance.now();
    const { usage } = attempt.reader;
    const firstContentMs = attempt.committed ? null : attempt.endedAt - attempt.startedAt;
    this.#context.router.targetHealth.succeeded(open.admission, { usage, firstContentMs });
    this.#finish();
    const kept = this.#keep(open);
    this.#lanes.close(open, 'ok', null, 200, () => {
      if (kept === null) deliver();
      else kept.then(deliver, deliver);
    });
    const deliver = (): void => {
      if (exchange.cancelled !== null) client.release();
      else if (call.stream) client.end(bytes);
      else client.json(200, bytes, this.#headers(exchange.costNano));
    };
  }

  /** This one answers the caller. */
  #won(open: OpenSend): void {
    const { exchange } = this.#input;
    this.#committed = true;
    this.#hedge.stop();
    this.#lanes.keepOnly(open);
    const { target, reader, firstContentAt, endedAt, startedAt } = open.attempt;
    exchange.provider = target.provider.name;
    exchange.target = target.model;
    exchange.servedModel = reader.servedModel;
    this.#ignored = open.ignored;
    this.#context.hedging.answered(this.#input.route, (firstContentAt || endedAt) - startedAt);
  }

  /** What the next turn will need; the caller has its answer only after it is safe. */
  #keep({ attempt, prefix }: OpenSend): Promise<void> | null {
    const { kept, usage } = attempt.reader;
    if (prefix !== null) this.#context.prefixes.used(attempt.target, prefix, usage?.cached ?? 0);
    else if (this.#suspect !== null) this.#context.prefixes.lost(attempt.target, this.#suspect);
    if (kept.length === 0) return null;
    return this.#context.signatures.keep(this.#input.exchange.principal.keyId ?? '', kept) ?? null;
  }

  onFailed(attempt: Attempt, failure: UpstreamFailure, stale: boolean): void {
    const open = this.#lanes.of(attempt);
    const { exchange } = this.#input;
    const { targetHealth } = this.#context.router;
    this.#lastFailure = failure;
    if (attempt.committed) {
      const error = clientError(failure, true);
      targetHealth.failed(open.admission, failure);
      this.#finish();
      exchange.failed(failure.reason);
      this.#lanes.close(open, 'failed', failure.reason, 200, () => this.#interrupt(error));
      return;
    }
    const again = this.#retriedFree(open, failure, stale);
    if (again !== null) targetHealth.withdrawn(open.admission);
    else targetHealth.failed(open.admission, failure);
    const error = clientError(failure, this.#sends > 1);
    this.#lanes.close(open, 'failed', failure.reason, error.status);
    // The other one of a hedge goes on, and is what this one fails over to.
    if (exchange.cancelled !== null || this.#lanes.size > 0) return;
    this.#hedge.stop();
    if (again === null) this.#failOver(attempt, failure);
    else this.#send(open.candidate, open.purpose === 'hedge' ? 'failover' : open.purpose, again);
  }

  /** Whether the same target is asked once more at once: what failed says nothing about it. */
  #retriedFree({ attempt, prefix }: OpenSend, failure: UpstreamFailure, stale: boolean): 'stale' | 'plain' | null {
    if (prefix !== null && (failure.reason === 'prefix_lost' || failure.reason === 'invalid_request')) {
      this.#suspect = prefix;
      if (failure.reason === 'prefix_lost') this.#context.prefixes.lost(attempt.target, prefix);
      return 'plain';
    }
    if (!stale || this.#staleTried) return null;
    // A kept-alive socket that the server had already given up.
    this.#staleTried = true;
    return 'stale';
  }

  #failOver(attempt: Attempt, failure: UpstreamFailure): void {
    const { exchange } = this.#input;
    const { reason, unsent } = failure;
    if (breaksProviders(reason)) this.#broken.add(attempt.target.provider.name);
    const chained = (reason === 'context_length' || reason === 'content_policy') && this.#plan.fallBack(reason);
    const mayTry =
      (chained || mayFailOver(reason)) && this.#sends < exchange.config.retries.max_attempts && this.#broken.size < 2;
    const next = mayTry ? this.#plan.next('failover') : null;
    const busy = mayTry && next === null && this.#plan.full.length > 0;
    const again = mayTry && next === null && !busy && unsent ? this.#plan.again() : null;
    const anything = next !== null || busy || again !== null;
    if (!anything || !this.#context.router.retryBudget.take()) this.#refuse(clientError(failure, this.#sends > 1 || anything));
    else if (next !== null) this.#send(next, 'failover');
    else if (again !== null) this.#sendLater(again, failure);
    else this.#wait('failover');
  }

  /** The same target once more, only because nothing has reached it: after a wait, doubled each time, with jitter. */
  #sendLater(candidate: Candidate, failure: UpstreamFailure): void {
    const { retries } = this.#input.exchange.config;
    const wait = retries.backoff * 2 ** (this.#sends - 1) * (0.5 + this.#context.random() / 2);
    this.#backoff = setTimeout(() => {
      this.#backoff = null;
      // Meanwhile others may have found it broken, or be probing it.
      if (this.#context.router.targetHealth.wait(candidate) === 0) this.#send(candidate, 'retry');
      else this.#refuse(clientError(failure, true));
    }, wait);
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
    const deliver = (): void => {
      if (error === null) {
        if (reason === 'write_stall') client.destroy();
        else client.release();
      } else if (client.opened) this.#interrupt(error);
      else client.error(error, this.#headers());
    };
    exchange.failed(reason);
    if (this.#lanes.size === 0) {
      deliver();
      return;
    }
    exchange.outcome = error === null ? 'cancelled' : 'failed';
    const status = error === null ? 499 : client.opened ? 200 : error.status;
    const { targetHealth } = this.#context.router;
    const patient = reason === 'deadline' && this.#input.callerTimeout === null && this.#sends === 1;
    this.#lanes.cancelAll(reason, status, deliver, ({ admission, attempt }) => {
      if (patient && attempt.sent) targetHealth.failed(admission, deadlineFailure);
      else targetHealth.withdrawn(admission);
    });
  }

  /** No (more) attempt: the caller is told why. */
  #refuse(error: GatewayError): void {
    this.#finish();
    this.#input.exchange.failed(this.#lastFailure?.reason ?? error.code ?? 'refused');
    const { client } = this.#input;
    if (client.opened) this.#interrupt(error);
    else client.error(error, this.#headers());
  }

  #interrupt(error: GatewayError): void {
    this.#input.client.end(toErrorEvent(error, this.#input.call.operation === 'responses'));
  }

  #finish(): void {
    this.#over = true;
    this.#watchdog.stop();
    this.#hedge.stop();
    this.#queue.leave();
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#backoff = null;
  }

  #headers(costNano: number | null = null): HeaderList {
    return replyHeaders(this.#input.exchange, withIgnored(this.#input.warnings, this.#ignored), costNano);
  }
}

const deadlineFailure: UpstreamFailure = failed('timeout', 'the provider exceeded the total timeout');

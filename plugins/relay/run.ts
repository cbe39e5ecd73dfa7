import type { Target, UpstreamFailure } from '../../providers/provider.ts';
import type { GatewayError } from '../errors/classes.ts';
import type { CancelReason } from '../exchange/index.ts';
import type { Plan } from '../router/index.ts';
import { failed } from '../upstream/index.ts';
import type { AttemptOutcome } from '../usage/index.ts';
import type { Attempt, AttemptOwner } from './attempt.ts';
import { withIgnored } from './call.ts';
import type { HeaderList } from './client.ts';
import type { RunContext, RunInput } from './context.ts';
import { Eligibility } from './eligible.ts';
import { toErrorEvent } from './error-reply.ts';
import { replyHeaders } from './headers.ts';
import { breaksProviders, clientError, mayFailOver } from './outcome.ts';
import { cancelError, ledgerUnavailable, nothingAvailable, operationNotOffered } from './refusals.ts';
import { isFailure, openSend, translated } from './send.ts';
import { type OpenSend, settleAttempt } from './settlement.ts';
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
  #open: OpenSend | null = null;
  #over = false;
  #sends = 0;
  #lastFailure: UpstreamFailure | null = null;
  /** Why a target was not asked at all; told when none was. */
  #refusal: UpstreamFailure | null = null;
  #ignored: readonly string[] = [];
  #staleTried = false;
  /** A kept prefix that the request was refused with: its fault, if the request is answered without it. */
  #suspect: string | null = null;
  readonly #eligible: Eligibility;
  readonly #broken = new Set<string>();
  readonly #watchdog = new Watchdog((what) => this.#expired(what));
  #backoff: NodeJS.Timeout | null = null;

  constructor(context: RunContext, input: RunInput) {
    this.#context = context;
    this.#input = input;
    this.#eligible = new Eligibility(input.call, input.estimatedInput);
    this.#plan = context.router.plan(input.route, (target) => this.#eligible.allows(target));
  }

  start(): void {
    const { exchange, route, callerTimeout, call, client } = this.#input;
    const first = this.#plan.first();
    if (first === null) {
      const { refusal } = this.#eligible;
      this.#refuse(refusal === null ? operationNotOffered(route.model, call.operation) : clientError(refusal, false));
      return;
    }
    const configured = route.timeouts.total ?? first.provider.config.timeouts?.total ?? exchange.config.timeouts.total;
    const total = callerTimeout === null ? configured : Math.min(callerTimeout, configured);
    this.#watchdog.total(total, performance.now());
    // Not assigned as a literal: measured, that kept each exchange alive until a full collection (7 kB a request).
    const onCancel = (reason: CancelReason): void => this.#cancelled(reason);
    exchange.onCancel = onCancel;
    if (this.#over) return; // Cancelled while the body came: the caller has its answer.
    if (call.stream) client.keepAlive(exchange.config.server.keep_alive_comments);
    this.#context.router.retryBudget.request();
    this.#next();
  }

  // --- choosing

  #next(): void {
    const target = this.#plan.next();
    if (target !== null) {
      this.#send(target);
      return;
    }
    const failure = this.#lastFailure ?? this.#refusal;
    if (failure === null) {
      this.#refuse(nothingAvailable(this.#input.route.model, this.#plan, this.#context.router.targetHealth));
      return;
    }
    this.#refuse(clientError(failure, this.#sends > 1));
  }

  /** `again`: the same once more because of a detail that says nothing about the target; it does not count as another send. */
  #send(target: Target, again: 'stale' | 'plain' | null = null): void {
    const translation = translated(this.#context, this.#input, target);
    if (translation === null || isFailure(translation)) {
      this.#refusal ??= translation;
      this.#next();
      return;
    }
    if (again === null) this.#sends++;
    this.#eligible.asked(target);
    const open = openSend(this.#context, this.#input, target, translation, again === 'plain', this.#watchdog, this);
    this.#ignored = open.ignored;
    this.#open = open;
    open.record.committed.then(
      () => {
        if (this.#open === open) open.attempt.start(this.#context.upstream, this.#input.via);
      },
      () => {
        if (this.#open !== open) return;
        this.#close(open, 'failed', 'ledger_unavailable', 503);
        this.#context.router.targetHealth.withdrawn(open.admission);
        this.#refuse(ledgerUnavailable());
      },
    );
  }

  // --- what attempts report

  onCommitted(attempt: Attempt): void {
    this.#input.exchange.firstContentAt = performance.now();
    this.#input.exchange.servedModel = attempt.reader.servedModel;
    this.#input.client.openStream(this.#headers());
  }

  onBytes(_attempt: Attempt, bytes: Buffer): boolean {
    return this.#input.client.write(bytes, () => this.#open?.attempt.resume());
  }

  onAnswered(attempt: Attempt, bytes: Buffer): void {
    const open = this.#open!;
    const { exchange, client, call } = this.#input;
    exchange.servedModel = attempt.reader.servedModel;
    if (exchange.firstContentAt === 0) exchange.firstContentAt = performance.now();
    this.#context.router.targetHealth.succeeded(open.admission);
    this.#finish();
    const kept = this.#keep(open);
    this.#close(open, 'ok', null, 200, () => {
      if (kept === null) deliver();
      else kept.then(deliver, deliver);
    });
    const deliver = (): void => {
      if (exchange.cancelled !== null) client.release();
      else if (call.stream) client.end(bytes);
      else client.json(200, bytes, this.#headers(exchange.costNano));
    };
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
    const open = this.#open!;
    const { exchange } = this.#input;
    this.#lastFailure = failure;
    if (attempt.committed) {
      const error = clientError(failure, true);
      this.#context.router.targetHealth.failed(open.admission, failure);
      this.#finish();
      this.#input.exchange.failed(failure.reason);
      this.#close(open, 'failed', failure.reason, 200, () => this.#interrupt(error));
      return;
    }
    const again = this.#retriedFree(open, failure, stale);
    if (again !== null) this.#context.router.targetHealth.withdrawn(open.admission);
    else this.#context.router.targetHealth.failed(open.admission, failure);
    const error = clientError(failure, this.#sends > 1);
    this.#close(open, 'failed', failure.reason, error.status);
    if (exchange.cancelled !== null) return;
    if (again === null) this.#failOver(attempt, failure);
    else this.#send(attempt.target, again);
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
    if (breaksProviders(failure.reason)) this.#broken.add(attempt.target.provider.name);
    const mayTry = mayFailOver(failure.reason) && this.#sends < exchange.config.retries.max_attempts && this.#broken.size < 2;
    const target = mayTry ? this.#plan.next() : null;
    const again = target === null && mayTry && failure.unsent ? this.#plan.again() : null;
    const chosen = target ?? again;
    if (chosen === null || !this.#context.router.retryBudget.take()) {
      const budgetEmpty = chosen !== null;
      this.#refuse(clientError(failure, this.#sends > 1 || budgetEmpty));
      return;
    }
    if (again === null) {
      this.#send(chosen);
      return;
    }
    // The same target once more, only because nothing has reached it: after a wait, doubled each time, with jitter.
    const wait = exchange.config.retries.backoff * 2 ** (this.#sends - 1) * (0.5 + this.#context.random() / 2);
    this.#backoff = setTimeout(() => {
      this.#backoff = null;
      // Meanwhile others may have found it broken, or be probing it.
      if (this.#context.router.targetHealth.wait(chosen) === 0) this.#send(chosen);
      else this.#refuse(clientError(failure, true));
    }, wait);
  }

  // --- ending

  #expired(what: string): void {
    if (what === 'total') this.#input.exchange.cancel('deadline');
    else this.#open?.attempt.expire(what);
  }

  #cancelled(reason: CancelReason): void {
    if (this.#over) return;
    const open = this.#open;
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
    this.#input.exchange.failed(reason);
    if (open === null) {
      deliver();
      return;
    }
    open.attempt.abort();
    const { targetHealth } = this.#context.router;
    const blamed = reason === 'deadline' && this.#input.callerTimeout === null && this.#sends === 1 && open.attempt.sent;
    if (blamed) targetHealth.failed(open.admission, deadlineFailure);
    else targetHealth.withdrawn(open.admission);
    const status = error === null ? 499 : client.opened ? 200 : error.status;
    exchange.outcome = error === null ? 'cancelled' : 'failed';
    this.#close(open, 'cancelled', reason, status, deliver);
  }

  /** Settles one attempt in the ledger; `then` runs after the commit. */
  #close(open: OpenSend, outcome: AttemptOutcome, reason: string | null, status: number, then: (() => void) | null = null): void {
    if (this.#open === open) this.#open = null;
    settleAttempt(this.#input.exchange, open, outcome, reason, status, then);
    this.#context.onAttempt(open.attempt.target.provider.name, outcome, reason);
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
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#backoff = null;
  }

  #headers(costNano: number | null = null): HeaderList {
    return replyHeaders(this.#input.exchange, withIgnored(this.#input.warnings, this.#ignored), costNano);
  }
}

const deadlineFailure: UpstreamFailure = failed('timeout', 'the provider exceeded the total timeout');

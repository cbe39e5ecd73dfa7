import type { FailureReason, ProviderInstance, Target, UpstreamFailure } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import type { Config } from '../../schemas/config.ts';
import { blameOf } from './blame.ts';
import type { Candidate } from './candidate.ts';
import { type CredentialPool, callersKey, type KeyUse } from './credentials.ts';
import { DownProviders } from './down-providers.ts';
import type { Sockets } from './limits/sockets.ts';
import { shownKeys, shownTarget } from './shown-health.ts';
import type { TargetState } from './target-state.ts';
import { TargetStates } from './target-states.ts';
import type { ProviderKeys, TargetHealth, Unavailability } from './types.ts';

/** A failure counts as this long an answer, so that failing fast attracts nothing (linkerd2-proxy#4537). Milliseconds. */
const failurePenalty = 5_000;

/** One request a target is working on. Holds the state itself: the target may be forgotten before the request ends. */
export interface Admission extends KeyUse {
  readonly probe: boolean;
  readonly state: TargetState;
  /** The provider's sockets it counts among; null for none. */
  readonly sockets: Sockets | null;
}

/** What the answer to a request showed. */
export interface Answered {
  readonly usage: Quantities | null;
  /** Milliseconds from the send to the first content, when that was not told before; null otherwise. */
  readonly firstContentMs: number | null;
}

/**
 * Passive health of every target: a breaker (closed, open, half-open with one probe, closed), the rests that upstreams asked
 * for, and what their answers showed. Nothing is sent from here to find out.
 */
export class Health {
  readonly #states: TargetStates;
  readonly #down = new DownProviders();
  readonly #options: Config['health'];
  readonly #now: () => number;

  constructor(options: Config['health'], now: () => number) {
    this.#options = options;
    this.#states = new TargetStates(options);
    this.#now = now;
  }

  /** Targets of which something is remembered. */
  get size(): number {
    return this.#states.size;
  }

  now(): number {
    return this.#now();
  }

  /** What is remembered of a target; made when first asked for. `configured`: never forgotten, whatever callers name. */
  state(target: Target, configured = false): TargetState {
    return this.#states.of(target, configured);
  }

  pool(provider: ProviderInstance): CredentialPool {
    return this.#states.pool(provider);
  }

  /** 0 when a request may be sent now; else the milliseconds until it may be worth asking again. `keys`: with one of the operator's. */
  wait({ state }: Candidate, now = this.#now(), keys = true): number {
    const resting = Math.max(
      0,
      state.restUntil - now,
      keys ? state.credentials.wait(state.keyRests, now) : 0,
      this.#down.wait(state.credentials, now),
    );
    if (state.breaker === 'closed') return resting;
    if (state.openUntil > now) return Math.max(resting, state.openUntil - now);
    return state.probing ? Math.max(resting, 100) : resting;
  }

  /** Why a request may not be sent now; null when it may. */
  exclusion(state: TargetState, now: number): Unavailability | null {
    if (state.breaker !== 'closed' && (state.openUntil > now || state.probing)) return 'breaker';
    if (this.#down.has(state.credentials)) return 'probe';
    if (state.restUntil > now) return 'rest';
    return state.credentials.wait(state.keyRests, now) > 0 ? 'keys' : null;
  }

  /** What none of its provider's keys may be used for; null while one may, or while the target itself is out. */
  keysRestFor({ state }: Candidate): FailureReason | null {
    const now = this.#now();
    return this.exclusion(state, now) === 'keys' ? state.credentials.reason(state.keyRests, now) : null;
  }

  /** Whether a request may be sent now with another key than those at the places in `but`. */
  hasOtherKey({ state }: Candidate, but: readonly number[]): boolean {
    const now = this.#now();
    return this.exclusion(state, now) === null && state.credentials.wait(state.keyRests, now, but) === 0;
  }

  /** Whether a failure speaks of the key it was sent with, so that another key may do better. */
  blamesKey(admission: Admission, failure: UpstreamFailure): boolean {
    return blameOf(failure, admission.state.credentials.size) === 'key';
  }

  /** A provider's probe fails: none of its targets is asked until one succeeds. `again`: milliseconds until the next one. */
  probeFailed(provider: ProviderInstance, again: number): void {
    this.#down.add(this.pool(provider), this.#now() + again);
  }

  /** The provider is back: its targets take their share step by step. */
  probeSucceeded(provider: ProviderInstance): void {
    const pool = this.pool(provider);
    if (!this.#down.remove(pool)) return;
    const now = this.#now();
    for (const state of this.#states.all()) if (state.credentials === pool) state.recoveredAt = now;
  }

  /**
   * A request goes out, not with keys at places in `but`; with none of them when the caller brought one. Ended by exactly one of
   * `succeeded`, `failed` and `withdrawn`.
   */
  admit({ state, target }: Candidate, but?: readonly number[], callers = false): Admission {
    this.#states.used(target);
    state.inFlight++;
    const { sockets } = state;
    if (sockets !== null) sockets.inFlight++;
    const { key, turn } = callers ? callersKey : state.credentials.pick(state.keyRests, this.#now(), but);
    if (state.breaker === 'closed') return { probe: false, state, sockets, key, turn };
    state.breaker = 'half_open';
    state.probing = true;
    return { probe: true, state, sockets, key, turn };
  }

  /** A good answer began, `ms` after the request was sent: errors are told without the work that takes its time. */
  firstByte({ state }: Admission, ms: number): void {
    if (state.limit === null) return;
    state.limit.answered(ms, state.inFlight, this.#now());
    if (!state.full) state.onRoom?.();
  }

  /** The first content came, `ms` after the request was sent. */
  firstContent({ state }: Admission, ms: number): void {
    state.latency.observe(ms, this.#now());
  }

  /** No content came in `ms`, and none is waited for any more: it takes at least that long. */
  noContentIn({ state }: Admission, ms: number): void {
    const now = this.#now();
    if (ms > state.latency.value(now)) state.latency.observe(ms, now);
  }

  succeeded(admission: Admission, answered: Answered | null = null): void {
    const state = this.#end(admission);
    this.#count(state, false);
    state.consecutive = 0;
    state.uptime.observe(1);
    state.credentials.succeeded(admission);
    if (answered !== null) this.#learn(state, answered);
    if (admission.probe) this.#close(state);
    state.onRoom?.();
  }

  /** The caller left or was impatient: says nothing about the target. */
  withdrawn(admission: Admission): void {
    const state = this.#end(admission);
    state.credentials.undecided(admission, this.#now());
    state.onRoom?.();
  }

  failed(admission: Admission, failure: UpstreamFailure): void {
    const kind = blameOf(failure, admission.state.credentials.size);
    // Nor does it show that the target works: one that is broken behind its front door refuses keys just as well.
    if (kind === 'caller') {
      this.withdrawn(admission);
      return;
    }
    if (kind === 'none') {
      this.succeeded(admission);
      return;
    }
    const state = this.#end(admission);
    const now = this.#now();
    state.lastFailure = { reason: failure.reason, at: Date.now() };
    if (kind === 'key') this.#keyFailed(admission, failure, now);
    else this.#targetFailed(admission, failure, now);
    state.onRoom?.();
  }

  snapshot(targets: Iterable<Target>): TargetHealth[] {
    const now = this.#now();
    return [...targets].map((target) => {
      const state = this.#states.shown(target);
      return shownTarget(target, state, this.wait({ state } as Candidate, now), this.exclusion(state, now), now);
    });
  }

  /** The keys of a provider, with those that rest everywhere. */
  keys(provider: ProviderInstance): ProviderKeys {
    return shownKeys(this.pool(provider), this.#now());
  }

  #end({ probe, state, sockets }: Admission): TargetState {
    state.inFlight--;
    if (sockets !== null) sockets.inFlight--;
    if (probe) state.probing = false;
    return state;
  }

  #learn(state: TargetState, { usage, firstContentMs }: Answered): void {
    if (firstContentMs !== null) state.latency.observe(firstContentMs, this.#now());
    if (usage === null) return;
    const { input = 0, cached = 0, output } = usage;
    if (input > 0) state.cacheShare.observe(Math.min(1, cached / input));
    if (output !== undefined) state.outputTokens.observe(output);
  }

  #keyFailed(admission: Admission, failure: UpstreamFailure, now: number): void {
    const { probe, state } = admission;
    state.credentials.refused(admission, state.keyRests, failure, now);
    if (failure.reason === 'rate_limit') state.limit?.refused(state.inFlight + 1, now);
    // It answers, so it is alive; a probe that is told to wait leaves the breaker half-open.
    if (probe) state.openUntil = now + state.credentials.wait(state.keyRests, now);
  }

  #targetFailed(admission: Admission, failure: UpstreamFailure, now: number): void {
    const { probe, state } = admission;
    state.credentials.undecided(admission, now);
    if (failure.retryAfterMs !== null) this.#rest(state, failure.reason, failure.retryAfterMs, now);
    state.latency.observe(Math.max(failurePenalty, state.latency.value(now)), now);
    state.uptime.observe(0);
    if (failure.reason === 'overloaded' || failure.reason === 'timeout') state.limit?.refused(state.inFlight + 1, now);
    state.consecutive++;
    this.#count(state, true);
    if (probe || this.#isFailing(state)) this.#open(state, now);
  }

  /** Rests only ever grow: a shorter one said later does not end a longer one. */
  #rest(state: TargetState, reason: FailureReason, asked: number, now: number): void {
    const until = now + Math.min(asked, this.#options.max_rest);
    if (until <= state.restUntil) return;
    state.restUntil = until;
    state.restReason = reason;
  }

  #count(state: TargetState, failure: boolean): void {
    const half = Math.floor(this.#now() / (this.#options.window / 2));
    if (half !== state.half) {
      const adjacent = half === state.half + 1;
      state.earlierRequests = adjacent ? state.requests : 0;
      state.earlierFailures = adjacent ? state.failures : 0;
      state.requests = state.failures = 0;
      state.half = half;
    }
    state.requests++;
    if (failure) state.failures++;
  }

  #isFailing(state: TargetState): boolean {
    if (state.breaker !== 'closed') return false;
    if (state.consecutive >= this.#options.consecutive_failures) return true;
    const requests = state.requests + state.earlierRequests;
    const failures = state.failures + state.earlierFailures;
    return requests >= this.#options.min_requests && failures >= this.#options.failure_ratio * requests;
  }

  #open(state: TargetState, now: number): void {
    state.openFor = Math.min(state.openFor === 0 ? this.#options.open_for : state.openFor * 2, this.#options.max_open_for);
    state.openUntil = now + state.openFor;
    state.breaker = 'open';
  }

  #close(state: TargetState): void {
    state.breaker = 'closed';
    state.openFor = 0;
    state.recoveredAt = this.#now();
    state.requests = state.failures = state.earlierRequests = state.earlierFailures = 0;
  }
}

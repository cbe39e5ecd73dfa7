import { LRUCache } from 'lru-cache';
import type { FailureReason, Target, UpstreamFailure } from '../../providers/provider.ts';
import type { Config } from '../../schemas/config.ts';
import type { BreakerState, TargetHealth } from './types.ts';

/** What a failure says about the target it came from. */
const blame: Readonly<Record<FailureReason, 'target' | 'rest' | 'none'>> = {
  invalid_request: 'none',
  context_length: 'none',
  content_policy: 'none',
  too_large: 'none',
  not_found: 'none',
  prefix_lost: 'none',
  authentication: 'target',
  rate_limit: 'rest',
  quota: 'rest',
  overloaded: 'target',
  server: 'target',
  redirect: 'target',
  connect: 'target',
  network: 'target',
  timeout: 'target',
  protocol: 'target',
  truncated: 'target',
};

/** A spent quota does not come back within seconds. */
const quotaRestMs = 60_000;
/** Callers name models freely (`provider/anything`), so what is remembered of targets has a bound. */
const rememberedTargets = 10_000;

/** What happened to one target, as its own answers told. Times are milliseconds of the injected clock. */
class TargetState {
  breaker: BreakerState = 'closed';
  openUntil = 0;
  openFor = 0;
  restUntil = 0;
  restReason: FailureReason | null = null;
  probing = false;
  inFlight = 0;
  consecutive = 0;
  lastFailure: { reason: FailureReason; at: number } | null = null;
  // Two halves of the window: the counts of the running one and of the one before.
  half = 0;
  requests = 0;
  failures = 0;
  earlierRequests = 0;
  earlierFailures = 0;
}

/** One request a target is working on. Holds the state itself: the target may be forgotten before the request ends. */
export interface Admission {
  readonly probe: boolean;
  readonly state: TargetState;
}

/**
 * Passive health of every target: a breaker (closed, open, half-open with one probe, closed) and the waits that upstreams
 * asked for. Nothing is sent to find out.
 */
export class Health {
  readonly #states = new LRUCache<string, TargetState>({ max: rememberedTargets });
  readonly #options: Config['health'];
  readonly #now: () => number;

  constructor(options: Config['health'], now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  /** Targets of which something is remembered. */
  get size(): number {
    return this.#states.size;
  }

  /** 0 when a request may be sent now; else the milliseconds until it may be worth asking again. */
  wait(target: Target): number {
    const state = this.#states.get(target.id);
    if (state === undefined) return 0;
    const now = this.#now();
    const resting = Math.max(0, state.restUntil - now);
    if (state.breaker === 'closed') return resting;
    if (state.openUntil > now) return Math.max(resting, state.openUntil - now);
    return state.probing ? Math.max(resting, 100) : resting;
  }

  /** Resting because the upstream limited the rate, as opposed to being broken. */
  isRateLimited(target: Target): boolean {
    const state = this.#states.get(target.id);
    return (
      state !== undefined && state.restUntil > this.#now() && state.restReason === 'rate_limit' && state.breaker === 'closed'
    );
  }

  /** A request goes out. Every admission is ended by exactly one of `succeeded`, `failed` and `withdrawn`. */
  admit(target: Target): Admission {
    const state = this.#state(target);
    state.inFlight++;
    if (state.breaker === 'closed') return { probe: false, state };
    state.breaker = 'half_open';
    state.probing = true;
    return { probe: true, state };
  }

  succeeded(admission: Admission): void {
    const state = this.#end(admission);
    this.#count(state, false);
    state.consecutive = 0;
    if (admission.probe) {
      state.breaker = 'closed';
      state.openFor = 0;
      state.requests = state.failures = state.earlierRequests = state.earlierFailures = 0;
    }
  }

  /** The caller left or was impatient: says nothing about the target. */
  withdrawn(admission: Admission): void {
    this.#end(admission);
  }

  failed(admission: Admission, failure: UpstreamFailure): void {
    const kind = blame[failure.reason];
    if (kind === 'none') {
      this.succeeded(admission);
      return;
    }
    const state = this.#end(admission);
    state.lastFailure = { reason: failure.reason, at: Date.now() };
    if (failure.retryAfterMs !== null || kind === 'rest') this.#rest(state, failure);
    if (kind === 'rest') {
      // It answers, so it is alive; a probe that is told to wait leaves the breaker half-open.
      if (!admission.probe) return;
      state.openUntil = state.restUntil;
      return;
    }
    state.consecutive++;
    this.#count(state, true);
    if (admission.probe || this.#isFailing(state)) this.#open(state);
  }

  snapshot(targets: Iterable<Target>): TargetHealth[] {
    const offset = Date.now() - this.#now();
    return [...targets].map((target) => {
      const state = this.#states.peek(target.id) ?? new TargetState();
      const wait = this.wait(target);
      return {
        target: target.id,
        provider: target.provider.name,
        model: target.model,
        breaker: state.breaker === 'open' && state.openUntil <= this.#now() ? 'half_open' : state.breaker,
        unavailableUntil: wait > 0 ? Math.ceil(this.#now() + wait + offset) : null,
        consecutiveFailures: state.consecutive,
        inFlight: state.inFlight,
        lastFailure: state.lastFailure,
      };
    });
  }

  #state(target: Target): TargetState {
    const known = this.#states.get(target.id);
    if (known !== undefined) return known;
    const state = new TargetState();
    this.#states.set(target.id, state);
    return state;
  }

  #end({ probe, state }: Admission): TargetState {
    state.inFlight--;
    if (probe) state.probing = false;
    return state;
  }

  /** Waits only ever grow: a shorter one said later does not end a longer one. */
  #rest(state: TargetState, failure: UpstreamFailure): void {
    const asked = failure.retryAfterMs ?? (failure.reason === 'quota' ? quotaRestMs : this.#options.rate_limit_rest);
    const until = this.#now() + Math.min(asked, this.#options.max_rest);
    if (until <= state.restUntil) return;
    state.restUntil = until;
    state.restReason = failure.reason;
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

  #open(state: TargetState): void {
    state.openFor = Math.min(state.openFor === 0 ? this.#options.open_for : state.openFor * 2, this.#options.max_open_for);
    state.openUntil = this.#now() + state.openFor;
    state.breaker = 'open';
  }
}

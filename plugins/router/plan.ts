import type { Operation, ProviderInstance, Target, UpstreamFailure } from '../../providers/provider.ts';
import { neededBits } from './abilities.ts';
import { belongingTo } from './affinity.ts';
import type { PlanHealth } from './callers-health.ts';
import type { Candidate } from './candidate.ts';
import { Choice, type Decision, type Exclusion, type Purpose } from './decision.ts';
import { KeyFaults } from './key-faults.ts';
import { canTake, fitsWindow, type Needs } from './needs.ts';
import { type Disallowed, exclusionBy, type Restrictions } from './restrictions.ts';
import { eased } from './slow-start.ts';
import type { Facts, FallbackCause, Route, TargetGroup } from './types.ts';

/** What the plan asks of the call; each is found out when it is first needed. */
export interface PlanCall {
  readonly operation: Operation;
  needs(): Needs;
  /** What the caller allows; null for everything. */
  readonly restrictions: Restrictions | null;
  /** It brings a key of its own. */
  readonly callersKey?: boolean;
  /** 32 bits that calls have in common which belong together; null when they belong nowhere. */
  affinityKey(group: TargetGroup): number | null;
}

export interface PlanTools {
  readonly health: PlanHealth;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** What ends by itself: worth waiting for, once something else is. */
const waitedOut: ReadonlySet<Exclusion> = new Set(['breaker', 'rest', 'keys', 'probe']);

/** The ordered attempts of one exchange: each target once, or once with each key that failed; groups in order, unavailable ones left out. */
export class Plan {
  /** Why the first target that could not take the call cannot; null when none was passed over for that. */
  refusal: UpstreamFailure | null = null;
  readonly decision: Decision;
  readonly #route: Route;
  readonly #tools: PlanTools;
  readonly #call: PlanCall;
  readonly #tried: Candidate[] = [];
  readonly #keyFaults = new KeyFaults();
  #full: Candidate[] = [];
  #out: Candidate[] = [];
  #bits = -1;
  #someTooLong = false;
  /** The first target of an embeddings call that was sent. */
  #space: Target | null = null;
  #cause: FallbackCause = 'exhausted';
  /** Who is asked already while another is sought that may answer beside it. */
  #busy: ProviderInstance | null = null;

  constructor(route: Route, tools: PlanTools, call: PlanCall, decision: Decision) {
    this.#route = route;
    this.#tools = tools;
    this.#call = call;
    this.decision = decision;
  }

  /** The next target to ask, null when none is left that could answer now. */
  next(purpose: Purpose): Candidate | null {
    this.#full = [];
    this.#out = [];
    for (const group of this.#groups()) {
      const choice = this.#look(group, purpose);
      if (choice.slot < 0) continue;
      const candidate = group.candidates[choice.slot]!;
      this.#tried.push(candidate);
      return candidate;
    }
    return null;
  }

  /** What `next` would choose at first, noted in the decision and without any other effect. */
  preview(): Candidate | null {
    for (const group of this.#groups()) {
      const { slot } = this.#look(group, 'first', true);
      if (slot >= 0) return group.candidates[slot]!;
    }
    return null;
  }

  /** Targets that `next` passed over only because they have as many requests as they may have. */
  get full(): readonly Candidate[] {
    return this.#full;
  }

  /** The same, and those that it passed over because they are out for a while: what is worth waiting for once some are full. */
  get awaited(): readonly Candidate[] {
    return [...this.#full, ...this.#out];
  }

  /** Nothing could take the call, and something because of its length alone. */
  get tooLong(): boolean {
    return this.#someTooLong && this.possible().length === 0;
  }

  /** The target asked last once more, when it may be asked now. */
  again(): Candidate | null {
    const last = this.#tried.at(-1);
    return last !== undefined && this.#tools.health.wait(last) === 0 && !last.state.full ? last : null;
  }

  /** A key of a target's provider failed and not the target: it may be asked once more with another one. */
  keyFailed(candidate: Candidate, key: number): void {
    this.#keyFaults.add(candidate, key);
  }

  /** Keys of its provider that failed for this exchange, by place. */
  failedKeys(candidate: Candidate): readonly number[] {
    return this.#keyFaults.of(candidate);
  }

  /**
   * The next target to ask after a failure. A target of which one key failed, with another key; then others; then those of which
   * several keys failed and more are left.
   */
  failOver(): Candidate | null {
    return this.#otherKey(1) ?? this.next('failover') ?? this.#otherKey(Number.POSITIVE_INFINITY);
  }

  /** From now on only the models that are there for this cause; false when there are none, or they are asked already. */
  fallBack(cause: 'context_length' | 'content_policy'): boolean {
    if (this.#cause !== 'exhausted' || !this.#route.groups.some((group) => group.cause === cause)) return false;
    this.#cause = cause;
    this.decision.fallback = cause;
    return true;
  }

  /** The same for a call that is too long for every target here. Asked before anything was sent. */
  fallBackByLength(): boolean {
    return this.tooLong && this.fallBack('context_length');
  }

  /** Whether a target that is there for this cause could answer now. */
  couldFallBack(cause: 'context_length' | 'content_policy'): boolean {
    if (this.#cause !== 'exhausted') return false;
    const now = this.#tools.health.now();
    return this.#route.groups.some(
      (group) => group.cause === cause && group.candidates.some((each) => this.#exclusion(each, group, now) === null),
    );
  }

  /** A target that may answer beside one that is asked already: of the same group and of another provider; null when there is none. */
  beside(candidate: Candidate): Candidate | null {
    const group = this.#route.groups.find(({ candidates }) => candidates.includes(candidate));
    if (group === undefined) return null;
    this.#busy = candidate.target.provider;
    const { slot } = this.#look(group, 'hedge');
    this.#busy = null;
    if (slot < 0) return null;
    this.#tried.push(group.candidates[slot]!);
    return group.candidates[slot]!;
  }

  /** A request was sent to it: vectors of another model or length cannot be compared with what it gives. */
  sent(candidate: Candidate): void {
    if (this.#call.operation === 'embeddings') this.#space ??= candidate.target;
  }

  /** The first target of the file that could take the call, available or not; null when there is none. */
  first(): Candidate | null {
    for (const { candidates, cause } of this.#route.groups) {
      if (cause !== this.#cause) continue;
      for (let at = 0; at < candidates.length; at++) if (this.#inability(candidates[at]!) === null) return candidates[at]!;
    }
    return null;
  }

  /** Every target that could take the call, available or not. */
  possible(): readonly Candidate[] {
    return this.#groups().flatMap((group) =>
      group.candidates.filter(
        (each) => this.#inability(each) === null && this.#disallowed(each, group) === null && !this.#isForeign(each, group),
      ),
    );
  }

  /** Every target that could take the call and may not be asked, with what forbids it. */
  disallowed(): readonly Disallowed[] {
    return this.#groups().flatMap((group) =>
      group.candidates
        .filter((candidate) => this.#inability(candidate) === null)
        .flatMap((candidate) => this.#restriction(candidate, group) ?? []),
    );
  }

  /** Milliseconds until the first of them may be available again; 0 when there is none. */
  wait(): number {
    const waits = this.possible().map((candidate) => this.#tools.health.wait(candidate));
    return waits.length === 0 ? 0 : Math.min(...waits);
  }

  /** A target of which so far only keys failed, `most` of them or fewer, that may be asked now with another one. */
  #otherKey(most: number): Candidate | null {
    return this.#keyFaults.take(
      most,
      (candidate, keys) => !candidate.state.full && this.#tools.health.hasOtherKey(candidate, keys),
    );
  }

  #groups(): readonly TargetGroup[] {
    const { groups } = this.#route;
    return groups.length === 1 ? groups : groups.filter(({ cause }) => cause === this.#cause);
  }

  #look(group: TargetGroup, purpose: Purpose, dry = false): Choice {
    const { candidates } = group;
    const now = this.#tools.health.now();
    const excluded = new Array<Exclusion | null>(candidates.length);
    let open: Candidate[] = [];
    let recovering = false;
    for (let at = 0; at < candidates.length; at++) {
      const candidate = candidates[at]!;
      const why = this.#exclusion(candidate, group, now);
      excluded[at] = why;
      if (why === 'full') this.#full.push(candidate);
      else if (why !== null && waitedOut.has(why)) this.#out.push(candidate);
      if (why !== null) continue;
      open.push(candidate);
      if (candidate.state.share(now) < 1) recovering = true;
    }
    if (recovering && open.length > 1) open = eased(open, excluded, now, this.#tools.random);
    const facts: Facts = { needs: this.#call.needs(), now };
    const choice = new Choice(group, purpose, excluded, facts, performance.now());
    this.decision.choices.push(choice);
    if (open.length > 0) this.#choose(open, facts, choice, dry);
    return choice;
  }

  #choose(open: readonly Candidate[], facts: Facts, choice: Choice, dry: boolean): void {
    const { group } = choice;
    const wanted = this.#call.restrictions?.foremost(open) ?? open;
    const candidate = wanted.length === 1 ? wanted[0]! : this.#among(wanted, facts, choice);
    choice.slot = candidate.slot;
    choice.reason ??= wanted === open ? 'only' : 'order';
    const byShare = choice.reason === 'strategy' || choice.reason === 'only';
    if (byShare && !dry && group.candidates.length > 1) group.selector.chosen?.(candidate, wanted);
  }

  #among(wanted: readonly Candidate[], facts: Facts, choice: Choice): Candidate {
    const { group } = choice;
    const key = this.#call.affinityKey(group);
    const home = key === null ? null : belongingTo(wanted, key);
    choice.reason = home === null ? 'strategy' : 'affinity';
    return home ?? group.selector.pick(wanted, facts);
  }

  #exclusion(candidate: Candidate, group: TargetGroup, now: number): Exclusion | null {
    if (this.#tried.length > 0 && this.#wasTried(candidate)) return 'tried';
    if (candidate.target.provider === this.#busy) return 'same_provider';
    const why = this.#inability(candidate) ?? this.#disallowed(candidate, group);
    if (why !== null) return why;
    if (this.#isForeign(candidate, group)) return 'other_space';
    const { state } = candidate;
    return this.#tools.health.exclusion(state, now) ?? (state.full ? 'full' : null);
  }

  /** Vectors of another model or length than those the call was sent for, or than any the model itself has. */
  #isForeign({ target }: Candidate, group: TargetGroup): boolean {
    if (this.#call.operation !== 'embeddings') return false;
    const like = (other: Target): boolean => other.model === target.model && other.dimensions === target.dimensions;
    if (this.#space !== null) return !like(this.#space);
    const own = this.#groups().find(({ candidates }) => candidates.some((each) => this.#inability(each) === null));
    return own !== group && own?.targets.some(like) === false;
  }

  #inability(candidate: Candidate): Exclusion | null {
    const { target } = candidate;
    if (!target.provider.operations.has(this.#call.operation)) return 'operation';
    if (target.info === undefined) return null;
    const needs = this.#call.needs();
    if (this.#bits < 0) this.#bits = neededBits(needs);
    const able = (candidate.abilities & this.#bits) === this.#bits;
    if (able && fitsWindow(needs, target.info)) return null;
    this.refusal ??= canTake(needs, target);
    if (able) this.#someTooLong = true;
    return able ? 'too_long' : 'cannot_take';
  }

  #disallowed(candidate: Candidate, group: TargetGroup): Exclusion | null {
    if (group.limits === null && this.#call.restrictions === null) return null;
    const by = this.#restriction(candidate, group);
    return by === null ? null : exclusionBy[by.restriction];
  }

  #restriction({ target }: Candidate, { limits }: TargetGroup): Disallowed | null {
    const needs = this.#call.needs();
    const own = limits?.restriction(target, needs) ?? null;
    if (own !== null) return { target, restriction: own, own: true };
    const restriction = this.#call.restrictions?.restriction(target, needs) ?? null;
    return restriction === null ? null : { target, restriction, own: false };
  }

  /** By id: a fallback that names the same model at the same provider has a target object of its own. */
  #wasTried({ state }: Candidate): boolean {
    return this.#tried.some((each) => each.state === state);
  }
}

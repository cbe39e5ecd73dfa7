import type { Operation, Target, UpstreamFailure } from '../../providers/provider.ts';
import { neededBits } from './abilities.ts';
import { belongingTo } from './affinity.ts';
import type { Candidate } from './candidate.ts';
import { Choice, type Decision, type Exclusion, type Purpose } from './decision.ts';
import type { Health } from './health.ts';
import { canTake, fitsWindow, type Needs } from './needs.ts';
import type { Restrictions } from './restrictions.ts';
import type { Facts, FallbackCause, Route, TargetGroup } from './types.ts';

/** What the plan asks of the call; each is found out when it is first needed. */
export interface PlanCall {
  readonly operation: Operation;
  needs(): Needs;
  /** What the caller allows; null for everything. */
  readonly restrictions: Restrictions | null;
  /** 32 bits that calls have in common which belong together; null when they belong nowhere. */
  affinityKey(group: TargetGroup): number | null;
}

export interface PlanTools {
  readonly health: Health;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

/** The ordered attempts of one exchange: each target at most once, groups in order, unavailable ones left out. */
export class Plan {
  /** Why the first target that could not take the call cannot; null when none was passed over for that. */
  refusal: UpstreamFailure | null = null;
  readonly decision: Decision;
  readonly #route: Route;
  readonly #tools: PlanTools;
  readonly #call: PlanCall;
  readonly #tried: Candidate[] = [];
  #full: Candidate[] = [];
  #bits = -1;
  /** The first target of an embeddings call that was sent. */
  #space: Target | null = null;
  #cause: FallbackCause = 'exhausted';

  constructor(route: Route, tools: PlanTools, call: PlanCall, decision: Decision) {
    this.#route = route;
    this.#tools = tools;
    this.#call = call;
    this.decision = decision;
  }

  /** The next target to ask, null when none is left that could answer now. */
  next(purpose: Purpose): Candidate | null {
    this.#full = [];
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

  /** The target asked last once more, when it may be asked now. */
  again(): Candidate | null {
    const last = this.#tried.at(-1);
    return last !== undefined && this.#tools.health.wait(last) === 0 && !last.state.full ? last : null;
  }

  /** From now on only the models that are there for this cause; false when there are none, or they are asked already. */
  fallBack(cause: 'context_length' | 'content_policy'): boolean {
    if (this.#cause !== 'exhausted' || !this.#route.groups.some((group) => group.cause === cause)) return false;
    this.#cause = cause;
    this.decision.fallback = cause;
    return true;
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
      group.candidates.filter((candidate) => this.#inability(candidate) === null && this.#disallowed(candidate, group) === null),
    );
  }

  /** Milliseconds until the first of them may be available again; 0 when there is none. */
  wait(): number {
    const waits = this.possible().map((candidate) => this.#tools.health.wait(candidate));
    return waits.length === 0 ? 0 : Math.min(...waits);
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
      if (why !== null) continue;
      open.push(candidate);
      if (candidate.state.share(now) < 1) recovering = true;
    }
    if (recovering && open.length > 1) open = this.#eased(open, excluded, now);
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

  /** Targets that come back take part as often as their share says. */
  #eased(open: Candidate[], excluded: (Exclusion | null)[], now: number): Candidate[] {
    const kept = open.filter(({ state }) => {
      const share = state.share(now);
      return share === 1 || this.#tools.random() < share;
    });
    if (kept.length === 0) return open;
    for (const { slot } of open) excluded[slot] = 'recovering';
    for (const { slot } of kept) excluded[slot] = null;
    return kept;
  }

  #exclusion(candidate: Candidate, group: TargetGroup, now: number): Exclusion | null {
    if (this.#tried.length > 0 && this.#wasTried(candidate)) return 'tried';
    const why = this.#inability(candidate) ?? this.#disallowed(candidate, group);
    if (why !== null) return why;
    const space = this.#space;
    const { target, state } = candidate;
    if (space !== null && (target.model !== space.model || target.dimensions !== space.dimensions)) return 'other_space';
    return this.#tools.health.exclusion(state, now) ?? (state.full ? 'full' : null);
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
    return able ? 'too_long' : 'cannot_take';
  }

  #disallowed({ target }: Candidate, group: TargetGroup): Exclusion | null {
    const { restrictions } = this.#call;
    return group.limits?.excludes(target) ?? restrictions?.excludes(target) ?? null;
  }

  /** By id: a fallback that names the same model at the same provider has a target object of its own. */
  #wasTried({ state }: Candidate): boolean {
    return this.#tried.some((each) => each.state === state);
  }
}

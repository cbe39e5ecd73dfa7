import type { Target } from '../../providers/provider.ts';
import type { Health } from './health.ts';
import type { Route, TargetGroup } from './types.ts';

/** Which targets of a route an exchange may use at all (operation spoken, embedding space, caller's binding). */
export type Eligible = (target: Target) => boolean;

/** The ordered attempts of one exchange: each target at most once, groups in order, unavailable ones left out. */
export class Plan {
  readonly #groups: readonly TargetGroup[];
  readonly #health: Health;
  readonly #eligible: Eligible;
  readonly #tried: Target[] = [];

  constructor(route: Route, health: Health, eligible: Eligible) {
    this.#groups = route.groups;
    this.#health = health;
    this.#eligible = eligible;
  }

  /** The next target to ask, null when none is left that could answer now. */
  next(): Target | null {
    for (const group of this.#groups) {
      const available = group.targets.filter((target) => this.#isOpen(target));
      if (available.length === 0) continue;
      const target = available.length === 1 && group.targets.length === 1 ? available[0]! : group.selector.pick(available);
      this.#tried.push(target);
      return target;
    }
    return null;
  }

  /** The target asked last once more, when it may be asked now. */
  again(): Target | null {
    const last = this.#tried.at(-1);
    return last !== undefined && this.#health.wait(last) === 0 ? last : null;
  }

  /** The first eligible target of the file, available or not; null when there is none. */
  first(): Target | null {
    for (const group of this.#groups) {
      const target = group.targets.find(this.#eligible);
      if (target !== undefined) return target;
    }
    return null;
  }

  /** Every eligible target, available or not. */
  targets(): readonly Target[] {
    return this.#groups.flatMap((group) => group.targets.filter(this.#eligible));
  }

  /** Milliseconds until the first eligible target may be available again. */
  wait(): number {
    const waits = this.targets().map((target) => this.#health.wait(target));
    return waits.length === 0 ? 0 : Math.min(...waits);
  }

  /** By id: a fallback that names the same model at the same provider has a target object of its own. */
  #wasTried(target: Target): boolean {
    return this.#tried.some((each) => each.id === target.id);
  }

  #isOpen(target: Target): boolean {
    return this.#eligible(target) && !this.#wasTried(target) && this.#health.wait(target) === 0;
  }
}

import type { Target } from '../../providers/provider.ts';
import { abilitiesOf } from './abilities.ts';
import { hashText } from './affinity.ts';
import type { TargetState } from './target-state.ts';

/** A target in a group, with what is remembered of it: what strategies choose among. */
export class Candidate {
  readonly target: Target;
  /** Its place in the group, in the order of the file. */
  readonly slot: number;
  /** Shared by every group that holds the same target. */
  readonly state: TargetState;
  readonly idHash: number;
  #info: Target['info'] | null = null;
  #abilities = 0;

  constructor(target: Target, slot: number, state: TargetState) {
    this.target = target;
    this.slot = slot;
    this.state = state;
    this.idHash = hashText(target.id);
  }

  /** What it is known to be able to do, as bits of `abilities.ts`. */
  get abilities(): number {
    const { info } = this.target;
    if (this.#info !== info) {
      this.#info = info;
      this.#abilities = abilitiesOf(this.target);
    }
    return this.#abilities;
  }
}

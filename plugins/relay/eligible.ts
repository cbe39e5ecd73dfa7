import type { Call, Target, UpstreamFailure } from '../../providers/provider.ts';
import { canTake, type Needs, needsOf } from '../router/needs.ts';

/**
 * Which targets may answer one call: those that speak its operation, can take what it holds, and, for vectors, share the space of
 * the first one asked.
 */
export class Eligibility {
  /** Why the first target that could not take the call cannot. */
  refusal: UpstreamFailure | null = null;
  readonly #call: Call;
  readonly #estimatedInput: number;
  #needs: Needs | null = null;
  /** The router asks for the same target several times in a row. */
  #judged: Target | null = null;
  #verdict = false;
  #space: Target | null = null;

  /** `estimatedInput`: tokens. */
  constructor(call: Call, estimatedInput: number) {
    this.#call = call;
    this.#estimatedInput = estimatedInput;
  }

  allows(target: Target): boolean {
    if (this.#judged !== target) {
      this.#judged = target;
      this.#verdict = this.#takes(target);
    }
    // Vectors of different models or lengths cannot be compared with each other.
    const space = this.#space;
    return this.#verdict && (space === null || (target.model === space.model && target.dimensions === space.dimensions));
  }

  /** From the first send on. */
  asked(target: Target): void {
    if (this.#call.operation === 'embeddings') this.#space ??= target;
  }

  #takes(target: Target): boolean {
    if (!target.provider.operations.has(this.#call.operation)) return false;
    if (target.info === undefined) return true;
    this.#needs ??= needsOf(this.#call, this.#estimatedInput);
    const refusal = canTake(this.#needs, target);
    this.refusal ??= refusal;
    return refusal === null;
  }
}

import type { Call, Target } from '../../providers/provider.ts';

/** Which targets may answer one call: those that speak its operation and, for vectors, share the space of the first one asked. */
export class Eligibility {
  readonly #call: Call;
  #space: Target | null = null;

  constructor(call: Call) {
    this.#call = call;
  }

  allows(target: Target): boolean {
    if (!target.provider.operations.has(this.#call.operation)) return false;
    // Vectors of different models or lengths cannot be compared with each other.
    return this.#space === null || (target.model === this.#space.model && target.dimensions === this.#space.dimensions);
  }

  /** From the first send on. */
  asked(target: Target): void {
    if (this.#call.operation === 'embeddings') this.#space ??= target;
  }
}

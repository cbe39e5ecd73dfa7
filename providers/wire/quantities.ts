import type { Quantities } from '../unified.ts';

/** Writes quantities by kind, each an integer 0..2^53-1, whatever the upstream sent. */
export class QuantityReader {
  readonly #values: Record<string, number> = {};

  /**
   * Takes `value` as the quantity `kind`: finite numbers >= 0 are rounded up and capped at 2^53-1; anything else (negative,
   * text, NaN, null) is left out, so that no answer can credit an account.
   */
  take(kind: string, value: unknown): this {
    const quantity = quantityOf(value);
    if (quantity !== null) this.#values[kind] = quantity;
    return this;
  }

  done(): Quantities {
    return this.#values;
  }
}

/** A token count or other quantity as an integer 0..2^53-1; null for what is none. */
export function quantityOf(value: unknown): number | null {
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0) return null;
  return value >= Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Math.ceil(value) + 0;
}

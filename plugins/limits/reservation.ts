import type { Call, Target } from '../../providers/provider.ts';
import type { Quantities } from '../../providers/unified.ts';
import type { Route } from '../router/index.ts';
import type { Usage } from '../usage/contract.ts';
import { cost, type Rates } from '../usage/money.ts';
import { InputReservation, outputBound, type ReservedInput } from '../usage/reserve.ts';

/** What an attempt may use at most. */
export interface Reservation {
  /** Input and output. */
  readonly tokens: number;
  /** Integer; null when the price is unknown. 0 where nobody asks. */
  readonly nanoUsd: number | null;
}

/** Larger numbers are no limit to any model. */
const mostTokens = 1_000_000_000;

/** What a call may use at each of its targets, for the holds on limits and budgets. */
export class Estimate {
  readonly #call: Call;
  readonly #usage: Pick<Usage, 'price'>;
  readonly #assumed: number;
  readonly #usd: boolean;
  readonly #input: InputReservation;

  /** `assumed`: tokens of an answer that nothing limits. `usd`: whether anybody asks what it costs. */
  constructor(call: Call, usage: Pick<Usage, 'price'>, assumed: number, usd: boolean) {
    this.#call = call;
    this.#usage = usage;
    this.#assumed = assumed;
    this.#usd = usd;
    this.#input = new InputReservation(call);
  }

  /** At one target. */
  at(target: Target): Reservation {
    const input = this.#input.at(target.model);
    const output = Math.min(mostTokens, outputBound(this.#call, target.info, this.#assumed));
    const tokens = Math.min(mostTokens, input.tokens + output);
    if (!this.#usd) return { tokens, nanoUsd: 0 };
    const price = this.#usage.price(target);
    const nano = price === null ? null : this.#cost(input, output, price.rates);
    return { tokens, nanoUsd: nano === null ? null : Math.min(Number(nano), Number.MAX_SAFE_INTEGER) };
  }

  /** At the dearest target of the first group that has one which may be used; `nanoUsd` is null when no group has. */
  most({ groups }: Route): Reservation {
    let tokens = 0;
    for (const { targets } of groups) {
      let nanoUsd = -1;
      for (const target of targets) {
        const at = this.at(target);
        if (at.nanoUsd === null) continue;
        tokens = Math.max(tokens, at.tokens);
        nanoUsd = Math.max(nanoUsd, at.nanoUsd);
      }
      if (nanoUsd >= 0) return { tokens, nanoUsd };
    }
    return { tokens, nanoUsd: null };
  }

  /** Sound, images and what is to be kept may cost more than text that is read, each by itself; what would cost less does not lower it. */
  #cost({ tokens, media }: ReservedInput, output: number, rates: Rates): bigint | null {
    const plain: Quantities = { input: tokens, output };
    const { writes } = this.#input;
    const base = cost(plain, rates);
    if (base === null) return null;
    let sum = base;
    if (media !== null) sum += more(base, { ...plain, ...media }, rates);
    if (writes !== null) sum += more(base, { ...plain, [writes]: tokens }, rates);
    const { modalities } = this.#call.body.json;
    if (Array.isArray(modalities) && modalities.includes('audio')) sum += more(base, { ...plain, output_audio: output }, rates);
    return sum;
  }
}

/** What the quantities cost beyond `base`; 0 when they cost less, or nobody knows. */
function more(base: bigint, quantities: Quantities, rates: Rates): bigint {
  const dearer = cost(quantities, rates);
  return dearer === null || dearer < base ? 0n : dearer - base;
}

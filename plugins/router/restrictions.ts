import type { Target } from '../../providers/provider.ts';
import type { MaxPrice } from '../../schemas/config.ts';
import type { Rates } from '../usage/money.ts';
import type { Candidate } from './candidate.ts';
import type { Needs } from './needs.ts';
import { ratesFor } from './strategies/request-price.ts';

/**
 * What leaves a target out. `unpriced`: there is a highest price, and that of the target is unknown; `providers`: the caller's gateway
 * key may not use its provider; `caller_key`: the provider's key that the caller sent is for another one.
 */
export type Restriction = 'only' | 'ignore' | 'max_price' | 'unpriced' | 'providers' | 'caller_key';

/** What a caller, or a model's configuration, allows. */
export interface Restrictions {
  /** What leaves a target out for a call with these needs; null when it may be asked. */
  restriction(target: Target, needs: Needs): Restriction | null;
  /** Those of `candidates` that are to be asked before all others; the same array when there is no order among them. */
  foremost(candidates: readonly Candidate[]): readonly Candidate[];
}

/** A target that may not be asked. `own`: by the configuration of its model, not by the caller. */
export interface Disallowed {
  readonly target: Target;
  readonly restriction: Restriction;
  readonly own: boolean;
}

/** As a decision notes it. */
export const exclusionBy: Readonly<Record<Restriction, 'not_allowed' | 'too_expensive'>> = {
  only: 'not_allowed',
  ignore: 'not_allowed',
  max_price: 'too_expensive',
  unpriced: 'too_expensive',
  providers: 'not_allowed',
  caller_key: 'not_allowed',
};

/** Pico-USD per unit of one USD per million. */
const picoPerUsd = 1_000_000;

/** What a caller may write: names of providers, or targets as `provider/model`. */
export interface Wishes {
  readonly order?: readonly string[] | null | undefined;
  readonly only?: readonly string[] | null | undefined;
  readonly ignore?: readonly string[] | null | undefined;
  readonly maxPrice?: MaxPrice | null | undefined;
}

/** Prices of a target now; null when unknown. */
export type RatesOf = (target: Target) => Rates | null;

/** Targets of some providers alone, and of those what `within` allows. */
export class AmongProviders implements Restrictions {
  readonly #names: readonly string[];
  readonly #otherwise: 'providers' | 'caller_key';
  readonly #within: Restrictions | null;

  constructor(names: readonly string[], otherwise: 'providers' | 'caller_key', within: Restrictions | null) {
    this.#names = names;
    this.#otherwise = otherwise;
    this.#within = within;
  }

  restriction(target: Target, needs: Needs): Restriction | null {
    if (!this.#names.includes(target.provider.name)) return this.#otherwise;
    return this.#within === null ? null : this.#within.restriction(target, needs);
  }

  foremost(candidates: readonly Candidate[]): readonly Candidate[] {
    return this.#within === null ? candidates : this.#within.foremost(candidates);
  }
}

/** Null when nothing is restricted. */
export function restrictionsOf({ order, only, ignore, maxPrice }: Wishes, ratesOf: RatesOf): Restrictions | null {
  const first = order ?? [];
  const allowed = only == null ? null : new Set(only);
  const refused = new Set(ignore ?? []);
  const limited = maxPrice?.input != null || maxPrice?.output != null;
  if (first.length === 0 && allowed === null && refused.size === 0 && !limited) return null;
  return {
    restriction(target, needs) {
      const { id, provider } = target;
      if (allowed !== null && !allowed.has(id) && !allowed.has(provider.name)) return 'only';
      if (refused.has(id) || refused.has(provider.name)) return 'ignore';
      return limited ? tooExpensive(ratesOf(target), maxPrice!, needs) : null;
    },
    foremost(candidates) {
      for (const name of first) {
        const named = candidates.filter(({ target }) => target.id === name || target.provider.name === name);
        if (named.length > 0) return named;
      }
      return candidates;
    },
  };
}

/** An unknown price may be any. Vectors have no price as output. */
function tooExpensive(rates: Rates | null, { input, output }: MaxPrice, needs: Needs): 'max_price' | 'unpriced' | null {
  if (rates === null) return 'unpriced';
  const at = ratesFor(rates, needs.inputTokens);
  if (input != null && at.input > input * picoPerUsd) return 'max_price';
  if (output == null || needs.operation === 'embeddings') return null;
  if (at.output === undefined) return 'unpriced';
  return at.output > output * picoPerUsd ? 'max_price' : null;
}

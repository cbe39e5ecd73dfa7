import type { Target } from '../../providers/provider.ts';
import type { MaxPrice } from '../../schemas/config.ts';
import type { Rates } from '../usage/money.ts';
import type { Candidate } from './candidate.ts';

/** What a caller, or a model's configuration, allows. */
export interface Restrictions {
  /** Why a target may not be asked; null when it may. */
  excludes(target: Target): 'not_allowed' | 'too_expensive' | null;
  /** Those of `candidates` that are to be asked before all others; the same array when there is no order among them. */
  foremost(candidates: readonly Candidate[]): readonly Candidate[];
}

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

/** Null when nothing is restricted. */
export function restrictionsOf({ order, only, ignore, maxPrice }: Wishes, ratesOf: RatesOf): Restrictions | null {
  const first = order ?? [];
  const allowed = only == null ? null : new Set(only);
  const refused = new Set(ignore ?? []);
  const limited = maxPrice?.input != null || maxPrice?.output != null;
  if (first.length === 0 && allowed === null && refused.size === 0 && !limited) return null;
  return {
    excludes(target) {
      const { id, provider } = target;
      if (allowed !== null && !allowed.has(id) && !allowed.has(provider.name)) return 'not_allowed';
      if (refused.has(id) || refused.has(provider.name)) return 'not_allowed';
      return limited && isAbove(ratesOf(target), maxPrice!) ? 'too_expensive' : null;
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

/** An unknown price may be any. */
function isAbove(rates: Rates | null, { input, output }: MaxPrice): boolean {
  if (rates === null) return true;
  const { base } = rates;
  if (input != null && base.input > input * picoPerUsd) return true;
  return output != null && (base.output ?? 0) > output * picoPerUsd;
}

import type { SelectionStrategy } from '../types.ts';
import { RequestPrices } from './request-price.ts';

/**
 * The candidate at which this request costs least: its tokens, the part of them that is usually cached there, the answer that is
 * usual there. An unknown price comes after every known one; of equals the one with the fewest requests under way.
 */
export const leastCost: SelectionStrategy = {
  name: 'least-cost',
  create(_all, { ratesOf }) {
    const prices = new RequestPrices(ratesOf);
    return {
      pick(candidates, facts) {
        let best = candidates[0]!;
        let least = prices.of(best, facts);
        for (let at = 1; at < candidates.length; at++) {
          const candidate = candidates[at]!;
          const price = prices.of(candidate, facts);
          if (price > least || (price === least && candidate.state.inFlight >= best.state.inFlight)) continue;
          best = candidate;
          least = price;
        }
        return best;
      },
      score: (candidate, facts) => prices.of(candidate, facts),
    };
  },
};

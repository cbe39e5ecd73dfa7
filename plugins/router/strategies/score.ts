import type { Candidate } from '../candidate.ts';
import type { Facts, SelectionStrategy } from '../types.ts';
import { RequestPrices } from './request-price.ts';
import { weighty } from './two-choices.ts';

/** How much each property counts where the configuration does not say. */
const usual = { price: 0.5, latency: 0.2, uptime: 0.25, cache: 0.05 };
/** Another candidate has to be better by this part before it takes over: scores move with every answer. */
const margin = 0.1;
/** Share of the calls that go to any of the others, so that what is known of them stays true. */
const exploration = 0.01;
/** An uptime below this is punished steeply: an outage of one call in twenty is felt. */
const goodUptime = 0.95;
const steepness = 20;
/** What nothing is known of is taken to be this slow. Milliseconds. */
const unknownMs = 1_000;

/** 0 for a perfect uptime, 1 for one call in twenty lost, about 20 for one in five. */
function downtime(uptime: number): number {
  const lost = (1 - uptime) * steepness;
  return uptime >= goodUptime ? lost : lost + Math.exp((goodUptime - uptime) * steepness) - 1;
}

/** How many times the best this is; one that is unknown counts as twice the best, where the best is known. */
function multiple(value: number, best: number): number {
  if (value === best) return 1;
  return value === Number.POSITIVE_INFINITY ? 2 : value / Math.max(best, 1);
}

/**
 * The lowest sum of price, latency, downtime and what the prompt cache misses, price and latency as multiples of the group's best.
 * Stays with the best until another is better by a margin; one call in a hundred goes to another one.
 */
export const score: SelectionStrategy = {
  name: 'score',
  create(all, { random, config, ratesOf }) {
    const weights = { ...usual, ...config?.score };
    const prices = new RequestPrices(ratesOf);
    const costs = new Float64Array(all.length);
    const waits = new Float64Array(all.length);
    const sums = new Float64Array(all.length);
    let favourite: Candidate | null = null;
    let explored: Candidate | null = null;
    let seen: Facts | null = null;

    /** Fills `sums` by place, once for each choice. */
    function look(facts: Facts): void {
      if (facts === seen) return;
      seen = facts;
      let cheapest = Number.POSITIVE_INFINITY;
      let soonest = Number.POSITIVE_INFINITY;
      for (let at = 0; at < all.length; at++) {
        const { latency } = all[at]!.state;
        costs[at] = prices.of(all[at]!, facts);
        waits[at] = Math.max(1, latency.known ? latency.measured : unknownMs);
        cheapest = Math.min(cheapest, costs[at]!);
        soonest = Math.min(soonest, waits[at]!);
      }
      for (let at = 0; at < all.length; at++) {
        const { uptime, cacheShare } = all[at]!.state;
        sums[at] =
          weights.price * Math.log2(1 + multiple(costs[at]!, cheapest)) +
          weights.latency * Math.log2(1 + multiple(waits[at]!, soonest)) +
          weights.uptime * downtime(uptime.value) +
          weights.cache * (cacheShare.known ? 1 - cacheShare.value : 1);
      }
    }

    return {
      pick(all, facts) {
        look(facts);
        const candidates = weighty(all);
        let chosen = candidates[0]!;
        for (let at = 1; at < candidates.length; at++) {
          if (sums[candidates[at]!.slot]! < sums[chosen.slot]!) chosen = candidates[at]!;
        }
        if (favourite !== null && candidates.includes(favourite) && sums[favourite.slot]! <= sums[chosen.slot]! * (1 + margin)) {
          chosen = favourite;
        }
        explored = null;
        if (random() >= exploration) return chosen;
        const others = candidates.filter((each) => each !== chosen);
        explored = others[Math.floor(random() * others.length)] ?? null;
        return explored ?? chosen;
      },
      chosen(candidate) {
        if (candidate !== explored) favourite = candidate;
      },
      score({ slot }, facts) {
        look(facts);
        return sums[slot]!;
      },
    };
  },
};

import type { Candidate } from '../candidate.ts';
import type { SelectionStrategy } from '../types.ts';
import { twoAtRandom } from './two-choices.ts';

/** What nothing is known of is taken to be this slow where there is nothing to compare it with, as Linkerd does. Milliseconds. */
const unknownMs = 1_000;
/** Answers below this are equally fast. Milliseconds. */
const leastMs = 1;

const latencyOf = ({ state: { latency } }: Candidate, now: number, otherwise: number): number =>
  latency.known ? Math.max(leastMs, latency.value(now)) : otherwise;

/** Milliseconds a call would wait for its first content: peak EWMA times what is under way, this call included. */
const waitFor = (candidate: Candidate, latency: number): number => latency * (candidate.state.inFlight + 1);

/**
 * The sooner of two candidates drawn at random, by the time to first content (peak EWMA; a failure counts as a long time). One
 * that nothing is known of counts as fast as the other, so that it is tried, and with what is under way not tried by everybody.
 */
export const lowestLatency: SelectionStrategy = {
  name: 'lowest-latency',
  create: (_all, { random }) => ({
    pick(candidates, { now }) {
      const [a, b] = twoAtRandom(candidates, random);
      if (a === b) return a;
      const first = waitFor(a, latencyOf(a, now, latencyOf(b, now, unknownMs)));
      const second = waitFor(b, latencyOf(b, now, latencyOf(a, now, unknownMs)));
      if (first === second) return a.state.latency.known ? b : a;
      return second < first ? b : a;
    },
    score: (candidate, { now }) => waitFor(candidate, latencyOf(candidate, now, unknownMs)),
  }),
};

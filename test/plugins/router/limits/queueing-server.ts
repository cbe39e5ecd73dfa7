import type { ConcurrencyLimit } from '../../../../plugins/router/target-state.ts';

export interface ServerOptions {
  readonly limit: ConcurrencyLimit;
  /** Requests it works on at once; the others queue. `now`: milliseconds. */
  readonly capacity: (now: number) => number;
  /** Milliseconds from taking a request up to its first byte. */
  readonly first: (now: number) => number;
  /** Milliseconds from there to the end of the answer; absent: it ends with its first byte. */
  readonly rest?: () => number;
  /** Callers want at most so many at once. */
  readonly demand?: number;
}

/** Every quarter of a second: the limit, and the answers so far. */
export interface Observation {
  readonly at: number;
  readonly limit: number;
  readonly answered: number;
}

interface Event {
  readonly at: number;
  readonly sent: number;
  readonly kind: 'first' | 'end';
}

/** A server with a queue, in simulated time, whose callers always want more than the limit lets them. */
export function simulate({ limit, capacity, first, rest, demand = Number.POSITIVE_INFINITY }: ServerOptions, ms: number) {
  const events: Event[] = [];
  const queue: number[] = [];
  const seen: Observation[] = [];
  let now = 0;
  let inFlight = 0;
  let busy = 0;
  let answered = 0;

  /** Kept in order; the newest events are among the last. */
  const plan = (event: Event): void => {
    let at = events.length;
    while (at > 0 && events[at - 1]!.at < event.at) at--;
    events.splice(at, 0, event);
  };
  const work = (sent: number): void => {
    busy++;
    const headed = now + first(now);
    plan({ at: headed, sent, kind: 'first' });
    plan({ at: headed + (rest?.() ?? 0), sent, kind: 'end' });
  };
  const fill = (): void => {
    while (inFlight < Math.min(limit.limit, demand)) {
      inFlight++;
      if (busy < capacity(now)) work(now);
      else queue.push(now);
    }
  };

  fill();
  while (now < ms) {
    const event = events.pop()!;
    now = event.at;
    if (event.kind === 'first') limit.answered(now - event.sent, inFlight, now);
    else {
      busy--;
      inFlight--;
      answered++;
      while (busy < capacity(now) && queue.length > 0) work(queue.shift()!);
    }
    fill();
    while (seen.length * 250 <= now) seen.push({ at: seen.length * 250, limit: limit.limit, answered });
  }
  return seen;
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

/** The limit that held most of the time between two moments. */
export function limitBetween(seen: readonly Observation[], from: number, to: number): number {
  return median(seen.filter(({ at }) => at >= from && at < to).map(({ limit }) => limit));
}

/** Answers per second between two moments. */
export function rateBetween(seen: readonly Observation[], from: number, to: number): number {
  const some = seen.filter(({ at }) => at >= from && at < to);
  return ((some.at(-1)!.answered - some[0]!.answered) * 1000) / (some.at(-1)!.at - some[0]!.at);
}

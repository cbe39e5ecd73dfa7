import { setTimeout as sleep } from 'node:timers/promises';
import { Callers } from './callers.ts';
import type { CountingUpstream } from './upstream.ts';

/** One way of calling. */
interface Kind {
  readonly name: string;
  /** Out of 100 calls. */
  readonly share: number;
  readonly call: (callers: Callers, number: number) => Promise<void>;
}

const failures = ['fail-500', 'fail-reset', 'fail-html', 'fail-cut'];

const kinds: readonly Kind[] = [
  { name: 'json', share: 34, call: (callers) => callers.json('json') },
  { name: 'stream', share: 24, call: (callers) => callers.stream('stream') },
  { name: 'leave waiting', share: 8, call: (callers, number) => callers.leaveWaiting('waiting', number % 2 === 0) },
  { name: 'leave mid-stream', share: 8, call: (callers) => callers.leaveMidStream('leaving') },
  { name: 'leave at once', share: 2, call: (callers) => callers.leaveAtOnce('hasty') },
  {
    name: 'failing upstream',
    share: 8,
    call: (callers, number) => {
      const model = failures[number % failures.length]!;
      return callers.failing(model, model === 'fail-cut');
    },
  },
  { name: 'refused connection', share: 2, call: (callers) => callers.failing('refused', false) },
  { name: 'failover', share: 5, call: (callers) => callers.json('failover') },
  { name: 'slow reader', share: 1, call: (callers) => callers.readSlowly('slow') },
  { name: 'wrong key', share: 6, call: (callers) => callers.wrongKey() },
  { name: 'large body', share: 2, call: (callers) => callers.large('large') },
];

/** Models of the gateway and their targets, in order of preference. */
export const models: Readonly<Record<string, readonly { provider: string; model: string }[]>> = {
  ...Object.fromEntries(
    ['json', 'large', 'stream', 'waiting', 'leaving', 'hasty', 'slow', ...failures].map((model) => [
      model,
      [{ provider: 'up', model }],
    ]),
  ),
  refused: [{ provider: 'gone', model: 'refused' }],
  failover: [
    { provider: 'up', model: 'broken' },
    { provider: 'up', model: 'second' },
  ],
};

/** The order of 100 calls: every kind by its share, spread out. */
const order: readonly Kind[] = (() => {
  const all = kinds.flatMap((kind) => Array.from({ length: kind.share }, () => kind));
  // 37 and 100 have no common divisor, so each place is met once.
  return all.map((_, at) => all[(at * 37) % all.length]!);
})();

const tickMs = 5;
/** Calls under way at once; more of them means that the gateway, or this machine, does not keep up. */
const widest = 2_000;
const differentFailures = 50;

/** Open-loop traffic: calls begin at a fixed rate, whether or not earlier ones are over. */
export class Traffic {
  readonly #callers: Callers;
  readonly #perSecond: number;
  /** Calls begun, by kind. */
  readonly calls: Record<string, number> = Object.fromEntries(kinds.map(({ name }) => [name, 0]));
  /** Calls that did not go as planned, by what happened. */
  readonly unplanned = new Map<string, number>();
  unplannedCount = 0;
  total = 0;
  underWay = 0;

  constructor(url: string, upstream: CountingUpstream, perSecond: number) {
    this.#callers = new Callers(url, upstream);
    this.#perSecond = perSecond;
  }

  /** Calls for so many milliseconds, or until `stopped`; resolves when the last one is over. */
  async run(ms: number, stopped: () => boolean): Promise<void> {
    const began = performance.now();
    let begun = 0;
    for (let now = 0; now < ms && !stopped(); now = performance.now() - began) {
      for (; (begun * 1000) / this.#perSecond <= now; begun++) void this.#begin();
      await sleep(tickMs);
    }
    while (this.underWay > 0) await sleep(tickMs);
    this.#callers.close();
  }

  async #begin(): Promise<void> {
    if (this.underWay >= widest) {
      this.#note(`not begun: ${widest} calls were under way`);
      return;
    }
    const number = this.total++;
    const kind = order[number % order.length]!;
    this.calls[kind.name]!++;
    this.underWay++;
    try {
      // A kind has the same places in every hundred; so that its variants take turns, the hundreds count too.
      await kind.call(this.#callers, number + Math.floor(number / order.length));
    } catch (error) {
      this.#note(`${kind.name}: ${(error as Error).message}`);
    } finally {
      this.underWay--;
    }
  }

  #note(what: string): void {
    this.unplannedCount++;
    const key = this.unplanned.size < differentFailures || this.unplanned.has(what) ? what : 'others';
    this.unplanned.set(key, (this.unplanned.get(key) ?? 0) + 1);
  }
}

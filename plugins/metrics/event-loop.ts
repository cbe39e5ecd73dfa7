import { createHistogram } from 'node:perf_hooks';

/** Seconds by which timers were late. */
export interface EventLoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Hears of every sample: milliseconds by which the loop was late, and milliseconds since the sample before. */
export type EventLoopListener = (late: number, elapsed: number) => void;

/**
 * Milliseconds between two samples; a stall longer than this is always seen. CPU of an idle process, measured: 2.8 ms per
 * second; with `monitorEventLoopDelay` 0.9.
 */
const resolutionMs = 50;
/** The scrape interval most Prometheus set-ups use. */
const windowMs = 15_000;

/**
 * Delay of the event loop over windows of 15 s. A reader gets the last full window, or the running one before there is any.
 * Reading changes nothing, so two scrapers and the health page see the same. A timer of ours, not `monitorEventLoopDelay`:
 * that one keeps a histogram only, and its newest sample is needed before the calls that waited for the loop are taken.
 */
export class EventLoopMonitor {
  readonly #histogram = createHistogram();
  readonly #timer: NodeJS.Timeout;
  readonly #listener: EventLoopListener;
  #at = performance.now();
  #windowEnds = this.#at + windowMs;
  #last: EventLoopDelay | null = null;

  constructor(listener: EventLoopListener = () => {}) {
    this.#listener = listener;
    this.#timer = setInterval(() => this.#sample(), resolutionMs).unref();
  }

  read(): EventLoopDelay {
    return this.#last ?? this.#current();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = performance.now();
    const elapsed = now - this.#at;
    this.#at = now;
    // Node's timers count whole milliseconds.
    const late = Math.max(0, elapsed - resolutionMs - 1);
    this.#histogram.record(Math.max(1, Math.round(late * 1e6)));
    this.#listener(late, elapsed);
    if (now < this.#windowEnds) return;
    this.#windowEnds = now + windowMs;
    this.#last = this.#current();
    this.#histogram.reset();
  }

  #current(): EventLoopDelay {
    const { count, max } = this.#histogram;
    if (count === 0) return { p50: 0, p99: 0, max: 0 };
    return { p50: this.#histogram.percentile(50) / 1e9, p99: this.#histogram.percentile(99) / 1e9, max: max / 1e9 };
  }
}

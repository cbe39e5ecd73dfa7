import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Seconds by which timers were late. */
export interface EventLoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Milliseconds between two samples; a stall longer than this is always seen. CPU of an idle process, measured: 1.6 ms per
 * second at 50, 4.1 at 20, 10 with the collector of prom-client (10) beside that.
 */
const resolutionMs = 50;
/** The scrape interval most Prometheus set-ups use. */
const windowMs = 15_000;

const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000);

/**
 * Delay of the event loop over windows of 15 s. A reader gets the last full window, or the running one before there is any.
 * Reading changes nothing, so two scrapers and the health page see the same.
 */
export class EventLoopMonitor {
  readonly #histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  readonly #timer: NodeJS.Timeout;
  #last: EventLoopDelay | null = null;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#rotate(), windowMs).unref();
  }

  read(): EventLoopDelay {
    return this.#last ?? this.#current();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #rotate(): void {
    this.#last = this.#current();
    this.#histogram.reset();
  }

  /** The histogram holds whole intervals: the resolution is what an idle loop would show. */
  #current(): EventLoopDelay {
    const { count, max } = this.#histogram;
    if (count === 0) return { p50: 0, p99: 0, max: 0 };
    return { p50: seconds(this.#histogram.percentile(50)), p99: seconds(this.#histogram.percentile(99)), max: seconds(max) };
  }
}

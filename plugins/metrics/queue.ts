import { Gauge, type Registry } from 'prom-client';
import { histogramFamily } from './series.ts';

/** Seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Those who wait for a target at its limit. */
export interface QueueSource {
  /** Calls that wait now. */
  readonly size: number;
  /** Hears how long a call has waited that was let in. Milliseconds. */
  onWaited: ((ms: number) => void) | null;
}

export function queueSeries(registry: Registry, queue: QueueSource): void {
  new Gauge({
    name: 'postern_queue_waiting',
    help: 'Calls that wait because every target they could use is at its limit.',
    registers: [registry],
    collect() {
      this.set(queue.size);
    },
  });
  const waits = histogramFamily({
    name: 'postern_queue_wait_seconds',
    help: 'How long calls waited for a target at its limit before they were let in.',
    labelNames: [],
    registry,
    buckets,
  })({});
  queue.onWaited = (ms) => waits.observe(ms / 1000);
}

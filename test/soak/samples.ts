import { ask } from '../helper/client.ts';

/** The gateway at one moment, by its own metrics. */
export interface Sample {
  /** Seconds since the traffic began. */
  readonly at: number;
  /** Bytes. */
  readonly rss: number;
  /** Bytes. */
  readonly heap: number;
  /** Bytes outside of V8's heap. */
  readonly external: number;
  /** Open file descriptors; NaN where the system does not tell (macOS). */
  readonly descriptors: number;
  /** Seconds, over the last full window of 15 s. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Seconds since the start of the process. */
  readonly cpu: number;
  readonly inFlight: number;
}

/** A page in the Prometheus text format. */
export class Page {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Sum over the series whose labels contain `labels`; NaN when there is none. */
  sum(name: string, labels = ''): number {
    let found: number | null = null;
    for (const line of this.#text.split('\n')) {
      const end = line.lastIndexOf(' ');
      const series = line.slice(0, end);
      if (series !== name && !(series.startsWith(`${name}{`) && series.includes(labels))) continue;
      if (labels !== '' && !series.includes(labels)) continue;
      found = (found ?? 0) + Number(line.slice(end + 1));
    }
    return found ?? Number.NaN;
  }
}

/** Reads `/metrics` on a connection of its own. */
export async function readPage(managementUrl: string): Promise<Page> {
  const reply = await ask(managementUrl, { path: '/metrics', headers: { connection: 'close' } }, 10_000);
  if (reply.status !== 200) throw new Error(`/metrics answers ${reply.status}.`);
  return new Page(reply.body.toString());
}

export function sampleOf(page: Page, at: number): Sample {
  return {
    at,
    rss: page.sum('process_resident_memory_bytes'),
    heap: page.sum('nodejs_heap_size_used_bytes'),
    external: page.sum('nodejs_external_memory_bytes'),
    descriptors: page.sum('process_open_fds'),
    delayP99: page.sum('postern_event_loop_delay_seconds', 'quantile="p99"'),
    delayMax: page.sum('postern_event_loop_delay_seconds', 'quantile="max"'),
    cpu: page.sum('process_cpu_seconds_total'),
    inFlight: page.sum('postern_in_flight'),
  };
}

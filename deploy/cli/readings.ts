import { grown, quantile, type Scrape } from './metrics-text.ts';

/** What a gateway does, between two scrapes of its metrics. Times are seconds, rates by the second; null: nothing to tell from. */
export interface Readings {
  readonly requests_per_second: number;
  /** Share of calls that failed, of those that ended; null when none did. */
  readonly error_rate: number | null;
  readonly in_flight: number;
  readonly p50: number | null;
  readonly p99: number | null;
  /** Time to first content. */
  readonly first_content_p50: number | null;
  readonly first_content_p99: number | null;
  /** Time that the gateway itself adds. */
  readonly overhead_p50: number | null;
  readonly overhead_p99: number | null;
  readonly tokens_per_second: number;
  /** USD. */
  readonly cost_per_hour: number;
  /** Lateness of the event loop, 99th percentile of the last 15 s. */
  readonly loop_delay: number;
  /** Share of one core. */
  readonly cpu: number;
  /** Resident bytes. */
  readonly memory: number;
  /** Calls refused for lack of capacity. */
  readonly shed_per_second: number;
}

export const measures = [
  'requests_per_second',
  'error_rate',
  'in_flight',
  'p50',
  'p99',
  'first_content_p50',
  'first_content_p99',
  'overhead_p50',
  'overhead_p99',
  'tokens_per_second',
  'cost_per_hour',
  'loop_delay',
  'cpu',
  'memory',
  'shed_per_second',
] as const satisfies readonly (keyof Readings)[];

export function readings(before: Scrape, after: Scrape): Readings {
  const seconds = Math.max(0.001, (after.at - before.at) / 1000);
  const rate = (name: string, labels = {}): number => grown(before, after, name, labels) / seconds;
  const of = (name: string, q: number): number | null => quantile(before, after, name, q);
  const ended = grown(before, after, 'postern_requests_total');
  const failed = grown(before, after, 'postern_requests_total', { outcome: 'failed' });
  return {
    requests_per_second: ended / seconds,
    error_rate: ended === 0 ? null : failed / ended,
    in_flight: after.sum('postern_in_flight') ?? 0,
    p50: of('postern_request_duration_seconds', 0.5),
    p99: of('postern_request_duration_seconds', 0.99),
    first_content_p50: of('postern_time_to_first_content_seconds', 0.5),
    first_content_p99: of('postern_time_to_first_content_seconds', 0.99),
    overhead_p50: of('postern_overhead_seconds', 0.5),
    overhead_p99: of('postern_overhead_seconds', 0.99),
    tokens_per_second: rate('postern_tokens_total', { kind: 'input' }) + rate('postern_tokens_total', { kind: 'output' }),
    cost_per_hour: rate('postern_cost_usd_total') * 3_600,
    loop_delay: after.sum('postern_event_loop_delay_seconds', { quantile: '0.99' }) ?? 0,
    cpu: rate('process_cpu_seconds_total'),
    memory: after.sum('process_resident_memory_bytes') ?? 0,
    shed_per_second: rate('postern_shed_total'),
  };
}

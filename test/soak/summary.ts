import { chart } from './chart.ts';
import type { Sample } from './samples.ts';
import type { Trend } from './trend.ts';
import type { Findings, Verdict } from './verdict.ts';

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** Seconds as `1:02:03` or `2:03`. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, '0');
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${String(minutes).padStart(2, '0')}:${rest}`;
}

/** One line while the run goes on. */
export function progressLine(sample: Sample, calls: number, unplanned: number): string {
  return [
    clock(sample.at),
    `${calls} calls, ${sample.inFlight} open`,
    `rss ${mb(sample.rss)} MB`,
    `heap ${mb(sample.heap)} MB`,
    `fds ${sample.descriptors}`,
    `loop p99 ${(sample.delayP99 * 1000).toFixed(1)} ms`,
    `${unplanned} unplanned`,
  ].join(' · ');
}

const slope = ({ slope: value, standardError }: Trend, unit: string): string =>
  `${value >= 0 ? '+' : ''}${value.toFixed(2)} ± ${standardError.toFixed(2)} ${unit}/h`;

/** What a run ends with. */
export function summary(found: Findings, verdict: Verdict, calls: Readonly<Record<string, number>>): string {
  const { samples, minutes } = found;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const total = Object.values(calls).reduce((sum, each) => sum + each, 0);
  const rows = Object.values(found.ledger.rows).reduce((sum, each) => sum + each, 0);
  const cpu = ((last.cpu - first.cpu) / (last.at - first.at)) * 100;
  const worst = Math.max(...samples.map(({ delayMax }) => delayMax)) * 1000;
  return [
    chart(
      samples.map(({ rss }) => rss / 1e6),
      'MB',
      '0:00 resident memory',
      clock(last.at),
    ),
    '',
    `calls        ${total} in ${minutes.toFixed(1)} min: ${Object.entries(calls)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
    `ledger       ${rows} attempts, ${found.ledger.open} open`,
    `memory       ${slope(verdict.rss, 'MB')} over the second half, heap ${slope(verdict.heap, 'MB')}`,
    `             ${
      verdict.full
        ? `bound: ${verdict.bound} MB/h (${verdict.noticed.toFixed(1)} bytes per call)`
        : `too short to resolve 1 MB/h, which takes 60 min; bound for ${minutes.toFixed(1)} min: ${verdict.bound.toFixed(0)} MB/h (${verdict.noticed.toFixed(0)} bytes per call)`
    }`,
    `descriptors  ${found.idleDescriptors.join(' -> ')} idle, ${slope(verdict.descriptors, 'fds')} under traffic`,
    `event loop   p99 ${(Math.max(...samples.map(({ delayP99 }) => delayP99)) * 1000).toFixed(1)} ms, longest ${worst.toFixed(1)} ms, in the worst window of 15 s`,
    `cpu          ${cpu.toFixed(0)} % of a core`,
    '',
    ...(verdict.faults.length === 0 ? ['Nothing found.'] : ['FOUND:', ...verdict.faults.map((fault) => `- ${fault}`)]),
  ].join('\n');
}

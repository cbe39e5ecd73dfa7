import { suggestion } from '../../config/nearest.ts';
import { formatSize, parseDuration, parseSize } from '../../config/units.ts';
import { CliError } from './command.ts';
import { measures, type Readings } from './readings.ts';

/** A reading above (`>`) or below (`<`) it is a failure. */
export interface Threshold {
  readonly written: string;
  readonly measure: keyof Readings;
  readonly above: boolean;
  /** In the unit of the reading. */
  readonly limit: number;
}

/** `p99>2s,error_rate>5%,memory>1GiB`. Throws `CliError`. */
export function thresholds(written: string): readonly Threshold[] {
  return written.split(',').map((each) => {
    const [, measure = '', sign = '', amount = ''] = /^\s*([a-z_0-9]+)\s*([<>])\s*(\S+)\s*$/.exec(each) ?? [];
    if (measure === '') throw new CliError(`--fail-when takes MEASURE>AMOUNT such as p99>2s or memory>1GiB, not ${each}.`, 2);
    if (!(measures as readonly string[]).includes(measure)) {
      throw new CliError(
        `--fail-when knows no ${measure}: ${suggestion(measure, measures, `it takes ${measures.join(', ')}`)}`,
        2,
      );
    }
    return { written: each.trim(), measure: measure as keyof Readings, above: sign === '>', limit: limit(amount, each) };
  });
}

function limit(amount: string, each: string): number {
  if (/^\d+(\.\d+)?$/.test(amount)) return Number(amount);
  if (/^\d+(\.\d+)?%$/.test(amount)) return Number(amount.slice(0, -1)) / 100;
  const ms = parseDuration(amount);
  if (typeof ms === 'number') return ms / 1000;
  const bytes = parseSize(amount);
  if (typeof bytes === 'number') return bytes;
  throw new CliError(`--fail-when ${each}: ${amount} is no number, share (5%), duration (2s) or size (1GiB).`, 2);
}

/** Those that the readings have crossed, in words. A reading that there is nothing to tell from crosses nothing. */
export function crossed(readings: Readings, all: readonly Threshold[]): readonly string[] {
  return all.flatMap(({ written, measure, above, limit: at }) => {
    const value = readings[measure];
    if (value === null || (above ? value <= at : value >= at)) return [];
    return [`${written}: it is ${shownValue(measure, value)}`];
  });
}

const times: ReadonlySet<keyof Readings> = new Set([
  'p50',
  'p99',
  'first_content_p50',
  'first_content_p99',
  'overhead_p50',
  'overhead_p99',
  'loop_delay',
] as const);

/** A reading with its unit, for people. */
export function shownValue(measure: keyof Readings, value: number | null): string {
  if (value === null) return '-';
  if (times.has(measure)) return value >= 1 ? `${value.toFixed(2)} s` : `${(value * 1000).toFixed(value < 0.01 ? 2 : 0)} ms`;
  if (measure === 'memory') return formatSize(Math.round(value / 1_048_576) * 1_048_576);
  if (measure === 'error_rate' || measure === 'cpu') return `${(value * 100).toFixed(1)} %`;
  if (measure === 'cost_per_hour') return `$${value.toFixed(value < 1 ? 4 : 2)}`;
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

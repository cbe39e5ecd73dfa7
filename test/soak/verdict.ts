import type { Sample } from './samples.ts';
import { type Trend, trend } from './trend.ts';

/** Megabytes per hour a run that can tell may grow by. */
const goal = 1;
/** From this length on a run is long enough to hold the goal against it. */
const fullMinutes = 60;
/**
 * Megabytes by which the resident size may go up once within half a run without anything leaking: V8 grows its young
 * generation in steps of up to 16 MiB and gives it back when it pleases.
 */
const step = 16;
const megabyte = 1e6;
/** Descriptors per hour. */
const descriptorGoal = 30;

/** Rows of the ledger, by upstream model. */
export type Counts = Readonly<Record<string, number>>;

/** All that is known at the end of a run. */
export interface Findings {
  readonly minutes: number;
  readonly perSecond: number;
  readonly samples: readonly Sample[];
  /** Descriptors with nothing under way, after the warm-up and at the end. */
  readonly idleDescriptors: readonly [number, number];
  readonly unplanned: ReadonlyMap<string, number>;
  readonly errorLines: { readonly count: number; readonly lines: readonly string[] };
  /** How the process ended without being told to, or with another code than 0. */
  readonly death: string | null;
  readonly ledger: { readonly rows: Counts; readonly open: number; readonly twice: number };
  /** What arrived at the upstream. */
  readonly upstream: Counts;
  /** `postern_attempts_total`. */
  readonly attempts: number;
}

export interface Verdict {
  /** Over the second half: megabytes per hour. */
  readonly rss: Trend;
  readonly heap: Trend;
  /** Over the second half: descriptors per hour. */
  readonly descriptors: Trend;
  /** Megabytes per hour above which `rss.atLeast` fails the run. */
  readonly bound: number;
  /** Whether `bound` is the goal itself. */
  readonly full: boolean;
  /** Bytes that have to be lost per call for this run to notice. */
  readonly noticed: number;
  /** What is wrong; empty: nothing was found. */
  readonly faults: readonly string[];
}

/** Upstream models whose callers leave so early that the upstream may not see what the ledger has. */
const unsure: ReadonlySet<string> = new Set(['hasty']);
/** Where nobody listens. */
const unheard: ReadonlySet<string> = new Set(['refused']);

export function judge(found: Findings): Verdict {
  const end = found.samples.at(-1)?.at ?? 0;
  const half = found.samples.filter(({ at }) => at >= end / 2);
  const over = (value: (sample: Sample) => number): Trend =>
    trend(half.map((sample) => ({ at: sample.at / 3600, value: value(sample) })).filter((point) => !Number.isNaN(point.value)));
  const rss = over((sample) => sample.rss / megabyte);
  const descriptors = over((sample) => sample.descriptors);
  const full = found.minutes >= fullMinutes;
  const bound = full ? goal : goal + step / (found.minutes / 60 / 2);
  const faults: string[] = [];

  if (found.death !== null) faults.push(`The gateway did not live to the end: ${found.death}`);
  if (rss.atLeast > bound)
    faults.push(`Memory grows by at least ${rss.atLeast.toFixed(1)} MB/h, more than ${bound.toFixed(1)} MB/h.`);
  const [before, after] = found.idleDescriptors;
  if (after > before) faults.push(`${after} descriptors are open when idle, ${before} were after the warm-up.`);
  // Under traffic their number follows that of the calls, so that a busy minute looks like growth in a short run.
  if (full && descriptors.atLeast > descriptorGoal)
    faults.push(`Descriptors grow by at least ${descriptors.atLeast.toFixed(0)} per hour.`);
  for (const [what, times] of found.unplanned) faults.push(`Not planned, ${times} times: ${what}`);
  if (found.errorLines.count > 0) faults.push(`${found.errorLines.count} error lines in the log: ${found.errorLines.lines[0]}`);
  faults.push(...compare(found));
  return {
    rss,
    heap: over((sample) => sample.heap / megabyte),
    descriptors,
    bound,
    full,
    noticed: (bound * megabyte) / 3600 / found.perSecond,
    faults,
  };
}

/** The ledger against the upstream's own count and the metrics. */
function compare({ ledger, upstream, attempts }: Findings): string[] {
  const faults: string[] = [];
  for (const model of new Set([...Object.keys(ledger.rows), ...Object.keys(upstream)])) {
    const [rows, seen] = [ledger.rows[model] ?? 0, upstream[model] ?? 0];
    const fine = unheard.has(model) ? seen === 0 : unsure.has(model) ? rows >= seen : rows === seen;
    if (!fine) faults.push(`The ledger has ${rows} attempts of "${model}", the upstream saw ${seen}.`);
  }
  const rows = Object.values(ledger.rows).reduce((sum, each) => sum + each, 0);
  if (rows !== attempts) faults.push(`The ledger has ${rows} attempts, the metrics counted ${attempts}.`);
  if (ledger.open > 0) faults.push(`${ledger.open} rows of the ledger are open.`);
  if (ledger.twice > 0) faults.push(`${ledger.twice} attempts are in the ledger twice.`);
  return faults;
}

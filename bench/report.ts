import { arch, cpus, platform, release } from 'node:os';
import type { Options } from './options.ts';
import { pinned } from './process.ts';
import { lateLimitMs, type Results, type Samples } from './rounds.ts';
import { median, ratios, type Spread } from './statistics.ts';
import type { Subject } from './subjects.ts';

/** Largest cost that is meant to be, as a multiple of the baseline's. */
const targets = { json: 1.5, stream: 1.3 } as const;
const barWidth = 40;
const mib = 1_048_576;

export function machine(): string {
  const [cpu] = cpus();
  const pin = pinned
    ? 'subjects pinned to core 1, load and upstream to the others'
    : 'NOT PINNED (needs Linux, taskset and two cores)';
  return `Node ${process.version}, ${platform()} ${release()} ${arch()}, ${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}; ${pin}`;
}

/** The table and the bars, as text for a terminal; also valid Markdown. */
export function report(subjects: readonly Subject[], results: Results, options: Options): string {
  const all = subjects.map(({ id, title }) => ({ title, samples: results.subjects.get(id)! }));
  const baseline = all[0]!.samples;
  const blocks = [machine()];
  const { parts } = options;
  if (parts.has('json') || parts.has('stream')) {
    blocks.push(
      table(
        ['CPU (µs, median; ratio: median of the rounds, min–max)', 'per request', '×', 'per stream', '×'],
        all.map(({ title, samples }) => cpuRow(title, samples, baseline)),
      ),
    );
  }
  if (parts.has('json')) {
    const head = `Latency at ${options.perSecond} calls/s, added to direct (ms)`;
    blocks.push(
      table(
        [head, 'p50', 'p99', 'CPU µs/call', '×'],
        all.map(({ title, samples }) => latencyRow(title, samples, baseline, results.direct)),
      ),
    );
    blocks.push(`Direct: p50 ${median(results.direct.p50Ms).toFixed(2)} ms, p99 ${median(results.direct.p99Ms).toFixed(2)} ms.`);
    const late = results.lateMs.filter((ms) => ms > lateLimitMs).length;
    if (late > 0)
      blocks.push(`In ${late} of ${results.lateMs.length} latency samples the load itself was late: the machine was busy.`);
  }
  if (parts.has('startup') || parts.has('json') || parts.has('stream')) {
    blocks.push(
      table(
        ['Process', 'ready ms', 'RSS idle MiB', 'RSS after MiB'],
        all.map(({ title, samples }) => processRow(title, samples)),
      ),
    );
  }
  if (parts.has('json'))
    blocks.push(
      bars(
        'CPU per request',
        targets.json,
        all.map(({ title, samples }) => ({ title, ratio: ratios(samples.jsonCpuUs, baseline.jsonCpuUs) })),
      ),
    );
  if (parts.has('stream'))
    blocks.push(
      bars(
        'CPU per stream',
        targets.stream,
        all.map(({ title, samples }) => ({ title, ratio: ratios(samples.streamCpuUs, baseline.streamCpuUs) })),
      ),
    );
  return `${blocks.join('\n\n')}\n`;
}

/** Every sample, for other programs. */
export function asJson(subjects: readonly Subject[], results: Results, options: Options): string {
  const { perSecond, rounds, calls, streams } = options;
  const document = {
    date: new Date().toISOString(),
    machine: machine(),
    pinned,
    sizes: { rounds, calls, streams, perSecond },
    direct: results.direct,
    subjects: subjects.map(({ id, title }) => ({ id, title, ...results.subjects.get(id)! })),
    lateMs: results.lateMs,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function cpuRow(title: string, samples: Samples, baseline: Samples): string[] {
  return [
    title,
    number(median(samples.jsonCpuUs), 0),
    range(ratios(samples.jsonCpuUs, baseline.jsonCpuUs)),
    number(median(samples.streamCpuUs), 0),
    range(ratios(samples.streamCpuUs, baseline.streamCpuUs)),
  ];
}

function latencyRow(title: string, samples: Samples, baseline: Samples, direct: Samples): string[] {
  const added = (mine: readonly number[], theirs: readonly number[]) =>
    median(mine.map((value, round) => value - theirs[round]!));
  return [
    title,
    number(added(samples.p50Ms, direct.p50Ms), 2),
    number(added(samples.p99Ms, direct.p99Ms), 2),
    number(median(samples.steadyCpuUs), 0),
    range(ratios(samples.steadyCpuUs, baseline.steadyCpuUs)),
  ];
}

function processRow(title: string, samples: Samples): string[] {
  const size = (bytes: number) => (bytes === 0 ? '' : number(bytes / mib, 0));
  return [title, number(median(samples.readyMs), 0), size(samples.rssIdle), size(samples.rssAfter)];
}

function number(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '';
}

function range({ median: middle, min, max }: Spread): string {
  return Number.isFinite(middle) ? `${middle.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})` : '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = head.map((_, column) => column === 0 || rows.some((row) => row[column] !== ''));
  const lines = [head, ...rows].map((row) => row.filter((_, column) => shown[column]));
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(lines[0]!), rule, ...lines.slice(1).map(line)].join('\n');
}

/** Ratios as bars; the mark stands at the target, which the last-but-one row (the whole gateway) is held to. */
function bars(title: string, target: number, rows: readonly { title: string; ratio: Spread }[]): string {
  const scale = barWidth / Math.max(target * 1.2, ...rows.map(({ ratio }) => ratio.median));
  const mark = Math.round(target * scale);
  const width = Math.max(...rows.map((row) => row.title.length));
  const drawn = rows.map(({ title: name, ratio }) => {
    const cells = '█'.repeat(Math.round(ratio.median * scale)).padEnd(barWidth);
    return `    ${name.padEnd(width)} ${cells.slice(0, mark)}${cells[mark] === '█' ? '▓' : '┊'}${cells.slice(mark + 1)} ${ratio.median.toFixed(2)}`;
  });
  return [`${title}, × baseline (mark: target ${target})`, '', ...drawn].join('\n');
}

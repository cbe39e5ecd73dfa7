import { setTimeout as sleep } from 'node:timers/promises';
import { type Destination, jsonCalls, openLoop, streams } from './load.ts';
import type { Options } from './options.ts';
import { type Running, start } from './process.ts';
import { percentile } from './statistics.ts';
import type { Subject } from './subjects.ts';

/** Samples of one subject: one value per round (per start for `readyMs`). */
export interface Samples {
  /** Microseconds on a core per JSON call, closed loop. */
  readonly jsonCpuUs: number[];
  /** The same at the fixed arrival rate, where the process also sleeps and wakes. */
  readonly steadyCpuUs: number[];
  /** Microseconds on a core per stream. */
  readonly streamCpuUs: number[];
  /** Milliseconds at the fixed arrival rate. */
  readonly p50Ms: number[];
  readonly p99Ms: number[];
  readonly readyMs: number[];
  /** Resident bytes before the first call and after the last. */
  rssIdle: number;
  rssAfter: number;
}

export interface Results {
  readonly subjects: ReadonlyMap<string, Samples>;
  /** Latency without anything between load and upstream. */
  readonly direct: Samples;
  /** 99th percentile of how late the load sent its calls, milliseconds, per sample. */
  readonly lateMs: number[];
}

/** Tells how far a run is. */
export type Progress = (text: string) => void;

interface Entry {
  readonly subject: Subject;
  readonly samples: Samples;
  readonly process: Running;
  readonly to: Destination;
}

/** A call sent this late (99th percentile) tells of the load, not of the subject: the sample is taken again. */
export const lateLimitMs = 5;
const openLoopTries = 3;
const settleMs = 500;

function empty(): Samples {
  return { jsonCpuUs: [], steadyCpuUs: [], streamCpuUs: [], p50Ms: [], p99Ms: [], readyMs: [], rssIdle: 0, rssAfter: 0 };
}

/** Every subject in turn, round after round, so that a slow minute of the machine meets all of them. */
export async function measure(
  subjects: readonly Subject[],
  upstream: Running,
  options: Options,
  progress: Progress,
): Promise<Results> {
  const samples = new Map(subjects.map((subject) => [subject.id, empty()]));
  const results: Results = { subjects: samples, direct: empty(), lateMs: [] };
  if (options.parts.has('startup')) await measureStarts(subjects, samples, upstream, options, progress);
  if (!options.parts.has('json') && !options.parts.has('stream')) return results;

  const entries: Entry[] = [];
  for (const subject of subjects) {
    progress(`starting ${subject.id}`);
    const process = await start(await subject.launch(upstream.url));
    entries.push({ subject, process, samples: samples.get(subject.id)!, to: { url: process.url, headers: subject.headers } });
  }
  await sleep(settleMs);
  for (const { process, samples } of entries) samples.rssIdle = process.use().rss;
  for (const { subject, to } of entries) {
    progress(`warming up ${subject.id}`);
    if (options.parts.has('json')) await jsonCalls(to, options.warmUpCalls, options.connections);
    if (options.parts.has('stream')) await streams(to, options.warmUpStreams, options.connections);
  }
  for (let round = 1; round <= options.rounds; round++) {
    if (options.parts.has('json'))
      await openLoopSample({ url: upstream.url, headers: {} }, results.direct, null, results, options);
    for (const entry of entries) {
      progress(`round ${round} of ${options.rounds}: ${entry.subject.id}`);
      await sample(entry, results, options);
    }
  }
  for (const { process, samples } of entries) samples.rssAfter = process.use().rss;
  await Promise.all(entries.map(({ process }) => process.stop()));
  return results;
}

async function sample({ to, samples, process }: Entry, results: Results, options: Options): Promise<void> {
  if (options.parts.has('json')) {
    samples.jsonCpuUs.push(await cpuPer(process, options.calls, () => jsonCalls(to, options.calls, options.connections)));
    await openLoopSample(to, samples, process, results, options);
  }
  if (options.parts.has('stream')) {
    samples.streamCpuUs.push(await cpuPer(process, options.streams, () => streams(to, options.streams, options.connections)));
  }
}

/** Microseconds on a core per unit of `work`. */
async function cpuPer(process: Running, units: number, work: () => Promise<unknown>): Promise<number> {
  const before = process.use().cpuUs;
  await work();
  return (process.use().cpuUs - before) / units;
}

async function openLoopSample(
  to: Destination,
  samples: Samples,
  process: Running | null,
  results: Results,
  options: Options,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const before = process?.use().cpuUs ?? 0;
    const { calls, latencies, lateness } = await openLoop(to, options.perSecond, options.openLoopMs);
    const cpuUs = process === null ? 0 : (process.use().cpuUs - before) / calls;
    const lateMs = percentile(lateness, 0.99);
    if (lateMs > lateLimitMs && tries < openLoopTries) continue;
    if (process !== null) samples.steadyCpuUs.push(cpuUs);
    samples.p50Ms.push(percentile(latencies, 0.5));
    samples.p99Ms.push(percentile(latencies, 0.99));
    results.lateMs.push(lateMs);
    return;
  }
}

async function measureStarts(
  subjects: readonly Subject[],
  samples: ReadonlyMap<string, Samples>,
  upstream: Running,
  { starts, parts, rounds }: Options,
  progress: Progress,
): Promise<void> {
  // Alone it is the whole run; beside the others it gets what they leave of a minute.
  const amount = parts.size === 1 ? Math.max(rounds, starts) : starts;
  for (let round = 1; round <= amount; round++) {
    for (const subject of subjects) {
      progress(`start ${round} of ${amount}: ${subject.id}`);
      const process = await start(await subject.launch(upstream.url));
      samples.get(subject.id)!.readyMs.push(process.readyMs);
      await process.stop();
    }
  }
}

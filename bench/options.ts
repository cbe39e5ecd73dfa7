import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const parts = ['json', 'stream', 'startup', 'micro'] as const;
export type Part = (typeof parts)[number];

/** What one run does. */
export interface Options {
  readonly parts: ReadonlySet<Part>;
  readonly rounds: number;
  /** Callers at once, JSON calls and streams alike. */
  readonly connections: number;
  /** JSON calls per sample. */
  readonly calls: number;
  /** Streams per sample. */
  readonly streams: number;
  /** Before the first sample: the optimising compiler has to have seen the hot path. */
  readonly warmUpCalls: number;
  readonly warmUpStreams: number;
  /** Open loop: calls per second, and milliseconds per sample. */
  readonly perSecond: number;
  readonly openLoopMs: number;
  /** Starts per subject. */
  readonly starts: number;
  readonly dist: string;
  readonly json: string | null;
  readonly profile: string | null;
  /** Fail when the whole gateway costs more than `limits` in the report. */
  readonly gate: boolean;
}

/** Callers at once. */
const connections = 64;

/** Samples of about half a second: shorter ones measure cold caches and miss collections, longer ones meet more of what disturbs the machine. */
const full = {
  rounds: 10,
  calls: 6_000,
  streams: 128,
  warmUpCalls: 20_000,
  warmUpStreams: 256,
  perSecond: 500,
  openLoopMs: 400,
  starts: 3,
};
const quick = {
  rounds: 6,
  calls: 1_500,
  streams: 64,
  warmUpCalls: 10_000,
  warmUpStreams: 128,
  perSecond: 500,
  openLoopMs: 250,
  starts: 1,
};

export const help = `Usage: npm run bench -- [options]

What Postern costs beside a bare forwarder: CPU per request and per stream, added latency, memory, start-up time.
Everything runs on 127.0.0.1; about two minutes. nginx is measured too where it is installed.

  --quick             fewer and smaller samples, about 50 s
  --only PART         json (with latency), stream, startup or micro; may be given several times
  --rounds N          rounds of every subject in turn (${full.rounds})
  --connections N     callers at once (${connections})
  --gate              exit code 1 when a call or a stream costs more than it may; for CI
  --json FILE         also write every sample as JSON
  --dist DIR          the built gateway (dist)
  --profile DIR       CPU profiles of every subject into DIR, one per process; the figures then include the profiler
  --help

Without --only, all parts but micro run.
`;

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Reads the arguments; null when help was asked for. Throws `UsageError`. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parse(args);
  if (values.help === true) return null;
  const size = values.quick === true ? quick : full;
  const rounds = count('rounds', values.rounds, size.rounds);
  for (const part of values.only ?? []) {
    if (!(parts as readonly string[]).includes(part)) throw new UsageError(`--only takes ${parts.join(', ')}, not "${part}".`);
  }
  return {
    ...size,
    rounds,
    connections: count('connections', values.connections, connections),
    gate: values.gate === true,
    parts: new Set((values.only as Part[] | undefined) ?? ['json', 'stream', 'startup']),
    dist: resolve(values.dist ?? join(import.meta.dirname, '../dist')),
    json: values.json ?? null,
    profile: values.profile === undefined ? null : resolve(values.profile),
  };
}

function count(name: string, written: string | undefined, standard: number): number {
  const value = written === undefined ? standard : Number(written);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name} takes a whole number from 1 on, not "${written}".`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        connections: { type: 'string' },
        gate: { type: 'boolean' },
        json: { type: 'string' },
        dist: { type: 'string' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

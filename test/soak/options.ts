import { parseArgs } from 'node:util';

/** What one run does. */
export interface Options {
  readonly minutes: number;
  /** Calls per second. */
  readonly rate: number;
  /** Where every sample and figure is written as JSON; null = nowhere. */
  readonly report: string | null;
}

const defaults = { minutes: 10, rate: 100 };

export const help = `Usage: npm run test:soak -- [options]

Mixed traffic at a fixed rate against the built gateway in a process of its own: JSON, streams, callers that leave or read
slowly, failing upstreams, wrong keys, large bodies. Watches memory, descriptors, the event loop and the ledger.
Everything runs on 127.0.0.1. Ctrl-C ends the run early, with a verdict on what has been seen.

  --minutes N      length of the run (${defaults.minutes})
  --rate N         calls per second (${defaults.rate})
  --report FILE    also write every sample and figure as JSON
  --help

Exit code 0: nothing found; 1: something found; 2: a mistake on the command line.
`;

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Reads the arguments; null when help was asked for. Throws `UsageError`. */
export function readOptions(args: readonly string[]): Options | null {
  const { values } = parse(args);
  if (values.help === true) return null;
  return {
    minutes: positive('--minutes', values.minutes, defaults.minutes),
    rate: positive('--rate', values.rate, defaults.rate),
    report: values.report ?? null,
  };
}

function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new UsageError(`${name} takes a number above 0, not "${text}".`);
  return value;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string' },
        rate: { type: 'string' },
        report: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

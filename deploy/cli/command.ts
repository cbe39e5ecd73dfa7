import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { suggestion } from '../../config/nearest.ts';

/** Ends the program with a message for its user. `exitCode`: 1 what was asked failed, 2 it was not asked rightly. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Where a command reads from and writes to. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Ends what runs until it is stopped. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** One line. */
  readonly summary: string;
  /** The whole help text, with its usage line. */
  readonly help: string;
  /** Resolves with the exit code. Throws `CliError`. */
  run(args: readonly string[], surroundings: Surroundings): Promise<number>;
}

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** Options and operands of a command line. Throws `CliError` (exit code 2) that names what is wrong. */
export function parse(
  args: readonly string[],
  options: ParseArgsOptionsConfig,
  operands: { readonly names: readonly string[]; readonly optional?: boolean },
): { readonly values: Values; readonly operands: readonly string[] } {
  const { values, positionals } = parsed(args, options);
  const wanted = operands.names.length;
  if (positionals.length > wanted) throw new CliError(`Unexpected argument ${positionals[wanted]}. See --help.`, 2);
  if (positionals.length < wanted && operands.optional !== true) {
    throw new CliError(`${operands.names[positionals.length]} is missing. See --help.`, 2);
  }
  return { values, operands: positionals };
}

function parsed(args: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const unknown = /^Unknown option '--?([^'=]+)/.exec((error as Error).message)?.[1];
    if (unknown === undefined) throw new CliError((error as Error).message.split('. To specify', 1)[0]!, 2);
    const names = Object.keys(options).map((name) => `--${name}`);
    throw new CliError(`There is no option --${unknown}: ${suggestion(`--${unknown}`, names, 'see --help')}`, 2);
  }
}

/** The text of an option that was given once. */
export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The texts of an option that may be given several times. */
export function texts(values: Values, name: string): readonly string[] | undefined {
  const value = values[name];
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** A whole number of an option. Throws `CliError`. */
export function count(values: Values, name: string): number | undefined {
  const written = text(values, name);
  if (written === undefined) return undefined;
  const factor = { k: 1_000, m: 1_000_000 }[written.slice(-1).toLowerCase()] ?? 1;
  const digits = factor === 1 ? written : written.slice(0, -1);
  const number = Number(digits) * factor;
  if (/^\d+(\.\d+)?$/.test(digits) && Number.isSafeInteger(number)) return number;
  throw new CliError(`--${name} takes a whole number such as 600 or 50k, not ${written}.`, 2);
}

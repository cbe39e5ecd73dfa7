import { parseDuration } from '../../config/units.ts';
import { CliError } from './command.ts';

/** Milliseconds of a duration with a unit. Throws `CliError`. */
export function milliseconds(written: string, option: string): number {
  const ms = parseDuration(written);
  if (typeof ms === 'number') return ms;
  throw new CliError(`${option} takes a duration with a unit such as 500ms, 30s or 1h, not ${written}.`, 2);
}

/** Whole seconds of it, rounded up. */
export const seconds = (written: string, option: string): number => Math.ceil(milliseconds(written, option) / 1000);

const durations: Readonly<Record<string, bigint>> = {
  ms: 1n,
  s: 1_000n,
  m: 60_000n,
  h: 3_600_000n,
  d: 86_400_000n,
};
const sizes: Readonly<Record<string, bigint>> = {
  B: 1n,
  KB: 1_000n,
  MB: 1_000_000n,
  GB: 1_000_000_000n,
  KiB: 1_024n,
  MiB: 1_048_576n,
  GiB: 1_073_741_824n,
};

/** Why a text is no quantity: no unit at all, an unknown one, no whole number of the base unit, or too large. */
export type UnitFault = 'missing' | 'unknown' | 'fraction' | 'range';

const decimal = /^(\d{1,16})(?:\.(\d{1,16}))?([A-Za-zµ]*)$/;

function parse(text: string, units: Readonly<Record<string, bigint>>, max: bigint): number | UnitFault {
  const match = decimal.exec(text);
  if (match === null) return 'unknown';
  const [, whole = '', fraction = '', unit = ''] = match;
  if (unit === '') return /^0+$/.test(whole + fraction) ? 0 : 'missing';
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) return 'unknown';
  // Exact: 1.1s is 1100 ms, which 1.1 * 1000 in floating point is not.
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * factor;
  if (scaled % scale !== 0n) return 'fraction';
  const value = scaled / scale;
  return value > max ? 'range' : Number(value);
}

function format(value: number, units: Readonly<Record<string, bigint>>, order: readonly string[]): string {
  for (const unit of order) {
    const factor = Number(units[unit]);
    if (value !== 0 && value % factor === 0) return `${value / factor}${unit}`;
  }
  return `0${order.at(-2) ?? ''}`;
}

/** Longest duration in milliseconds: beyond it Node's timers fire at once (they are 32-bit). */
export const MAX_DURATION = 2_147_483_647;

/** Milliseconds of `500ms`, `1.5s`, `5m`, `1h`, `7d` or `0`; whole milliseconds up to `MAX_DURATION`. */
export function parseDuration(text: string): number | UnitFault {
  return parse(text, durations, BigInt(MAX_DURATION));
}

/** Bytes of `512B`, `16KiB`, `1.5MB`, `1GiB` or `0`; whole bytes. KB MB GB are powers of 1000, KiB MiB GiB of 1024. */
export function parseSize(text: string): number | UnitFault {
  return parse(text, sizes, BigInt(Number.MAX_SAFE_INTEGER));
}

/** The shortest spelling with a whole number; `parseDuration` reads it back. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, durations, ['d', 'h', 'm', 's', 'ms']);
}

/** The spelling in the largest unit with a whole number; `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return '0B';
  return format(bytes, sizes, ['GiB', 'GB', 'MiB', 'MB', 'KiB', 'KB', 'B']);
}

import type { Period } from '../../schemas/limits-config.ts';

// Calendar periods of UTC. All times are unix milliseconds; UTC has no daylight saving, and unix time no leap seconds.

const hour = 3_600_000;
const day = 24 * hour;
const week = 7 * day;
/** 1 January 1970 was a Thursday; weeks begin on Mondays (ISO 8601). */
const firstMonday = 4 * day;

/** Start of the period that holds a time; 0 for `total`. */
export function periodStart(period: Period, at: number): number {
  switch (period) {
    case 'hour':
      return Math.floor(at / hour) * hour;
    case 'day':
      return Math.floor(at / day) * day;
    case 'week':
      return Math.floor((at - firstMonday) / week) * week + firstMonday;
    case 'month': {
      const date = new Date(at);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
    }
    case 'total':
      return 0;
  }
}

/** End, exclusive, of the period that begins at `start`; Infinity for `total`. */
export function periodEnd(period: Period, start: number): number {
  switch (period) {
    case 'hour':
      return start + hour;
    case 'day':
      return start + day;
    case 'week':
      return start + week;
    case 'month': {
      const date = new Date(start);
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
    }
    case 'total':
      return Number.POSITIVE_INFINITY;
  }
}

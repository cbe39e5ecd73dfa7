import { describe, expect, it } from 'vitest';
import { retryAfter } from '../../../providers/wire/retry-after.ts';

const now = Date.parse('2026-11-22T12:00:00Z');
const wait = (headers: Record<string, string | string[]>, body: unknown = null) =>
  retryAfter({ status: 429, headers }, body, now);

describe('retryAfter', () => {
  it.each([
    [{ 'retry-after': '5' }, 5000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': ' 7 ' }, 7000],
    [{ 'retry-after': '-1' }, 0],
    [{ 'retry-after': '1e9' }, 3_600_000],
    [{ 'retry-after': '99999999999999999999' }, 3_600_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'Mon, 22 Nov 2066 11:00:00 GMT' }, 3_600_000],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '' }, null],
    [{ 'retry-after': '1 minute' }, null],
    [{ 'retry-after': 'NaN' }, null],
    [{ 'retry-after': 'Infinity' }, null],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after-ms': 'x', 'retry-after': '9' }, 9000],
    [{ 'retry-after': ['3', '9'] }, 3000],
    [{}, null],
  ])('A2: %j asks for %s ms', (headers, expected) => {
    expect(wait(headers as Record<string, string>)).toBe(expected);
  });

  it("A2: measures a date from the answer's own clock when no time is given", () => {
    const headers = { date: 'Sun, 22 Nov 2026 12:00:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 12:00:10 GMT' };
    expect(retryAfter({ status: 429, headers }, null)).toBe(10_000);
  });

  it('A2: cannot tell a date without any clock', () => {
    expect(retryAfter({ status: 429, headers: { 'retry-after': 'Sun, 22 Nov 2026 12:00:10 GMT' } }, null)).toBeNull();
  });

  it('survives hostile details', () => {
    for (const details of [null, 5, [], [null], [{ retryDelay: 5 }], [{ retryDelay: '-4s' }], [{ retryDelay: 'x' }]]) {
      expect(wait({}, { error: { details } })).toBeNull();
    }
  });
});

import { describe, expect, test } from 'vitest';
import type { Standing } from '../../../plugins/limits/contract.ts';
import { goDuration } from '../../../plugins/limits/durations.ts';
import { limitHeaders, refusalHeaders } from '../../../plugins/limits/headers.ts';
import { type NamedRule, RuleWriter } from '../../../plugins/limits/rules.ts';
import type { RateLimits } from '../../../schemas/config.ts';

test.each([
  [0, '0s'],
  [-5, '0s'],
  [0.2, '1ms'],
  [17, '17ms'],
  [1_000, '1s'],
  [8_640, '8.64s'],
  [59_700, '59.7s'],
  [60_000, '1m0s'],
  [360_000, '6m0s'],
  [3_600_000, '1h0m0s'],
  [86_399_001, '23h59m59.001s'],
  [360_000_000, '100h0m0s'],
])('%d ms are written %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});

const writer = new RuleWriter('fixed_window');
const rulesOf = (kind: 'key' | 'team' | 'global', rates: RateLimits) => writer.rules({ kind, id: kind }, kind, rates);
const standing = (left: number, resetMs = 1_500): Standing => ({ left, resetMs });

describe('x-ratelimit-*', () => {
  test('tells of the limit of each measure of which the least is left', () => {
    const rules = [
      ...rulesOf('key', { requests_per_minute: 100, tokens_per_minute: 5_000 }),
      ...rulesOf('team', { requests_per_day: 40 }),
    ];
    expect(limitHeaders(rules, [standing(99), standing(4_000), standing(3, 360_000)])).toEqual([
      'x-ratelimit-limit-requests',
      '40',
      'x-ratelimit-remaining-requests',
      '3',
      'x-ratelimit-reset-requests',
      '6m0s',
      'x-ratelimit-limit-tokens',
      '5000',
      'x-ratelimit-remaining-tokens',
      '4000',
      'x-ratelimit-reset-tokens',
      '1.5s',
    ]);
  });

  test('says nothing of budgets, of places, and of limits that are not the caller’s own', () => {
    const rules: readonly NamedRule[] = [
      ...writer.rules({ kind: 'key', id: 'k' }, 'k', {}, [{ tokens: 5, period: 'day' }]),
      ...rulesOf('global', { requests_per_minute: 1 }),
    ];
    expect(limitHeaders(rules, [standing(1), standing(1)])).toEqual([]);
    for (const rule of rules) expect(refusalHeaders(rule, standing(0))).toEqual([]);
  });
});

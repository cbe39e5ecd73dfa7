import { expect, test } from 'vitest';
import type { LimitStore } from '../../../plugins/limits/contract.ts';
import { RuleWriter } from '../../../plugins/limits/rules.ts';
import { ruleStandings } from '../../../plugins/limits/standings.ts';
import { key } from './rules.ts';

/** Unix milliseconds by the clock of a server, which has fractions of them. */
const now = Date.UTC(2026, 6, 15, 12, 20, 7) + 0.4;
const midnight = Date.UTC(2026, 6, 16) / 1000;

test('a period ends with its last second, a rate is free again when its second is over', async () => {
  const rules = new RuleWriter('fixed_window').rules(key, 'ci', { requests_per_minute: 3 }, [{ amount_usd: 10, period: 'day' }]);
  const store = {
    now: () => now,
    read: async (asked: readonly (typeof rules)[number][]) =>
      asked.map(({ span }) => ({
        used: 1,
        held: 0,
        resetMs: span.kind === 'calendar' ? Math.ceil(midnight * 1000 - now) : 1_500,
      })),
  } as unknown as LimitStore;
  const shown = await ruleStandings(store, rules);
  expect(shown.map(({ rule, reset_at }) => [rule, reset_at])).toEqual([
    ['requests_per_minute', Math.floor(now / 1000) + 2],
    ['budget', midnight],
  ]);
});

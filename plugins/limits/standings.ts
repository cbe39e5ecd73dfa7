import { formatUsd } from '../usage/usd.ts';
import type { LimitStore, RuleStanding } from './contract.ts';
import { periodOf } from './refusal.ts';
import type { NamedRule } from './rules.ts';

/** The second that `ms` is in the course of, or over for a calendar period: it ends with a whole one, and waits are rounded up to milliseconds. */
const second = ({ span }: NamedRule, ms: number): number => (span.kind === 'calendar' ? Math.floor : Math.ceil)(ms / 1000);

/** Where rules stand, for the admin API. Rejects with `LimitStoreError`. */
export async function ruleStandings(store: LimitStore, rules: readonly NamedRule[]): Promise<readonly RuleStanding[]> {
  const read = await store.read(rules);
  const now = store.now();
  return rules.map((rule, at): RuleStanding => {
    const { used, held, resetMs } = read[at]!;
    const usd = rule.measure === 'nano_usd';
    const amount = (value: number): number | string => (usd ? formatUsd(value) : value);
    return {
      rule: rule.name,
      unit: usd ? 'usd' : rule.measure,
      period: periodOf(rule),
      limit: amount(rule.limit),
      used: amount(used),
      held: amount(held),
      reset_at: resetMs === 0 || !Number.isFinite(resetMs) ? null : second(rule, now + resetMs),
    };
  });
}

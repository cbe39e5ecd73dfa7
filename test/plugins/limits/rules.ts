import type { Charge, Measure, Rule, Scope, Span } from '../../../plugins/limits/contract.ts';
import { ruleId } from '../../../plugins/limits/rule-id.ts';
import type { LimitAlgorithm, Period } from '../../../schemas/limits-config.ts';

// Rules and charges for tests.

export const key: Scope = { kind: 'key', id: 'key_1' };
export const team: Scope = { kind: 'team', id: 'team_1' };
export const everyone: Scope = { kind: 'global', id: '' };

const rule = (scope: Scope, measure: Measure, span: Span, limit: number): Rule => ({
  id: ruleId(scope, measure, span),
  scope,
  measure,
  span,
  limit,
});

export const rate = (
  limit: number,
  algorithm: LimitAlgorithm = 'sliding_window',
  windowMs = 60_000,
  scope: Scope = key,
  measure: Measure = 'requests',
): Rule => rule(scope, measure, { kind: 'rate', algorithm, windowMs }, limit);

export const budget = (limit: number, period: Period = 'month', scope: Scope = key, measure: Measure = 'nano_usd'): Rule =>
  rule(scope, measure, { kind: 'calendar', period }, limit);

export const concurrent = (limit: number, scope: Scope = key): Rule => rule(scope, 'requests', { kind: 'concurrent' }, limit);

export const charge = (of: Rule, amount = 1): Charge => ({ rule: of, amount });

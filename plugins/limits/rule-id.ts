import type { Period } from '../../schemas/limits-config.ts';
import type { Measure, Scope, Span } from './contract.ts';

/** Name of the counter that the ledger feeds. */
export function calendarRuleId({ kind, id }: Scope, measure: Measure, period: Period): string {
  return `${kind}:${id}:${measure}:${period}`;
}

/** Name of the counter of a rule: the same for the same scope, measure and span. */
export function ruleId(scope: Scope, measure: Measure, span: Span): string {
  if (span.kind === 'calendar') return calendarRuleId(scope, measure, span.period);
  const how = span.kind === 'rate' ? `${span.algorithm}_${span.windowMs}` : 'concurrent';
  return `${scope.kind}:${scope.id}:${measure}:${how}`;
}

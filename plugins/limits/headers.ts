import type { LimitHeaders, Standing } from './contract.ts';
import { goDuration } from './durations.ts';
import type { NamedRule } from './rules.ts';

// `x-ratelimit-*` as the OpenAI API has them: of the limits of the caller's own, a key's and its team's.

const none: LimitHeaders = [];

/** Whether a rule is one that its caller is told about in numbers. */
function shown({ name, scope }: NamedRule): boolean {
  return name !== 'budget' && name !== 'concurrent_requests' && (scope.kind === 'key' || scope.kind === 'team');
}

function push(list: string[], { measure, limit }: NamedRule, { left, resetMs }: Standing): void {
  list.push(`x-ratelimit-limit-${measure}`, String(limit), `x-ratelimit-remaining-${measure}`, String(left));
  list.push(`x-ratelimit-reset-${measure}`, goDuration(resetMs));
}

/** Of several limits of one measure, that of which the least is left. `standings`: by the places of `rules`. */
export function limitHeaders(rules: readonly NamedRule[], standings: readonly Standing[]): LimitHeaders {
  let requests = -1;
  let tokens = -1;
  for (let at = 0; at < rules.length; at++) {
    const rule = rules[at]!;
    if (!shown(rule)) continue;
    const { left } = standings[at]!;
    if (rule.measure === 'requests') {
      if (requests < 0 || left < standings[requests]!.left) requests = at;
    } else if (tokens < 0 || left < standings[tokens]!.left) tokens = at;
  }
  if (requests < 0 && tokens < 0) return none;
  const list: string[] = [];
  if (requests >= 0) push(list, rules[requests]!, standings[requests]!);
  if (tokens >= 0) push(list, rules[tokens]!, standings[tokens]!);
  return list;
}

/** Those of the limit that refused a call. */
export function refusalHeaders(rule: NamedRule, standing: Standing): LimitHeaders {
  if (!shown(rule)) return none;
  const list: string[] = [];
  push(list, rule, standing);
  return list;
}
